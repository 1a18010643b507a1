//! `sg login`, `sg logout`, `sg whoami`.

use std::io::{IsTerminal, Write};

use shotgrid::client::environment::{self, variable};
use shotgrid::client::signin::SignIn;
use shotgrid::client::{Client, Kind, Options, Secret, Value, quote};
use shotgrid::runtime::Runtime;

use crate::arguments::{Connection, Format};
use crate::connect::{self, Site};
use crate::failure::{self, Failure, Outcome, say};
use crate::output;
use crate::saved::{self, Saved};

/// Opens a session and keeps its token.
pub async fn login(connection: &Connection, in_browser: bool, opens: bool) -> Outcome {
    refuse_replay(connection)?;
    let site = connection.site.clone().or_else(environment::site);
    let site = site.map_or_else(|| ask("Site: "), Ok)?;
    let mut options = connect::options(connection);
    // The session is the person's own, whoever they act for later.
    options.sudo_as_login = None;
    let (client, login) = if in_browser {
        by_browser(&site, options, opens).await?
    } else {
        let login = variable("SG_LOGIN").map_or_else(|| ask("Login: "), Ok)?;
        let credentials = environment::person(login.clone(), &mut options, connect::password)?;
        (Client::connect(&site, credentials, options).await?, login)
    };
    let answer = client.call("get_session_token", "").await?;
    let token = answer.root().as_str().map(|token| Secret::new(token.into_owned()));
    let token = token.ok_or_else(|| Failure::auth("the site gave no session"))?;
    let saved = Saved {
        site: site.clone(),
        login: login.clone(),
        token,
    };
    let path = saved::keep(saved)?;
    say(&format!(
        "You are signed in to {site} as {login}; the session is in {}.",
        path.display()
    ));
    if variable("SG_SCRIPT").is_some() {
        say("SG_SCRIPT is set, and comes first: the next commands are the script's until it is unset.");
    }
    Ok(failure::OK)
}

/// What a recording answers is no session, and must not take the place of one that is kept.
fn refuse_replay(connection: &Connection) -> Result<(), Failure> {
    match connection.replay {
        Some(_) => Err(Failure::usage(
            "a recording opens and ends no session; --replay goes with the other commands",
        )),
        None => Ok(()),
    }
}

/// The person approves in a browser, on this machine or another: the address is theirs to open, too. To stop waiting gives the sign-in up.
async fn by_browser(site: &str, options: Options, opens: bool) -> Result<(Client, String), Failure> {
    let machine = variable("HOSTNAME").or_else(|| variable("COMPUTERNAME"));
    let sign_in = SignIn::new(site, "sg", machine.as_deref().unwrap_or("a command line"), options)?;
    let address = sign_in.begin().await?;
    let opened = opens && open(address.as_str());
    say(if opened {
        "Approve in your browser. If none has opened, this is the address:"
    } else {
        "Open this address in your browser, and approve there:"
    });
    say(&format!("  {address}"));
    say("Waiting until you have decided; Ctrl-C gives it up.");
    let client = sign_in.wait().await?;
    let login = sign_in.login().unwrap_or_default().to_owned();
    Ok((client, login))
}

/// Has the system open an address. Whether a browser came up nobody knows.
fn open(address: &str) -> bool {
    match Runtime::acquire().and_then(|runtime| runtime.open_browser(address)) {
        Ok(()) => true,
        Err(error) => {
            say(&error.message);
            false
        }
    }
}

pub fn logout(connection: &Connection) -> Outcome {
    let site = connection.site.clone().or_else(environment::site);
    refuse_replay(connection)?;
    let gone = saved::forget(site.as_deref())?;
    if gone.is_empty() {
        return Err(Failure::no("there is no kept session"));
    }
    say(&format!("Forgotten: {}.", gone.join(", ")));
    Ok(failure::OK)
}

fn ask(question: &str) -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        let name = question.trim_end_matches(": ").to_ascii_uppercase();
        return Err(Failure::usage(format!("SG_{name} is not set, and there is no terminal to ask on")));
    }
    let _ = write!(std::io::stderr(), "{question}");
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .map_err(|error| Failure::local(format!("standard input: {error}")))?;
    match line.trim() {
        "" => Err(Failure::usage("nothing was typed")),
        typed => Ok(typed.to_owned()),
    }
}

pub async fn whoami(site: &Site, format: Format) -> Outcome {
    let (entity_type, key) = if site.is_script && site.sudo.is_none() {
        ("ApiUser", "firstname")
    } else {
        ("HumanUser", "login")
    };
    let name = site.sudo.as_deref().unwrap_or(&site.name);
    let params = format!(
        r#"[{},[[{},"is",{}]],["login","firstname","name","email","permission_rule_set"]]"#,
        quote(entity_type),
        quote(key),
        quote(name)
    );
    let row = site.call("find_one", &params).await;
    let info = site.call("info", "").await?;
    let version = info.root().get("version").map_or(String::new(), |version| {
        let parts: Vec<_> = version.children().map(|part| part.json().trim_matches('"').to_owned()).collect();
        parts.join(".")
    });
    let row = row.ok();
    let root = row.as_ref().map(|row| row.root()).filter(|row| row.kind() == Kind::Object);
    let text = |pointer: &str| {
        let found = root.and_then(|row| row.pointer(pointer)).and_then(Value::as_str);
        found.map_or("null".to_owned(), |text| quote(&text))
    };
    let id = root.and_then(|row| row.get("id")).map_or("null", Value::json);
    let by = if site.sudo.is_some() {
        quote(&site.name)
    } else {
        "null".to_owned()
    };
    let json = format!(
        r#"{{"site":{},"version":{},"type":{},"id":{id},"name":{},"display_name":{},"email":{},"role":{},"on_behalf_by":{by}}}"#,
        quote(&site.url),
        quote(&version),
        quote(entity_type),
        quote(name),
        text("/name"),
        text("/email"),
        text("/permission_rule_set/name"),
    );
    output::one(json, format)
}
