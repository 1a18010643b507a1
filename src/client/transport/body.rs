//! What a request carries: texts and parts of files, sent piece by piece.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::task::JoinHandle;

use super::watch::Watch;
use crate::client::error::{Error, file_trouble};
use crate::client::recording::Sum;
use crate::client::status::Status;

/// How much of a file is read at once. One chunk is being read while another is being sent.
const CHUNK: usize = 512 * 1024;

/// The body of a request, before it is sent.
#[derive(Default)]
pub(in crate::client) struct Pieces(VecDeque<Piece>);

enum Piece {
    Bytes(Bytes),
    /// So many bytes of a file from where it stands.
    File {
        /// For messages.
        path: PathBuf,
        file: Ahead,
        left: u64,
    },
}

/// A file that is read a chunk ahead of what is sent.
struct Ahead {
    /// Away while it is being read.
    file: Option<File>,
    unread: u64,
    coming: Option<JoinHandle<(File, std::io::Result<Vec<u8>>)>>,
}

impl Ahead {
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<Bytes>> {
        if self.coming.is_none() {
            self.read_on();
        }
        let Some(coming) = &mut self.coming else {
            return Poll::Ready(Ok(Bytes::new()));
        };
        let read = ready!(Pin::new(coming).poll(context));
        self.coming = None;
        let (file, chunk) = read.map_err(std::io::Error::other)?;
        let chunk = chunk?;
        self.unread = self.unread.saturating_sub(chunk.len() as u64);
        if !chunk.is_empty() {
            self.file = Some(file);
            self.read_on();
        }
        Poll::Ready(Ok(Bytes::from(chunk)))
    }

    fn read_on(&mut self) {
        let wanted = self.unread.min(CHUNK as u64);
        if let Some(mut file) = self.file.take_if(|_| wanted > 0) {
            self.coming = Some(tokio::task::spawn_blocking(move || {
                let mut chunk = Vec::with_capacity(CHUNK);
                let read = file.by_ref().take(wanted).read_to_end(&mut chunk);
                (file, read.map(|_| chunk))
            }));
        }
    }
}

impl Pieces {
    pub(in crate::client) fn bytes(mut self, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        if !bytes.is_empty() {
            self.0.push_back(Piece::Bytes(bytes));
        }
        self
    }

    pub(in crate::client) fn file(mut self, path: &Path, file: File, length: u64) -> Self {
        if length > 0 {
            let path = path.to_owned();
            let file = Ahead {
                file: Some(file),
                unread: length,
                coming: None,
            };
            self.0.push_back(Piece::File { path, file, left: length });
        }
        self
    }

    /// As the HTTP stack takes it. What it sends of files is added to `sum`.
    pub(super) fn watched(self, watch: Arc<Watch>, sum: Option<Arc<Sum>>) -> WatchedBody {
        WatchedBody {
            pieces: self.0,
            watch,
            sum,
        }
    }
}

/// A body that tells whether the HTTP stack has begun to write the request, and how far it is. The stack asks for the
/// body when a connection stands and the head is being written: before that, not a byte has left.
pub(super) struct WatchedBody {
    pieces: VecDeque<Piece>,
    watch: Arc<Watch>,
    sum: Option<Arc<Sum>>,
}

impl WatchedBody {
    fn left(&self) -> u64 {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Bytes(bytes) => bytes.len() as u64,
                Piece::File { left, .. } => *left,
            })
            .sum()
    }
}

impl http_body::Body for WatchedBody {
    type Data = Bytes;
    type Error = FileTrouble;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, FileTrouble>>> {
        let this = self.get_mut();
        if !this.watch.begin() {
            return Poll::Ready(Some(Err(given_up())));
        }
        let chunk = match this.pieces.front_mut() {
            None => return Poll::Ready(None),
            Some(Piece::Bytes(bytes)) => std::mem::take(bytes),
            Some(Piece::File { path, file, left }) => {
                let chunk = match ready!(file.poll_chunk(context)) {
                    Ok(chunk) => chunk,
                    Err(error) => return Poll::Ready(Some(Err(FileTrouble::new(path, &error)))),
                };
                if chunk.is_empty() {
                    let shorter = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
                    return Poll::Ready(Some(Err(FileTrouble::new(path, &shorter))));
                }
                *left -= chunk.len() as u64;
                this.watch.note_file_bytes(chunk.len() as u64);
                if let Some(sum) = &this.sum {
                    sum.add(&chunk);
                }
                chunk
            }
        };
        this.watch.note_sent(chunk.len() as u64);
        if matches!(this.pieces.front(), Some(Piece::Bytes(_) | Piece::File { left: 0, .. })) {
            this.pieces.pop_front();
        }
        if this.pieces.is_empty() && !this.watch.finish() {
            return Poll::Ready(Some(Err(given_up())));
        }
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}

fn given_up() -> FileTrouble {
    FileTrouble(Error::new(Status::Cancelled, "the request was given up"))
}

/// What ends a request from this side: a local file that failed while it was being sent.
#[derive(Debug)]
pub(super) struct FileTrouble(pub(super) Error);

impl FileTrouble {
    fn new(path: &Path, error: &std::io::Error) -> Self {
        FileTrouble(match error.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                let what = format!("{} became shorter while it was being sent", path.display());
                Error::new(Status::Io, what)
            }
            _ => file_trouble(path, "could not be read to its end", error),
        })
    }
}

impl fmt::Display for FileTrouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.message)
    }
}

impl std::error::Error for FileTrouble {}
