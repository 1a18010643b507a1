//! The system's side of a connection: who waits for it, and how.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::Interest;

use super::trouble::Trouble;
use crate::client::here::{self, Came, Here, Woken};

/// For so long a read waits by itself. Answers that take longer are waited for otherwise, and so is what must have ended before.
const MOMENT: Duration = Duration::from_secs(1);
/// For so long a write does, for which there is room.
const LITTLE: Duration = Duration::from_millis(20);
/// So much is read on the runtime before others have their turn. What is small is counted by the runtime.
const TURN: usize = 256 * 1024;

/// How a connection is waited for.
pub(super) enum Socket {
    /// By this thread of the host's.
    Here {
        stream: Arc<TcpStream>,
        with: Here,
        until: Option<Instant>,
        patience: Patience,
        /// How much may be read though the time is up, once that was asked.
        late: Option<usize>,
    },
    /// By the runtime.
    Runtime {
        stream: tokio::net::TcpStream,
        /// How much was read since others had their turn.
        read: usize,
    },
}

/// What reads and writes do where there is nothing to read, or no room.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// They say so at once.
    None,
    /// They wait for a moment. That is one system call where to wait and to read are two.
    Moment,
    /// They would, and one did in vain: the next wait is for as long as it takes.
    Spent,
}

impl Socket {
    /// A connection for an exchange that must have ended by then.
    pub(super) fn new(stream: Arc<TcpStream>, is_patient: bool, until: Option<Instant>) -> io::Result<Socket> {
        let patience = if is_patient { Patience::Moment } else { Patience::None };
        Ok(match here::current() {
            Some(with) => Socket::Here {
                stream,
                with,
                until,
                patience,
                late: None,
            },
            None => {
                // Nobody else has it but for the moment of a shutdown.
                let stream = Arc::try_unwrap(stream).or_else(|shared| shared.try_clone())?;
                of_runtime(stream, patience)?
            }
        })
    }

    /// It, and whether its reads wait by themselves.
    pub(super) fn into_stream(self) -> io::Result<(Arc<TcpStream>, bool)> {
        match self {
            Socket::Here { stream, patience, .. } => Ok((stream, patience != Patience::None)),
            Socket::Runtime { stream, .. } => Ok((Arc::new(stream.into_std()?), false)),
        }
    }

    /// Whether the runtime waits for it.
    pub(super) fn is_of_runtime(&self) -> bool {
        matches!(self, Socket::Runtime { .. })
    }

    /// Has reads wait by themselves, or not, where this thread of the host's carries out the call.
    pub(super) fn set_patient(&mut self, wanted: bool) -> io::Result<()> {
        let Socket::Here {
            stream, with, patience, ..
        } = self
        else {
            return Ok(());
        };
        if wanted && *patience == Patience::None && with.watch(stream) {
            stream.set_read_timeout(Some(MOMENT))?;
            stream.set_write_timeout(Some(LITTLE))?;
            stream.set_nonblocking(false)?;
            *patience = Patience::Moment;
        } else if !wanted && *patience != Patience::None {
            stream.set_nonblocking(true)?;
            *patience = Patience::None;
        }
        Ok(())
    }

    /// Whether a read may be tried: because it waits by itself and there is time, or because more may have come and it does not wait.
    pub(super) fn may_read(&self, may_have_more: bool) -> bool {
        match self {
            Socket::Here {
                with,
                until,
                patience: Patience::Moment,
                ..
            } => {
                here::is_here() && !with.is_stopped() && until.is_none_or(|until| until.saturating_duration_since(Instant::now()) > MOMENT)
            }
            Socket::Here {
                patience: Patience::Spent, ..
            } => false,
            _ => may_have_more,
        }
    }

    /// Notes that a read had nothing.
    pub(super) fn lose_patience(&mut self) {
        if let Socket::Here { patience, .. } = self
            && *patience == Patience::Moment
        {
            *patience = Patience::Spent;
        }
    }

    /// Notes that so many bytes were read.
    pub(super) fn note_read(&mut self, count: usize) {
        match self {
            Socket::Here { late: Some(left), .. } => *left = left.saturating_sub(count),
            Socket::Here { .. } => {}
            Socket::Runtime { read, .. } => *read += count,
        }
    }

    /// Whether something is to be read though the time is up. A thread that was held up, in a handler of a signal, by a debugger or with its
    /// whole machine, finds then what came in time: that is as much as the system holds when it is first asked, and the end behind
    /// that. What a site sends on and on is no reason to go on.
    fn is_to_be_read_late(&mut self) -> bool {
        let Socket::Here { stream, with, late, .. } = self else {
            return false;
        };
        match late {
            Some(1..) => true,
            Some(0) => with.what_came(stream) == Came::End,
            None => {
                let came = with.what_came(stream);
                *late = Some(if let Came::Bytes(count) = came { count } else { 0 });
                came != Came::Bytes(0)
            }
        }
    }

    /// Waits until there is something to read or, if that is wanted, room to write. True for something to read, or the end.
    pub(super) async fn ready(&mut self, to_write: bool) -> Result<bool, Trouble> {
        // The call may have gone on to the runtime meanwhile, whose thread must not be held up.
        if let Socket::Here { stream, patience, .. } = self
            && !here::is_here()
        {
            let moved = stream.try_clone().and_then(|stream| of_runtime(stream, *patience));
            *self = moved.map_err(Trouble::Io)?;
        }
        match self {
            Socket::Here { stream, with, until, .. } => match with.wait(stream, to_write, *until).map_err(Trouble::Io)? {
                Woken::ToRead => Ok(true),
                Woken::ToWrite => Ok(false),
                Woken::TimeUp if !to_write && self.is_to_be_read_late() => Ok(true),
                Woken::TimeUp => Err(Trouble::TimeUp),
                // Nobody will poll this again.
                Woken::Stopped => std::future::pending().await,
            },
            Socket::Runtime { stream, .. } => {
                let interest = match to_write {
                    true => Interest::READABLE | Interest::WRITABLE,
                    false => Interest::READABLE,
                };
                let ready = stream.ready(interest).await.map_err(Trouble::Io)?;
                Ok(ready.is_readable() || ready.is_read_closed())
            }
        }
    }

    /// Lets time limits and shutdowns be noticed though there is always something to read.
    pub(super) async fn take_time_to_read(&mut self) -> Result<(), Trouble> {
        if let Socket::Runtime { read, .. } = self
            && *read >= TURN
        {
            *read = 0;
            tokio::task::yield_now().await;
        }
        match self.take_time().await {
            Err(Trouble::TimeUp) if self.is_to_be_read_late() => Ok(()),
            taken => taken,
        }
    }

    /// The same where nothing is read.
    pub(super) async fn take_time(&self) -> Result<(), Trouble> {
        match self {
            Socket::Here { until: Some(until), .. } if Instant::now() >= *until => Err(Trouble::TimeUp),
            Socket::Here { with, .. } if with.is_stopped() => std::future::pending().await,
            Socket::Here { .. } => Ok(()),
            Socket::Runtime { .. } => {
                tokio::task::consume_budget().await;
                Ok(())
            }
        }
    }
}

/// A connection as the runtime has it.
fn of_runtime(stream: TcpStream, patience: Patience) -> io::Result<Socket> {
    if patience != Patience::None {
        stream.set_nonblocking(true)?;
    }
    let stream = tokio::net::TcpStream::from_std(stream)?;
    Ok(Socket::Runtime { stream, read: 0 })
}

impl Socket {
    /// Reads or writes. What waits by itself and is interrupted, or ended by a shutdown, is to be waited for otherwise, where that is seen.
    /// A shutdown ends each connection that has ever waited by itself, and a cancel those of the calls: such an end is none of the site's.
    fn moved(&self, mut bytes: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
        let (with, is_patient) = match self {
            Socket::Here { with, patience, .. } => (Some(with), *patience != Patience::None),
            Socket::Runtime { .. } => (None, false),
        };
        loop {
            match bytes() {
                Err(error) if error.kind() == ErrorKind::Interrupted && !is_patient => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => return Err(ErrorKind::WouldBlock.into()),
                Ok(0) | Err(_) if with.is_some_and(|with| with.is_stopped()) => return Err(ErrorKind::WouldBlock.into()),
                moved => return moved,
            }
        }
    }
}

impl Read for &Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.moved(|| match self {
            Socket::Here { stream, .. } => (&**stream).read(into),
            Socket::Runtime { stream, .. } => stream.try_read(into),
        })
    }
}

impl Write for &Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.moved(|| match self {
            // Sent so that no SIGPIPE comes of it.
            Socket::Here { stream, .. } => (&**stream).write(bytes),
            Socket::Runtime { stream, .. } => stream.try_write(bytes),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
