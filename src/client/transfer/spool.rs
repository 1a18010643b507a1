//! A file that is written while more of it comes.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Error, ErrorKind, Result, Seek, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;

/// How much is handed over at once.
const PIECE: usize = 128 * 1024;
/// How much is written at once. The system keeps a file in blocks of about that size: small ones cost it work, but large ones are seldom to
/// be had from memory that was just freed, and new memory costs a virtual machine several times what the work does.
const WRITE: usize = 32 * 1024;
/// So many pieces wait to be written, besides the one that is being written and the one that is being filled.
const MOST_DUE: usize = 16;
/// How much is written of a file that is to be on the disk, until it is brought there. Smaller ones are left to the system.
const SAVED_AT_ONCE: usize = 16 << 20;

/// What comes is gathered into pieces, which a thread for files writes. Dropped, it leaves the rest unwritten.
pub(super) struct Spool {
    shared: Arc<Shared>,
    /// What came behind the last whole piece.
    gathered: Vec<u8>,
}

struct Shared {
    /// Whether it is to be on the disk when it is whole, if it is large.
    lasts: bool,
    lane: Mutex<Lane>,
    /// There is room for a piece, or a thread has done its work.
    moved: Notify,
}

#[derive(Default)]
struct Lane {
    /// Until it is closed. Whoever works with it has let go of it by the time it says that it has done its work.
    file: Option<Arc<File>>,
    due: VecDeque<Vec<u8>>,
    /// Pieces that were written, to be filled again.
    spare: Vec<Vec<u8>>,
    /// Whether a thread is writing.
    writes: bool,
    /// Whether a thread waits for the disk.
    saves: bool,
    unsaved: usize,
    /// Behind it nothing is written.
    failed: Option<Error>,
}

impl Spool {
    /// For a new file. One that `lasts` is brought to the disk while it comes, if it is large: where it replaces another, some file systems
    /// do that anyway when it takes its place, and whoever waits for the file would wait for all of it then.
    pub(super) fn new(file: File, lasts: bool) -> Spool {
        Spool {
            shared: Arc::new(Shared {
                lasts,
                lane: Mutex::new(Lane {
                    file: Some(Arc::new(file)),
                    ..Lane::default()
                }),
                moved: Notify::new(),
            }),
            gathered: Vec::new(),
        }
    }

    /// Takes more of the file. Waits only while the disk is far behind. An error may be that of what came before.
    pub(super) async fn append(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - self.gathered.len()));
            self.gathered.extend_from_slice(now);
            bytes = later;
            if self.gathered.len() == PIECE {
                let spare = |lane: &mut Lane| (lane.due.len() < MOST_DUE).then(|| lane.spare.pop());
                let spare = self.shared.until(spare).await?;
                let piece = std::mem::replace(&mut self.gathered, spare.unwrap_or_else(|| Vec::with_capacity(PIECE)));
                self.shared.write(piece);
            }
        }
        Ok(())
    }

    /// Forgets all that came.
    pub(super) async fn start_over(&mut self) -> Result<()> {
        self.settle().await?;
        self.gathered.clear();
        let shared = Arc::clone(&self.shared);
        let emptied = spawn_blocking(move || {
            let file = shared.file()?;
            file.set_len(0)?;
            (&*file).rewind()
        });
        emptied.await?
    }

    /// Waits until no thread is at work. What is gathered is left.
    pub(super) async fn settle(&self) -> Result<()> {
        self.shared.until(|lane| (!lane.writes && !lane.saves).then_some(())).await
    }

    /// Writes what is left, on a thread that may wait, once it has settled.
    pub(super) fn write_rest(&mut self, length: u64) -> Result<()> {
        (&*self.shared.file()?).write_all(&std::mem::take(&mut self.gathered))?;
        match self.shared.lasts && length > SAVED_AT_ONCE as u64 {
            true => self.shared.save(),
            false => Ok(()),
        }
    }

    /// Closes it, once it has settled.
    pub(super) fn close(&self) {
        self.shared.lane().file = None;
    }

    /// Lets go of the file and of its name on a thread for files: a disk may take long for either.
    pub(super) fn let_go(&self, name: impl Send + 'static) {
        if let Ok(runtime) = Handle::try_current() {
            let shared = Arc::clone(&self.shared);
            runtime.spawn_blocking(move || drop((name, shared)));
        }
    }
}

impl Shared {
    /// Waits until the lane gives what is wanted, or has failed.
    async fn until<T>(&self, mut wanted: impl FnMut(&mut Lane) -> Option<T>) -> Result<T> {
        loop {
            let moved = self.moved.notified();
            {
                let mut lane = self.lane();
                if let Some(error) = &lane.failed {
                    return Err(error.raw_os_error().map_or_else(|| error.kind().into(), Error::from_raw_os_error));
                }
                if let Some(found) = wanted(&mut lane) {
                    return Ok(found);
                }
            }
            moved.await;
        }
    }

    fn write(self: &Arc<Self>, piece: Vec<u8>) {
        let mut lane = self.lane();
        lane.due.push_back(piece);
        let is_written = std::mem::replace(&mut lane.writes, true);
        drop(lane);
        if !is_written {
            let shared = Arc::clone(self);
            spawn_blocking(move || shared.write_due());
        }
    }

    /// Writes what is due, and what becomes due meanwhile.
    fn write_due(self: &Arc<Self>) {
        let mut lane = self.lane();
        let file = lane.file.clone();
        while let (Some(file), Some(mut piece)) = (&file, lane.due.pop_front()) {
            // Who waits for room is woken for a good deal of it, and not for each piece.
            let is_roomy = lane.due.len() <= MOST_DUE / 2;
            drop(lane);
            if is_roomy {
                self.moved.notify_one();
            }
            let written = piece.chunks(WRITE).try_for_each(|part| (&**file).write_all(part));
            lane = self.lane();
            lane.unsaved += piece.len();
            piece.clear();
            lane.spare.push(piece);
            lane.note(written);
            if self.lasts && lane.unsaved >= SAVED_AT_ONCE && !lane.saves {
                lane.saves = true;
                lane.unsaved = 0;
                let shared = Arc::clone(self);
                spawn_blocking(move || shared.save_behind());
            }
        }
        drop(file);
        lane.writes = false;
        self.moved.notify_one();
    }

    fn save_behind(&self) {
        let saved = self.save();
        let mut lane = self.lane();
        lane.saves = false;
        lane.note(saved);
        self.moved.notify_one();
    }

    /// Brings what was written to the disk, where the file system knows how.
    fn save(&self) -> Result<()> {
        match self.file()?.sync_data() {
            Err(error) if !matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Err(error),
            _ => Ok(()),
        }
    }

    fn file(&self) -> Result<Arc<File>> {
        let closed = || Error::new(ErrorKind::NotConnected, "the file was closed");
        self.lane().file.clone().ok_or_else(closed)
    }

    fn lane(&self) -> MutexGuard<'_, Lane> {
        self.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    fn note(&mut self, done: Result<()>) {
        if let Err(error) = done {
            self.due.clear();
            self.failed.get_or_insert(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;

    fn run<T>(work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(work)
    }

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("libshotgrid-{}-spool-{name}", std::process::id()))
    }

    /// Bytes that no mistake in the order of pieces leaves alike.
    fn content(length: usize) -> Vec<u8> {
        (0..length as u64)
            .map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect()
    }

    #[test]
    fn what_comes_in_any_sizes_is_written_in_order() {
        let path = path("order");
        let whole = content(SAVED_AT_ONCE + 4 * PIECE + 12_345);
        for lasts in [false, true] {
            run(async {
                let mut spool = Spool::new(File::create(&path).unwrap(), lasts);
                let mut left = whole.as_slice();
                for size in [1, 700_000, PIECE, 3_000_000, 65_536, 13].into_iter().cycle() {
                    let (chunk, rest) = left.split_at(size.min(left.len()));
                    spool.append(chunk).await.unwrap();
                    left = rest;
                    if left.is_empty() {
                        break;
                    }
                }
                spool.settle().await.unwrap();
                assert!(spool.shared.lane().spare.len() <= MOST_DUE + 1);
                spool.write_rest(whole.len() as u64).unwrap();
            });
            assert!(std::fs::read(&path).unwrap() == whole, "lasts: {lasts}");
        }
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn what_came_before_is_forgotten_when_it_starts_over() {
        let path = path("again");
        run(async {
            let mut spool = Spool::new(File::create(&path).unwrap(), false);
            spool.append(&content(3 * PIECE + 5)).await.unwrap();
            spool.start_over().await.unwrap();
            spool.append(b"short").await.unwrap();
            spool.settle().await.unwrap();
            spool.write_rest(5).unwrap();
        });
        assert_eq!(std::fs::read(&path).unwrap(), b"short");
        std::fs::remove_file(&path).unwrap();
    }

    /// A pipe that nobody reads is a disk that hangs.
    #[test]
    #[cfg(unix)]
    fn no_more_waits_in_memory_than_the_pieces_that_are_due() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let whole = content((MOST_DUE + 8) * PIECE);
        run(async {
            let mut spool = Spool::new(File::from(std::os::fd::OwnedFd::from(writer)), false);
            let shared = Arc::clone(&spool.shared);
            let mut append = Box::pin(spool.append(&whole));
            let early = tokio::time::timeout(Duration::from_millis(300), &mut append).await;
            assert!(early.is_err(), "all of it is in memory");
            let due = shared.lane().due.len();
            assert!((MOST_DUE - 1..=MOST_DUE).contains(&due), "{due}");
            let reading = spawn_blocking(move || {
                let mut read = Vec::new();
                reader.read_to_end(&mut read).map(|_| read)
            });
            tokio::time::timeout(Duration::from_secs(30), append).await.unwrap().unwrap();
            spool.settle().await.unwrap();
            spool.write_rest(whole.len() as u64).unwrap();
            drop((spool, shared));
            assert!(reading.await.unwrap().unwrap() == whole);
        });
    }

    #[test]
    fn what_cannot_be_written_is_told_with_the_systems_words() {
        let path = path("refused");
        std::fs::write(&path, "before").unwrap();
        run(async {
            let mut spool = Spool::new(File::open(&path).unwrap(), true);
            let piece = content(PIECE);
            let mut told = Ok(());
            for _ in 0..MOST_DUE + 3 {
                told = spool.append(&piece).await;
            }
            assert!(told.unwrap_err().raw_os_error().is_some());
            assert!(spool.settle().await.is_err() && spool.start_over().await.is_err());
        });
        assert_eq!(std::fs::read(&path).unwrap(), b"before");
        std::fs::remove_file(&path).unwrap();
    }
}
