//! What can go wrong with an exchange.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};

/// Why an exchange came to no whole answer.
#[derive(Debug)]
pub(in crate::client::transport) enum Trouble {
    /// No connection was made.
    Connect(Box<dyn StdError + Send + Sync>),
    /// No connection was made within the limit on that.
    ConnectTime,
    /// The connection failed.
    Io(io::Error),
    /// The connection ended in the middle.
    Cut,
    /// What came is not HTTP.
    Broken(String),
    /// What came cannot be decompressed.
    Packed(io::Error),
    /// The reply has more bytes than it may have.
    TooLarge,
    /// It was given up before it was sent.
    GivenUp,
    /// The time limit was reached.
    TimeUp,
}

impl Trouble {
    /// Whether the other side ended the connection.
    pub(super) fn is_hang_up(&self) -> bool {
        match self {
            Trouble::Cut => true,
            Trouble::Io(error) => is_dropped(error.kind()),
            _ => false,
        }
    }

    /// Whether an established connection was given up because its other side said nothing any more, not even to probes.
    pub(in crate::client::transport) fn is_silence(&self) -> bool {
        matches!(self, Trouble::Io(error) if is_silent(error.kind()))
    }
}

/// Whether the other side ended the connection.
pub(in crate::client::transport) const fn is_dropped(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof
            | ErrorKind::NotConnected
    )
}

/// Whether the system gave the connection up, because nothing on the way answers any more.
pub(in crate::client::transport) const fn is_silent(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable
    )
}
