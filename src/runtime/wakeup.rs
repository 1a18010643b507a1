//! A descriptor that a host's event loop can watch.

#[cfg(not(unix))]
pub(super) use none::Wakeup;
#[cfg(unix)]
pub(super) use unix::Wakeup;

#[cfg(unix)]
mod unix {
    use std::io::{Read, Result, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    /// Readable while something is due: then there is one byte in it.
    pub struct Wakeup {
        host: UnixStream,
        ours: UnixStream,
        shown: bool,
    }

    impl Wakeup {
        pub fn new() -> Result<Wakeup> {
            let (host, ours) = UnixStream::pair()?;
            host.set_nonblocking(true)?;
            ours.set_nonblocking(true)?;
            Ok(Wakeup { host, ours, shown: false })
        }

        pub fn descriptor(&self) -> i32 {
            self.host.as_raw_fd()
        }

        pub fn show(&mut self, due: bool) {
            if due == self.shown {
                return;
            }
            self.shown = due;
            // There is room for one byte; and a host that reads the byte away against the rules loses a wake-up, no more.
            let _ = match due {
                true => self.ours.write(&[1]),
                false => self.host.read(&mut [0]),
            };
        }
    }
}

#[cfg(not(unix))]
mod none {
    /// This system's event loops watch no descriptors.
    pub struct Wakeup;

    impl Wakeup {
        pub fn new() -> std::io::Result<Wakeup> {
            Ok(Wakeup)
        }

        pub fn descriptor(&self) -> i32 {
            -1
        }

        pub fn show(&mut self, _due: bool) {}
    }
}
