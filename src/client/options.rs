//! What a host may set before it connects.

use std::path::PathBuf;
use std::time::Duration;

use super::credentials::Secret;
use super::journal::Journal;
use super::recording::Replay;

/// The settings of a client. Every field has a default that suits a plug-in; see [`Options::default`].
#[derive(Clone, Debug)]
pub struct Options {
    /// The longest that one exchange with the site may take, retries included; each page of a `find` has it for itself.
    /// `None`: no limit.
    pub timeout: Option<Duration>,
    /// The longest that making one connection may take. `None`: only `timeout` limits it.
    pub connect_timeout: Option<Duration>,
    /// How often a read is tried in all. Writes are never sent twice.
    pub max_attempts: u32,
    /// The most bytes that a reply may have, after decompression, and all rows of a `find` together. It may hold a value for each four
    /// of them.
    pub max_reply_bytes: u64,
    /// The most bytes of a file that a download writes. `None`: no limit.
    pub max_download_bytes: Option<u64>,
    /// Appended to the user agent, as `add_user_agent` of the official client does.
    pub user_agent_suffix: Option<String>,
    /// A PEM file of certificates to trust besides the operating system's. Wins over `SHOTGUN_API_CACERTS`.
    pub ca_file: Option<PathBuf>,
    /// `[user:password@]host[:port]` or a URL. Wins over the environment. May hold a password.
    pub proxy: Option<Secret>,
    /// Go straight to the site, whatever `proxy` and the environment say.
    pub no_proxy: bool,
    /// The login of the person to act for.
    pub sudo_as_login: Option<String>,
    /// The second factor of a person's sign-in.
    pub auth_token: Option<Secret>,
    /// Tags the event log entries of this client's writes.
    pub session_uuid: Option<String>,
    /// Allow `http://` to hosts other than this machine: credentials then cross the network in clear text.
    pub allow_insecure_http: bool,
    /// The most requests that are under way at once; further ones wait for their turn, in order. Files have half as many
    /// besides, so that they hold up nobody.
    pub max_connections: u32,
    /// Where messages about the work go.
    pub journal: Journal,
    /// Fetch the site's `info` and prove the credentials while connecting.
    pub verify_on_connect: bool,
    /// A file that everything is written to that goes to the site and comes from it, without secrets. It must not be there before;
    /// other clients of this process may name it as well.
    pub record: Option<PathBuf>,
    /// A recording that answers in place of the site.
    pub replay: Option<Replay>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            timeout: Some(Duration::from_secs(60)),
            connect_timeout: Some(Duration::from_secs(10)),
            max_attempts: 3,
            max_reply_bytes: 1 << 30,
            max_download_bytes: None,
            user_agent_suffix: None,
            ca_file: None,
            proxy: None,
            no_proxy: false,
            sudo_as_login: None,
            auth_token: None,
            session_uuid: None,
            allow_insecure_http: false,
            max_connections: 32,
            journal: Journal::default(),
            verify_on_connect: true,
            record: None,
            replay: None,
        }
    }
}
