//! One connection: bytes out, bytes in, secured or not.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Weak};
use std::time::Instant;

use rustls::ClientConnection;
use zeroize::Zeroize;

use super::socket::Socket;
use super::trouble::Trouble;
use crate::client::document::Reading;
use crate::client::here;

/// How much is read at once where it is not known how much will come.
const ROOM: usize = 32 * 1024;
/// How much is read of what can only be used whole, such as the head of a reply.
const MOST_ROOM: usize = 256 * 1024;

/// The longest request behind which there is nothing to do but to wait: there is room for it on a connection that was idle.
const SHORT: usize = 4 * 1024;

/// A connection that waits for another request.
pub(super) struct Idle {
    stream: Arc<TcpStream>,
    /// Whether its reads wait by themselves.
    is_patient: bool,
    tls: Option<Box<ClientConnection>>,
    buffer: Box<[u8]>,
    /// When it was used last.
    pub(super) since: Instant,
    /// The thread that used it last.
    pub(super) by: usize,
}

impl Idle {
    pub(super) fn watched(&self) -> Weak<TcpStream> {
        Arc::downgrade(&self.stream)
    }

    pub(super) fn is_watched_by(&self, watch: &Weak<TcpStream>) -> bool {
        std::ptr::eq(Arc::as_ptr(&self.stream), watch.as_ptr())
    }

    /// Whether the site has kept it open and said nothing.
    pub(super) fn is_alive(&mut self) -> bool {
        /// A secure one may have been sent tickets for later; one that has been sent many is not worth the time.
        const MOST_LOOKS: usize = 16;
        let with = if self.is_patient { here::current() } else { None };
        // Here nothing may wait that is not meant to.
        if with.is_none() && std::mem::take(&mut self.is_patient) && self.stream.set_nonblocking(true).is_err() {
            return false;
        }
        let nothing_came = |stream: &TcpStream| match &with {
            Some(with) => with.is_quiet(stream),
            None => matches!(stream.peek(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock),
        };
        let Some(tls) = &mut self.tls else {
            return nothing_came(&self.stream);
        };
        for _ in 0..MOST_LOOKS {
            if nothing_came(&self.stream) {
                return true;
            }
            match tls.read_tls(&mut &*self.stream) {
                Ok(0) => return false,
                Ok(_) if is_quiet(tls) => {}
                Ok(_) => return false,
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
        false
    }
}

/// Whether a site has said nothing over TLS that nobody has read, and has not said that it ends.
fn is_quiet(tls: &mut ClientConnection) -> bool {
    matches!(tls.process_new_packets(), Ok(state) if state.plaintext_bytes_to_read() == 0 && !state.peer_has_closed())
}

/// A connection on which an exchange goes on.
pub(super) struct Connection {
    socket: Socket,
    tls: Option<Box<ClientConnection>>,
    buffer: Box<[u8]>,
    /// What of the buffer was read and not used yet.
    start: usize,
    end: usize,
    /// How much of the buffer was written to.
    furthest: usize,
    /// Whether there may be more to read without waiting.
    eager: bool,
}

fn insecure(error: rustls::Error) -> Trouble {
    Trouble::Io(io::Error::new(ErrorKind::InvalidData, error))
}

fn room(bytes: usize) -> Box<[u8]> {
    vec![0; bytes].into_boxed_slice()
}

/// How the writing of some bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Whole,
    /// The site has said something meanwhile.
    Heard,
    /// The site takes no more.
    HungUp,
}

impl Connection {
    /// One that was just made, for an exchange that must have ended by then.
    pub(super) fn new(stream: TcpStream, tls: Option<Box<ClientConnection>>, until: Option<Instant>) -> io::Result<Connection> {
        Connection::again(
            Idle {
                stream: Arc::new(stream),
                is_patient: false,
                tls,
                buffer: room(ROOM),
                since: Instant::now(),
                by: here::thread(),
            },
            until,
        )
    }

    /// One that was idle.
    pub(super) fn again(idle: Idle, until: Option<Instant>) -> io::Result<Connection> {
        Ok(Connection {
            socket: Socket::new(idle.stream, idle.is_patient, until)?,
            tls: idle.tls,
            buffer: idle.buffer,
            start: 0,
            end: 0,
            furthest: 0,
            eager: false,
        })
    }

    /// Whether the runtime waits for it.
    pub(super) fn is_of_runtime(&self) -> bool {
        self.socket.is_of_runtime()
    }

    /// It, to be used again. `None` where the site said more than was asked, or that it is the end.
    pub(super) fn into_idle(mut self) -> Option<Idle> {
        if self.start != self.end || self.tls.as_mut().is_some_and(|tls| !is_quiet(tls)) {
            return None;
        }
        // A reply may hold a secret, and a connection may be kept for long.
        self.buffer.get_mut(..self.furthest).unwrap_or_default().zeroize();
        let (stream, is_patient) = self.socket.into_stream().ok()?;
        Some(Idle {
            stream,
            is_patient,
            tls: self.tls,
            buffer: if self.buffer.len() > ROOM { room(ROOM) } else { self.buffer },
            since: Instant::now(),
            by: here::thread(),
        })
    }

    /// Prepares it for a request of so many bytes.
    pub(super) fn expect(&mut self, request: usize) -> io::Result<()> {
        self.socket.set_patient(request <= SHORT)
    }

    /// Makes it secure.
    pub(super) async fn shake_hands(&mut self) -> Result<(), Trouble> {
        while self.tls.as_ref().is_some_and(|tls| tls.is_handshaking()) {
            self.socket.take_time().await?;
            self.flush().await?;
            if self.tls.as_ref().is_some_and(|tls| tls.is_handshaking()) && !self.read_records().await? {
                return Err(Trouble::Io(io::Error::new(ErrorKind::UnexpectedEof, "tls handshake eof")));
            }
        }
        self.flush().await
    }

    /// Writes what TLS has to send for a handshake.
    async fn flush(&mut self) -> Result<(), Trouble> {
        let Some(tls) = &mut self.tls else { return Ok(()) };
        while tls.wants_write() {
            match tls.write_tls(&mut &self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    // What there is to read is read behind it; a handshake is short.
                    self.socket.take_time().await?;
                    self.socket.ready(true).await?;
                }
                Err(error) => return Err(Trouble::Io(error)),
            }
        }
        Ok(())
    }

    /// Reads what TLS was sent. False at the end.
    async fn read_records(&mut self) -> Result<bool, Trouble> {
        let Some(tls) = &mut self.tls else { return Ok(false) };
        loop {
            if !self.socket.may_read(self.eager) {
                self.socket.ready(false).await?;
            }
            match tls.read_tls(&mut &self.socket) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.socket.note_read(count);
                    self.eager = true;
                    let read = tls.process_new_packets();
                    // What TLS has to say to that, if the site listens: what is wrong, or another key.
                    if tls.wants_write() {
                        let _ = tls.write_tls(&mut &self.socket);
                    }
                    return read.map(|_| true).map_err(insecure);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.eager = false;
                    self.socket.lose_patience();
                }
                Err(error) => return Err(Trouble::Io(error)),
            }
        }
    }

    /// Writes on from `done`, until it is done or the site has said something.
    pub(super) async fn send(&mut self, bytes: &[u8], done: &mut usize) -> Result<Sent, Trouble> {
        self.eager = false;
        while *done < bytes.len() || self.tls.as_ref().is_some_and(|tls| tls.wants_write()) {
            self.socket.take_time().await?;
            let rest = bytes.get(*done..).unwrap_or_default();
            let written = match &mut self.tls {
                None => (&self.socket).write(rest).map(|count| *done += count),
                Some(tls) => {
                    // It takes as much as it may keep.
                    *done += tls.writer().write(rest).map_err(Trouble::Io)?;
                    tls.write_tls(&mut &self.socket).map(drop)
                }
            };
            match written {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if self.socket.ready(true).await?
                        && let Some(heard) = self.heard()?
                    {
                        return Ok(heard);
                    }
                }
                // Why it hung up may stand in what it sent before.
                Err(error) if super::trouble::is_dropped(error.kind()) => return Ok(Sent::HungUp),
                Err(error) => return Err(Trouble::Io(error)),
            }
        }
        Ok(Sent::Whole)
    }

    /// What the site has said, while it is being written to; that is unused then. Where there is no room for more, it has said enough.
    fn heard(&mut self) -> Result<Option<Sent>, Trouble> {
        if let Some(tls) = &mut self.tls {
            match tls.read_tls(&mut &self.socket) {
                Ok(0) => return Ok(Some(Sent::HungUp)),
                Ok(_) => {
                    tls.process_new_packets().map_err(insecure)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // What the system says of a connection it says once.
                Err(error) if super::trouble::is_silent(error.kind()) => return Err(Trouble::Io(error)),
                // Or TLS has more than it keeps.
                Err(_) => return Ok(Some(Sent::HungUp)),
            }
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        let read = match &mut self.tls {
            None => (&self.socket).read(room),
            Some(tls) => tls.reader().read(room),
        };
        match read {
            Ok(0) => Ok(Some(Sent::HungUp)),
            Ok(count) => {
                self.end += count;
                self.furthest = self.furthest.max(self.end);
                Ok(Some(Sent::Heard))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) if super::trouble::is_dropped(error.kind()) => Ok(Some(Sent::HungUp)),
            Err(error) => Err(Trouble::Io(error)),
        }
    }

    /// Reads some bytes; 0 at the end.
    async fn receive(&mut self, into: &mut [u8]) -> Result<usize, Trouble> {
        loop {
            if let Some(tls) = &mut self.tls {
                // What was read and deciphered is little.
                match tls.reader().read(into) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    read => return read.map_err(Trouble::Io),
                }
            }
            // Where this thread waits next, that is noticed by itself. The runtime's readiness is no wait while there is something to read,
            // and counts as none.
            if self.eager || self.tls.is_some() || self.is_of_runtime() {
                self.socket.take_time_to_read().await?;
            }
            if self.tls.is_some() {
                if !self.read_records().await?
                    && let Some(tls) = &mut self.tls
                {
                    // An end that was not announced is none: somebody may have cut off the rest.
                    return tls.reader().read(into).map_err(Trouble::Io);
                }
                continue;
            }
            if !self.socket.may_read(self.eager) {
                self.socket.ready(false).await?;
            }
            match (&self.socket).read(into) {
                Ok(count) => {
                    self.socket.note_read(count);
                    // Where there was room left, there was no more.
                    self.eager = count == into.len();
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.eager = false;
                    self.socket.lose_patience();
                }
                Err(error) => return Err(Trouble::Io(error)),
            }
        }
    }

    /// Lets others have their turn, and time limits be noticed.
    pub(super) async fn take_time(&self) -> Result<(), Trouble> {
        self.socket.take_time().await
    }

    /// What was read and not used yet.
    pub(super) fn unused(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Uses so many bytes of that.
    pub(super) fn use_up(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Reads more of what is unused. `None` where there is no room for more; false at the end.
    pub(super) async fn read_more(&mut self) -> Result<Option<bool>, Trouble> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        if self.end == buffer.len() && self.end < MOST_ROOM {
            let mut larger = room(buffer.len() * 2);
            larger.iter_mut().zip(&buffer).for_each(|(to, from)| *to = *from);
            buffer = larger;
        }
        let read = match buffer.get_mut(self.end..) {
            Some(room) if !room.is_empty() => self.receive(room).await.map(Some),
            _ => Ok(None),
        };
        self.buffer = buffer;
        let read = read?;
        self.end += read.unwrap_or(0);
        self.furthest = self.furthest.max(self.end);
        Ok(read.map(|count| count > 0))
    }

    /// Reads so many bytes of a body, or those until the end, and adds them to it. What comes is read as JSON meanwhile, on the host's thread,
    /// which has nothing else to do.
    pub(super) async fn read_body(&mut self, body: &mut Vec<u8>, count: Length, mut reading: Option<&mut Reading>) -> Result<(), Trouble> {
        /// Memory follows what really comes.
        const STEP: usize = 256 * 1024;
        let (wanted, expected) = match count {
            Length::Whole(count) => (count, body.len() + count),
            Length::Part(count) => (count, 0),
            Length::AtMost(most) => (most, 0),
        };
        let mut go_on = |socket: &Socket, text: Option<&[u8]>| {
            if let (Socket::Here { .. }, Some(reading), Some(text)) = (socket, &mut reading, text) {
                reading.go_on(text, expected);
            }
        };
        let there = self.unused().len().min(wanted);
        body.extend_from_slice(self.unused().get(..there).unwrap_or_default());
        self.use_up(there);
        go_on(&self.socket, Some(body));
        let mut left = wanted - there;
        let mut filled = body.len();
        let outcome = loop {
            if left == 0 {
                break Ok(());
            }
            if filled == body.len() {
                body.resize(filled + left.min(STEP), 0);
            }
            match self.receive(body.get_mut(filled..).unwrap_or_default()).await {
                Ok(0) if matches!(count, Length::AtMost(_)) => break Ok(()),
                Ok(0) => break Err(Trouble::Cut),
                Ok(read) => {
                    filled += read;
                    left -= read;
                    go_on(&self.socket, body.get(..filled));
                }
                Err(trouble) => break Err(trouble),
            }
        };
        body.truncate(filled);
        outcome
    }
}

/// How much of a body there is.
#[derive(Clone, Copy)]
pub(super) enum Length {
    Whole(usize),
    /// More of it comes behind.
    Part(usize),
    /// As much as comes before the end of the connection.
    AtMost(usize),
}
