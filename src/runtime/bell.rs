//! What ends the waits of hosts' threads that wait for connections by themselves, all at once and for good.

#[cfg(not(unix))]
pub use none::{Bell, is_quiet, what_came};
#[cfg(unix)]
pub use unix::{Bell, is_quiet, what_came};

#[cfg(unix)]
mod unix {
    use std::io::{ErrorKind, PipeReader, PipeWriter, Result, Write};
    use std::net::{Shutdown, TcpStream};
    use std::os::fd::AsRawFd;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex, PoisonError, Weak};
    use std::time::{Duration, Instant};

    use crate::client::here::{Came, Woken};
    use crate::runtime::signals;

    /// A pipe into which at most one byte is ever written, and out of which none is read.
    pub struct Bell {
        heard: PipeReader,
        rope: PipeWriter,
        rung: AtomicBool,
        /// Connections whose reads wait by themselves.
        watched: Mutex<Vec<Weak<TcpStream>>>,
    }

    impl Bell {
        pub fn new() -> Result<Bell> {
            let (heard, rope) = std::io::pipe()?;
            Ok(Bell {
                heard,
                rope,
                rung: AtomicBool::new(false),
                watched: Mutex::default(),
            })
        }

        pub fn ring(&self) {
            // There is room for one.
            if !self.rung.swap(true, Ordering::AcqRel) {
                let _ = (&self.rope).write(&[1]);
            }
            // Whoever is in a read is woken by its end, and sees then that the bell was rung.
            let watched = std::mem::take(&mut *self.watched.lock().unwrap_or_else(PoisonError::into_inner));
            for connection in watched.iter().filter_map(Weak::upgrade) {
                let _ = connection.shutdown(Shutdown::Both);
            }
        }

        /// Ends a connection, and so the reads that wait on it, when the bell is rung. False where it was.
        pub fn watch(&self, connection: &Arc<TcpStream>) -> bool {
            let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
            if self.was_rung() {
                return false;
            }
            // Few are made, and those that are gone are let go of then.
            watched.retain(|each| each.strong_count() > 0 && !std::ptr::eq(each.as_ptr(), Arc::as_ptr(connection)));
            watched.push(Arc::downgrade(connection));
            true
        }

        pub fn was_rung(&self) -> bool {
            self.rung.load(Ordering::Acquire)
        }

        /// Waits until there is something to read on a connection or, if that is wanted, room to write; or the time has come; or the bell
        /// was rung. Handlers of signals run meanwhile, as in any other wait of the host's.
        pub fn wait(&self, connection: &TcpStream, to_write: bool, until: Option<Instant>) -> Result<Woken> {
            let events = libc::POLLIN | if to_write { libc::POLLOUT } else { 0 };
            let mut watched = [descriptor(connection, events), descriptor(&self.heard, libc::POLLIN)];
            loop {
                let left = until.map(|until| until.saturating_duration_since(Instant::now()));
                // Though there may be something to read, as there is without end from a site that means no good: see `what_came`.
                if left.is_some_and(|left| left.is_zero()) {
                    return Ok(if self.was_rung() { Woken::Stopped } else { Woken::TimeUp });
                }
                let count = signals::poll(&mut watched, milliseconds(left));
                let [connection, bell] = &watched;
                match count {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                    Ok(0) => {}
                    _ if bell.revents != 0 => return Ok(Woken::Stopped),
                    // Errors and ends are read too.
                    _ if connection.revents & !libc::POLLOUT != 0 => return Ok(Woken::ToRead),
                    _ => return Ok(Woken::ToWrite),
                }
            }
        }
    }

    /// Whether nothing has come on a connection, not even its end. It does not wait, whatever reads of the connection do.
    pub fn is_quiet(connection: &TcpStream) -> bool {
        matches!(signals::peek(connection), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// What has come on a connection. It takes nothing away, not even an error, which the system tells once.
    pub fn what_came(connection: &TcpStream) -> Came {
        let mut watched = [descriptor(connection, libc::POLLIN)];
        match signals::poll(&mut watched, 0) {
            Ok(0) | Err(_) => Came::Bytes(0),
            Ok(_) => match signals::unread(connection) {
                Ok(0) => Came::End,
                Ok(count) => Came::Bytes(count),
                Err(_) => Came::Bytes(0),
            },
        }
    }

    fn descriptor(of: &impl AsRawFd, events: libc::c_short) -> libc::pollfd {
        libc::pollfd {
            fd: of.as_raw_fd(),
            events,
            revents: 0,
        }
    }

    /// Rounded up, so that a wait is never too short; -1 is for ever.
    fn milliseconds(left: Option<Duration>) -> libc::c_int {
        left.map_or(-1, |left| {
            libc::c_int::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(libc::c_int::MAX)
        })
    }

    #[cfg(test)]
    mod tests {
        use std::io::Read;
        use std::net::TcpListener;

        use super::*;

        fn connected() -> (TcpStream, TcpStream) {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (near, listener.accept().unwrap().0)
        }

        #[test]
        fn a_wait_ends_with_what_comes_first() {
            let bell = Bell::new().unwrap();
            let (near, mut far) = connected();
            let soon = || Some(Instant::now() + Duration::from_millis(20));
            assert_eq!(bell.wait(&near, false, soon()).unwrap(), Woken::TimeUp);
            assert_eq!(bell.wait(&near, true, None).unwrap(), Woken::ToWrite);
            far.write_all(b"x").unwrap();
            assert_eq!(bell.wait(&near, false, None).unwrap(), Woken::ToRead);
            drop(far);
            assert_eq!(bell.wait(&near, true, None).unwrap(), Woken::ToRead);
        }

        #[test]
        fn what_came_is_told_and_left_where_it_is() {
            let (mut near, mut far) = connected();
            assert_eq!(what_came(&near), Came::Bytes(0));
            far.write_all(b"abc").unwrap();
            far.shutdown(Shutdown::Write).unwrap();
            // Until it is there.
            near.peek(&mut [0]).unwrap();
            assert_eq!([what_came(&near), what_came(&near)], [Came::Bytes(3); 2]);
            let mut read = [0; 3];
            near.read_exact(&mut read).unwrap();
            assert_eq!(near.peek(&mut [0]).unwrap(), 0);
            assert_eq!([what_came(&near), what_came(&near)], [Came::End; 2]);
        }

        #[test]
        fn whoever_waits_hears_the_bell_and_whoever_comes_later() {
            let bell = Bell::new().unwrap();
            let (near, _far) = connected();
            std::thread::scope(|scope| {
                let waiting = || bell.wait(&near, false, None).unwrap();
                let waits = [scope.spawn(waiting), scope.spawn(waiting)];
                std::thread::sleep(Duration::from_millis(20));
                bell.ring();
                waits.into_iter().for_each(|wait| assert_eq!(wait.join().unwrap(), Woken::Stopped));
            });
            assert_eq!(bell.wait(&near, true, None).unwrap(), Woken::Stopped);
        }
    }
}

#[cfg(not(unix))]
mod none {
    use std::io::{Error, ErrorKind, Result};
    use std::net::TcpStream;
    use std::sync::Arc;
    use std::time::Instant;

    use crate::client::here::{Came, Woken};

    /// No connection is asked about.
    pub fn is_quiet(_: &TcpStream) -> bool {
        false
    }

    /// Nor about this.
    pub fn what_came(_: &TcpStream) -> Came {
        Came::Bytes(0)
    }

    /// There is none: hosts' threads do not wait by themselves.
    pub struct Bell;

    impl Bell {
        pub fn new() -> Result<Bell> {
            Err(Error::from(ErrorKind::Unsupported))
        }

        pub fn ring(&self) {}

        pub fn was_rung(&self) -> bool {
            false
        }

        pub fn watch(&self, _: &Arc<TcpStream>) -> bool {
            false
        }

        pub fn wait(&self, _: &TcpStream, _: bool, _: Option<Instant>) -> Result<Woken> {
            Err(Error::from(ErrorKind::Unsupported))
        }
    }
}
