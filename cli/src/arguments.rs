//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use shotgrid::client::events::From as Beginning;

const ABOUT: &str = "Flow Production Tracking (ShotGrid) from a shell: find, create, update, upload, and ask what you may.";

const AFTER: &str = "\
Who you are:
  SG_SITE                the site, such as https://studio.shotgrid.autodesk.com
  SG_SCRIPT, SG_KEY      a script's name and its application key, or
  SG_LOGIN, SG_PASSWORD  a person (the password is asked for if it is not set), or
  sg login               a session that is kept for the next commands

Exit codes:
  0  done                      5  network, time-out, site busy
  1  no, or not found          6  the site refuses the data
  2  wrong command line        7  the site failed, or is too old
  3  not signed in             8  a local file
  4  the role forbids it       9  it depends (sg can)     130  Ctrl-C

Examples:
  sg find Shot -f 'project is Project:70' -f 'sg_status_list is_not omt'
  sg create Version project=Project:70 code=comp_v001 entity=Shot:862
  sg update Shot 862 sg_status_list=ip assets+=Asset:1226
  sg can -q update Shot 862 sg_status_list && echo 'go ahead'";

const FILTER_HELP: &str = "A condition: FIELD RELATION VALUE, as in 'code is SQ010_0010'; all must hold";

#[derive(Parser)]
#[command(name = "sg", bin_name = "sg", version, about = ABOUT, after_help = AFTER, max_term_width = 110)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub connection: Connection,
    #[command(flatten)]
    pub format: Format,
}

/// Where to, as whom. Keys and passwords are never arguments: every user of a machine sees those.
#[derive(Args, Clone)]
#[command(next_help_heading = "Connection")]
pub struct Connection {
    /// The site's address; else SG_SITE, else that of `sg login`
    #[arg(long, global = true, value_name = "URL")]
    pub site: Option<String>,
    /// The login of the person to act for, where the script or person may
    #[arg(long, global = true, value_name = "LOGIN")]
    pub sudo: Option<String>,
    /// The longest that a request may take, in seconds; 0 for no limit
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 60)]
    pub timeout: u64,
    /// Allow http:// to other machines: what is sent can be read on the way
    #[arg(long, global = true)]
    pub insecure_http: bool,
    /// Write all that goes to the site and comes from it to a new file, without keys and passwords
    #[arg(long, global = true, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Answer from such a file in place of the site; who you are does not matter then
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "record")]
    pub replay: Option<PathBuf>,
}

#[derive(Args, Clone, Copy)]
#[command(next_help_heading = "Output")]
pub struct Format {
    /// JSON, as the site sends it (the usual one where standard output is no terminal)
    #[arg(long, global = true, conflicts_with_all = ["table", "csv", "jsonl"])]
    pub json: bool,
    /// JSON, one row a line
    #[arg(long, global = true, conflicts_with_all = ["table", "csv"])]
    pub jsonl: bool,
    /// A table (the usual one on a terminal)
    #[arg(long, global = true, conflicts_with = "csv")]
    pub table: bool,
    /// Comma-separated values with a first line of names
    #[arg(long, global = true)]
    pub csv: bool,
}

#[derive(Subcommand)]
pub enum Command {
    /// Find rows
    Find(Find),
    /// Find the first row; exit code 1 where there is none
    FindOne(FindOne),
    /// Show one row, with all of its fields unless some are named
    Get(Get),
    /// Count, sum and compare
    Summarize(Summarize),
    /// Make a row
    Create(Create),
    /// Change fields of a row
    Update(Update),
    /// Retire rows
    Delete(Rows),
    /// Bring retired rows back
    Revive(Rows),
    /// Make several changes, all or none: requests as JSON, one a line
    Batch {
        /// Where the requests are; - is standard input
        #[arg(default_value = "-")]
        file: PathBuf,
    },
    /// List entity types, the fields of one, or describe a field
    Schema(Schema),
    /// Upload a file and print the id of its Attachment
    Upload(Upload),
    /// Download an Attachment, or the file in a field
    Download(Download),
    /// Call any method of the API
    Call(Call),
    /// Print what happens on the site: what is in the event log, and with --follow all that comes
    #[command(after_help = EVENTS)]
    Events(Events),
    /// Show who you are, on which site
    Whoami,
    /// Ask whether you may, without doing it; exit code 0 yes, 1 no, 9 it depends
    Can(Can),
    /// Sign in with login and password or in the browser, and keep the session
    #[command(after_help = LOGIN)]
    Login {
        /// In the browser: for sites with single sign-on or Autodesk Identity
        #[arg(long)]
        browser: bool,
        /// Only print the address, and open no browser
        #[arg(long, requires = "browser")]
        no_open: bool,
    },
    /// Forget the kept session
    Logout,
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

const LOGIN: &str = "\
The ways to sign in, the first that is there:
  SG_SCRIPT and SG_KEY  a script's name and its application key
  SG_LOGIN              a person; SG_PASSWORD, or a question on a terminal
  sg login              the session that was kept

sg login takes SG_SITE, SG_LOGIN and SG_PASSWORD too, and asks for what is not
set; SG_AUTH_TOKEN is a second factor. With --browser it opens an address in
your browser, prints it too, and waits until you have approved there; Ctrl-C
gives it up, and what you approve afterwards is not collected. The session's
token is kept in a file that only you can read: SG_SESSION_FILE, else
sg/session.json in XDG_CONFIG_HOME or ~/.config. Passwords and keys are never
kept.";

const EVENTS: &str = "\
Each event comes at least once, also those whose numbers fill in late. On a
terminal it is a line; with --json, and where standard output is no terminal, it
is a line of JSON, with \"actor\", \"late\" and \"duplicate_possible\" besides the
site's own fields. The state is kept after the events were printed: whoever is
killed in between gets them again, marked. Ctrl-C is the end of --follow, with
exit code 0.

  sg events --follow --type Shot --attribute sg_status_list --state shots.state
  sg events --from 2026-01-31 --type Version --event Shotgun_Version_New --json";

#[derive(Args)]
pub struct Events {
    /// Go on with what comes, until Ctrl-C
    #[arg(long)]
    pub follow: bool,
    /// Where to begin: now, beginning, behind the event with this ID, or at a TIME (UTC)
    #[arg(long, value_name = "WHERE", value_parser = crate::events::from)]
    pub from: Option<Beginning>,
    /// Go on where the last run with this file was; --from is for the first one
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Only of these projects: 70, or Project:70
    #[arg(long, value_delimiter = ',', value_name = "ID", value_parser = crate::events::project)]
    pub project: Vec<i64>,
    /// Only about these entity types, such as Shot
    #[arg(long = "type", value_delimiter = ',', value_name = "TYPE")]
    pub entity_type: Vec<String>,
    /// Only of these types of events, such as Shotgun_Shot_Change
    #[arg(long, value_delimiter = ',', value_name = "EVENT_TYPE")]
    pub event: Vec<String>,
    /// Only changes of these fields, such as sg_status_list
    #[arg(long, value_delimiter = ',', value_name = "FIELD")]
    pub attribute: Vec<String>,
    /// A condition on the event itself, as in 'user is HumanUser:24'; all must hold
    #[arg(short, long = "filter", value_name = "CONDITION")]
    pub filters: Vec<String>,
    /// Fields of the event to read besides the usual ones, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "FIELD")]
    pub fields: Vec<String>,
    /// The pause between two looks; it grows to ten times this while nothing happens
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = crate::events::every)]
    pub every: Duration,
}

#[derive(Args)]
pub struct Filters {
    #[arg(short, long = "filter", value_name = "CONDITION", help = FILTER_HELP)]
    pub filters: Vec<String>,
    /// One condition is enough
    #[arg(long)]
    pub any: bool,
    /// Conditions as JSON, as the API takes them
    #[arg(long, value_name = "JSON", conflicts_with_all = ["filters", "any"])]
    pub filters_json: Option<String>,
    /// Only retired rows
    #[arg(long)]
    pub retired: bool,
}

#[derive(Args)]
pub struct Find {
    /// Such as Shot
    pub entity_type: String,
    #[command(flatten)]
    pub filters: Filters,
    /// Fields to show, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "FIELD")]
    pub fields: Vec<String>,
    /// Fields to sort by; FIELD:desc for the largest first
    #[arg(short, long, value_delimiter = ',', value_name = "FIELD")]
    pub order: Vec<String>,
    /// The most rows
    #[arg(short, long, default_value_t = 0, hide_default_value = true, value_name = "COUNT")]
    pub limit: u64,
    /// Only this page, of --limit rows or as many as the site gives
    #[arg(short, long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub page: Option<u64>,
}

#[derive(Args)]
pub struct FindOne {
    /// Such as Shot
    pub entity_type: String,
    #[command(flatten)]
    pub filters: Filters,
    /// Fields to show, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "FIELD")]
    pub fields: Vec<String>,
    /// Fields to sort by; FIELD:desc for the largest first
    #[arg(short, long, value_delimiter = ',', value_name = "FIELD")]
    pub order: Vec<String>,
}

#[derive(Args)]
pub struct Get {
    /// The row: Shot 862, or Shot:862
    #[arg(required = true, num_args = 1..=2, value_names = ["TYPE", "ID"])]
    pub row: Vec<String>,
    /// Fields to show, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "FIELD")]
    pub fields: Vec<String>,
}

#[derive(Args)]
pub struct Summarize {
    /// Such as Task
    pub entity_type: String,
    #[command(flatten)]
    pub filters: Filters,
    /// What to sum up: FIELD:SUMMARY, as in id:count, est_in_mins:sum, due_date:latest
    #[arg(short, long, value_delimiter = ',', value_name = "FIELD:SUMMARY", default_value = "id:count")]
    pub sum: Vec<String>,
    /// What to group by: FIELD, FIELD:GROUPING, as in due_date:month
    #[arg(short, long, value_delimiter = ',', value_name = "FIELD")]
    pub group: Vec<String>,
}

#[derive(Args)]
pub struct Create {
    /// Such as Shot
    pub entity_type: String,
    /// FIELD=VALUE, or FIELD:=JSON
    #[arg(value_name = "FIELD=VALUE")]
    pub values: Vec<String>,
}

#[derive(Args)]
pub struct Update {
    /// The row, Shot 862 or Shot:862, and what to change: FIELD=VALUE, FIELD:=JSON; FIELD+=LINK and FIELD-=LINK add to and take from a list
    #[arg(required = true, num_args = 2.., value_name = "ROW FIELD=VALUE", allow_hyphen_values = false)]
    pub words: Vec<String>,
}

#[derive(Args)]
pub struct Rows {
    /// The rows: Shot 862 863, or Shot:862 Version:6944
    #[arg(required = true, num_args = 1.., value_name = "ROW")]
    pub rows: Vec<String>,
}

#[derive(Args)]
pub struct Schema {
    /// Such as Shot
    pub entity_type: Option<String>,
    /// Such as sg_status_list
    pub field: Option<String>,
}

#[derive(Args)]
pub struct Upload {
    /// The row, Version 6944 or Version:6944, and the file
    #[arg(required = true, num_args = 2..=3, value_names = ["TYPE", "ID", "FILE"])]
    pub words: Vec<String>,
    /// The field to upload to; without one it is attached to the row
    #[arg(long, value_name = "FIELD")]
    pub field: Option<String>,
    /// As the row's thumbnail
    #[arg(long, conflicts_with = "field")]
    pub thumbnail: bool,
    /// What the site calls it, if not by the file's name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

#[derive(Args)]
pub struct Download {
    /// An Attachment's id, or a row (Version:6944) with --field
    pub what: String,
    /// Where to; - is standard output
    pub file: PathBuf,
    /// The row's field that holds the file
    #[arg(long, value_name = "FIELD")]
    pub field: Option<String>,
    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Args)]
pub struct Call {
    /// A method of the official client, such as schema_entity_read, or of the wire with --raw
    pub method: String,
    /// Its parameters as JSON, an object by name or an array by position; - is standard input
    #[arg(default_value = "", hide_default_value = true)]
    pub parameters: String,
    /// Send a method of the wire as it is
    #[arg(long)]
    pub raw: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Operation {
    Create,
    Read,
    Update,
    Delete,
    Revive,
}

#[derive(Args)]
pub struct Can {
    /// What to do
    pub operation: Operation,
    /// The type or row, and fields or FIELD=VALUE: Shot 862 sg_status_list
    #[arg(required = true, num_args = 1.., value_name = "ROW FIELD")]
    pub words: Vec<String>,
    /// Make only reads, and try nothing
    #[arg(long)]
    pub no_dry_run: bool,
    /// Say nothing: the exit code is the answer
    #[arg(short, long)]
    pub quiet: bool,
}
