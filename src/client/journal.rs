//! What the client tells about its work while it does it.

use std::fmt;
use std::sync::Arc;

/// How much a message of the log matters.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A call failed.
    Error = 1,
    /// Something went wrong and is being mended, such as a request that is tried again.
    Warn = 2,
    /// Milestones: signed in, a session was renewed.
    Info = 3,
    /// Every call, with its time, bytes and requests.
    Debug = 4,
}

impl Level {
    /// The level of a number.
    pub fn from_code(code: i32) -> Option<Level> {
        [Level::Error, Level::Warn, Level::Info, Level::Debug]
            .into_iter()
            .find(|level| *level as i32 == code)
    }
}

/// Takes the messages. No message holds a secret.
pub trait Log: Send + Sync {
    /// Whether messages of this level are wanted at all, before one is made.
    fn wants(&self, level: Level) -> bool;
    /// Takes a message about a subject. It must not wait.
    fn write(&self, level: Level, target: &'static str, message: String);
}

/// Where the messages go; nowhere by default.
#[derive(Clone, Default)]
pub struct Journal(Option<Arc<dyn Log>>);

impl Journal {
    /// A journal that goes to `log`.
    pub fn new(log: Arc<dyn Log>) -> Journal {
        Journal(Some(log))
    }

    /// Writes a message, which is made only if it is wanted.
    pub(super) fn write(&self, level: Level, target: &'static str, message: impl FnOnce() -> String) {
        if let Some(log) = self.0.as_ref().filter(|log| log.wants(level)) {
            log.write(level, target, message());
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.0.is_some() { "Journal(on)" } else { "Journal(off)" })
    }
}
