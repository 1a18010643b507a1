//! How a command ends: its exit code, and what standard error says.

use std::io::{ErrorKind, Write};

use shotgrid::client::{Error, Status};

/// What a command comes to.
pub type Outcome = Result<u8, Failure>;

/// It did what was asked.
pub const OK: u8 = 0;
/// The answer is no, or there is no such thing.
pub const NO: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// The site does not know who is asking.
pub const AUTH: u8 = 3;
/// The permission role forbids it.
pub const PERMISSION: u8 = 4;
/// The site could not be reached, or not in time.
pub const NETWORK: u8 = 5;
/// The site refuses the data.
pub const REJECTED: u8 = 6;
/// The site failed, or is too old.
pub const SITE: u8 = 7;
/// A file of this machine.
pub const LOCAL: u8 = 8;
/// `sg can`: it depends.
pub const DEPENDS: u8 = 9;
/// A fault of this program.
pub const INTERNAL: u8 = 70;
/// Ctrl-C.
pub const CANCELLED: u8 = 130;

/// So a site says that a field takes a link, and was given something else.
const WANTS_A_LINK: &str = "expected [Hash, NilClass]";

/// Why a command did not end well.
pub struct Failure {
    code: u8,
    message: String,
    hint: Option<String>,
}

impl Failure {
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure::new(USAGE, message)
    }

    pub fn local(message: impl Into<String>) -> Failure {
        Failure::new(LOCAL, message)
    }

    pub fn no(message: impl Into<String>) -> Failure {
        Failure::new(NO, message)
    }

    pub fn auth(message: impl Into<String>) -> Failure {
        Failure::new(AUTH, message)
    }

    fn new(code: u8, message: impl Into<String>) -> Failure {
        Failure {
            code,
            message: message.into(),
            hint: None,
        }
    }

    pub fn hint(self, hint: impl Into<String>) -> Failure {
        Failure {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// What is wrong, without the hint.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What a call of the library came to.
    pub fn of(error: Error) -> Failure {
        let code = code_of(error.status);
        let mut failure = Failure::new(code, in_own_words(&error));
        failure.hint = if error.may_have_applied {
            Some("it may have been done all the same: look before you try again".to_owned())
        } else {
            hint_for(&error)
        };
        failure
    }

    /// Says it on standard error, and gives the exit code.
    pub fn tell(self) -> u8 {
        let mut text = format!("sg: {}\n", one_line(&self.message));
        if let Some(hint) = &self.hint {
            text.push_str(&format!("    {}\n", one_line(hint)));
        }
        // Where even that cannot be said, the exit code says it.
        let _ = std::io::stderr().write_all(text.as_bytes());
        self.code
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::of(error)
    }
}

/// A line for the person, not for a program.
pub fn say(line: &str) {
    // Nobody is there to be told that nobody can be told.
    let _ = writeln!(std::io::stderr(), "{}", crate::show::harmless(line));
}

/// A reader that has seen enough is no failure; a full disk is.
pub fn written(outcome: std::io::Result<()>) -> u8 {
    match outcome.and_then(|()| std::io::stdout().flush()) {
        Ok(()) => OK,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => OK,
        Err(error) => Failure::local(format!("standard output: {error}")).tell(),
    }
}

fn code_of(status: Status) -> u8 {
    match Status::from_code(status.class()).unwrap_or(Status::Internal) {
        Status::InvalidArgument => USAGE,
        Status::NotFound => NO,
        Status::Auth => AUTH,
        Status::Permission => PERMISSION,
        Status::Timeout | Status::Network | Status::Tls | Status::RateLimited | Status::Unavailable => NETWORK,
        Status::Rejected | Status::Conflict => REJECTED,
        Status::Protocol | Status::ServerFault | Status::Unsupported => SITE,
        Status::Io | Status::Recording => LOCAL,
        Status::Cancelled => CANCELLED,
        _ => INTERNAL,
    }
}

/// What the library says of arguments, with the names that they have here.
fn in_own_words(error: &Error) -> String {
    if Status::from_code(error.status.class()) != Some(Status::InvalidArgument) {
        return error.message.clone();
    }
    let message = error.message.replace("site_url ", "the site's address ");
    message.replace("set allow_insecure_http", "give --insecure-http")
}

fn hint_for(error: &Error) -> Option<String> {
    match Status::from_code(error.status.class())? {
        Status::Auth => Some("see `sg help login` for the ways to sign in".to_owned()),
        Status::Permission => {
            let refusal = &error.refusal;
            let entity_type = refusal.entity_type.as_deref()?;
            let id = refusal.entity_id.map_or(String::new(), |id| format!(" {id}"));
            let field = refusal.field.as_deref().map_or(String::new(), |field| format!(" {field}"));
            let operation = refusal.operation.as_deref().filter(|operation| *operation != "sudo")?;
            Some(format!("`sg can {operation} {entity_type}{id}{field}` asks without trying"))
        }
        Status::Rejected if error.message.contains(WANTS_A_LINK) => Some("a link is written TYPE:ID, such as Sequence:12".to_owned()),
        Status::Network => Some("is the address right, and is there a proxy? HTTPS_PROXY and NO_PROXY are honoured".to_owned()),
        Status::Tls => Some("SHOTGUN_API_CACERTS names a file of certificates to trust".to_owned()),
        Status::RateLimited | Status::Unavailable => Some("the site is busy; try again in a while".to_owned()),
        _ => None,
    }
}

/// Messages may hold what a site or a file's name holds: no line breaks, nothing that moves a terminal's cursor.
fn one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    crate::show::harmless(&words).into_owned()
}
