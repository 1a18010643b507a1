//! The data of the site: one SQLite table for each entity type, one link table for each
//! multi-entity field, and a directory of display names that every link is resolved through.

pub(crate) mod ddl;
pub(crate) mod late;
pub(crate) mod links;
#[cfg(test)]
mod plans;
pub(crate) mod query;
pub(crate) mod row;
pub(crate) mod scratch;
pub(crate) mod select;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::backup::Progress;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, MAIN_DB, OpenFlags, Transaction, TransactionBehavior};

use crate::fault::Fault;
use crate::schema::Schema;
use scratch::Scratch;

/// Kept in the file's `user_version`; a file of another layout is refused instead of misread.
const LAYOUT_VERSION: i64 = 1;
/// "SGsb", kept in the file's `application_id`, so that some other program's file is told apart.
const APPLICATION_ID: i64 = 0x5347_7362;
/// Idle read connections kept for the next call.
const IDLE_READERS: usize = 8;
/// Reads look at the file as if it were memory, and sort in memory. Said only when the file is known to be ours.
const IN_MEMORY: &str = "PRAGMA mmap_size = 268435456; PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;";
/// How long a connection waits for another process that has the file locked.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// How long a site that is just ending may keep the file.
const CLAIM_WAIT: Duration = Duration::from_secs(1);

/// Why the data file can't be used.
#[derive(Debug)]
pub(crate) enum StoreError {
    Sqlite(rusqlite::Error),
    Io(PathBuf, std::io::Error),
    NotOurs(PathBuf),
    OtherVersion {
        path: PathBuf,
        found: i64,
    },
    /// Another site has it.
    InUse(PathBuf),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(error) => write!(f, "the data store failed: {error}"),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::NotOurs(path) => write!(f, "{} is not a data file of this program", path.display()),
            Self::InUse(path) => write!(
                f,
                "{} is in use by another sandbox; end that one, or give this one a data file of its own",
                path.display()
            ),
            Self::OtherVersion { path, found } => write!(
                f,
                "{} has data layout version {found}, this program reads and writes version {LAYOUT_VERSION}",
                path.display()
            ),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Reads run side by side, each on a connection of its own; writes go one after the other.
pub(crate) struct Store {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    /// A copy of the data as they were once the site was filled. Only data that are not kept have one.
    start: Option<PathBuf>,
    /// How late events may show; zero where all show at once.
    lateness: Duration,
    /// Held while the data file is ours. Let go behind the connections, and by the system when the program is killed.
    _claim: Option<Mutex<Connection>>,
    /// A directory of our own when no data file was asked for, removed with everything in it. The last
    /// field, so that the connections are closed by then.
    scratch: Option<Scratch>,
}

impl Store {
    /// Opens `file`, or a scratch file that goes away with the store. Says whether it is new, and to be
    /// filled.
    ///
    /// The scratch store is a file, too: SQLite lets readers run beside a writer only in WAL mode, which
    /// its in-memory databases lack.
    pub(crate) fn open(file: Option<&Path>, schema: &Schema, lateness: Duration) -> Result<(Self, bool), StoreError> {
        let (path, scratch) = match file {
            Some(path) => (path.to_owned(), None),
            None => {
                let scratch = Scratch::new()?;
                (scratch.file("site.sqlite"), Some(scratch))
            }
        };
        let claim = file.map(claim).transpose()?.map(Mutex::new);
        let (writer, new) = Self::open_writer(&path, scratch.is_some(), schema, lateness)?;
        let store = Self {
            path,
            writer: Mutex::new(writer),
            readers: Mutex::new(Vec::new()),
            start: None,
            scratch,
            lateness,
            _claim: claim,
        };
        Ok((store, new))
    }

    fn open_writer(path: &Path, scratch: bool, schema: &Schema, lateness: Duration) -> Result<(Connection, bool), StoreError> {
        let mut writer = Connection::open(path)?;
        prepare_connection(&writer)?;
        let not_ours = |_| StoreError::NotOurs(path.to_owned());
        let version: i64 = writer
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(not_ours)?;
        let application: i64 = writer
            .pragma_query_value(None, "application_id", |row| row.get(0))
            .map_err(not_ours)?;
        let tables: i64 = writer.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
        let blank = tables == 0;
        if !blank && application != APPLICATION_ID {
            return Err(StoreError::NotOurs(path.to_owned()));
        }
        // A first start that failed, or was killed, left tables without a version and nothing in them.
        let new = version == 0;
        if !new && version != LAYOUT_VERSION {
            return Err(StoreError::OtherVersion {
                path: path.to_owned(),
                found: version,
            });
        }
        writer.execute_batch(IN_MEMORY)?;
        writer.pragma_update(None, "journal_mode", "WAL")?;
        // A scratch store has nothing to keep over a crash; a data file must lose no answered write.
        let synchronous = if scratch { "OFF" } else { "FULL" };
        writer.pragma_update(None, "synchronous", synchronous)?;
        let transaction = writer.transaction()?;
        ddl::add_missing_columns(&transaction, schema)?;
        transaction.execute_batch(&ddl::create_statements(schema))?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        late::begin(&transaction, lateness)?;
        transaction.commit()?;
        late::prepare(&writer, lateness)?;
        Ok((writer, new))
    }

    /// The data file; what else is kept lies beside it.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Says, in the transaction that filled a new file, that it is whole.
    pub(crate) fn mark_filled(connection: &Connection) -> Result<(), Fault> {
        Ok(connection.pragma_update(None, "user_version", LAYOUT_VERSION)?)
    }

    /// Remembers the data as they are now, to be put back; not those that are kept in a file.
    pub(crate) fn remember_start(&mut self) -> Result<(), StoreError> {
        if let Some(scratch) = &self.scratch {
            let copy = scratch.file("start.sqlite");
            // All of it is in the one file then.
            lock(&self.writer).query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            std::fs::copy(&self.path, &copy).map_err(|error| StoreError::Io(copy.clone(), error))?;
            self.start = Some(copy);
        }
        Ok(())
    }

    pub(crate) fn can_be_put_back(&self) -> bool {
        self.start.is_some()
    }

    /// Puts the data back as they were remembered, and does what must be done before anybody else can write.
    pub(crate) fn put_back<T>(&self, then: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        let start = self.start.as_deref();
        let start = start.ok_or_else(|| Fault::argument("data that are kept in a file are not put back"))?;
        let mut connection = lock(&self.writer);
        connection.restore(MAIN_DB, start, None::<fn(Progress)>)?;
        then(&connection)
    }

    /// Runs `work` on one snapshot of the data.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        self.show_late_events()?;
        let idle = lock(&self.readers).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.open_reader()?,
        };
        let result = {
            let snapshot = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
            work(&snapshot)
        };
        let mut readers = lock(&self.readers);
        if readers.len() < IDLE_READERS {
            readers.push(connection);
        }
        result
    }

    /// Runs `work` as one transaction: all of it is kept, or, when it fails, nothing.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        self.write_then(work, |result| result)
    }

    /// The same, with something to be done when it is kept and before anybody else can write.
    pub(crate) fn write_then<T, U>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault>,
        done: impl FnOnce(T) -> U,
    ) -> Result<U, Fault> {
        let mut connection = lock(&self.writer);
        let transaction = Transaction::new(&mut connection, TransactionBehavior::Immediate)?;
        if !self.lateness.is_zero() {
            late::show(&transaction)?;
        }
        let result = work(&transaction)?;
        transaction.commit()?;
        Ok(done(result))
    }

    /// Before each read. Where somebody writes, their transaction does it.
    fn show_late_events(&self) -> Result<(), rusqlite::Error> {
        match self.writer.try_lock() {
            Ok(writer) if !self.lateness.is_zero() => late::show(&writer),
            _ => Ok(()),
        }
    }

    fn open_reader(&self) -> Result<Connection, rusqlite::Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        prepare_connection(&connection)?;
        connection.execute_batch(IN_MEMORY)?;
        Ok(connection)
    }
}

impl Drop for Store {
    /// The writer is closed last: only it can move the log into the data file, which readers may not write.
    fn drop(&mut self) {
        lock(&self.readers).clear();
    }
}

/// Makes a data file ours alone, by a lock on a file beside it: its own locks come and go with each write.
fn claim(data: &Path) -> Result<Connection, StoreError> {
    let whole = std::fs::canonicalize(data).unwrap_or_else(|_| data.to_owned());
    let mut name = whole.file_name().unwrap_or_default().to_os_string();
    name.push(".lock");
    let claim = Connection::open(whole.with_file_name(name))?;
    claim.busy_timeout(CLAIM_WAIT)?;
    match claim.execute_batch("BEGIN EXCLUSIVE") {
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => Err(StoreError::InUse(data.to_owned())),
        claimed => Ok(claimed.map(|()| claim)?),
    }
}

/// A panic while a lock was held rolled its transaction back, so what it guards is still sound.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What every connection needs to know before it can read the tables.
fn prepare_connection(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(256);
    connection.create_collation("FOLD", fold_compare)?;
    connection.create_scalar_function(
        "fold",
        1,
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC,
        |context| {
            let text: Option<String> = context.get(0)?;
            Ok(text.map(|text| fold(&text)))
        },
    )
}

/// Text with the differences of case taken out.
pub(crate) fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// Orders text without regard to case, in any script.
fn fold_compare(left: &str, right: &str) -> std::cmp::Ordering {
    if left.is_ascii() && right.is_ascii() {
        let lower = |byte: u8| byte.to_ascii_lowercase();
        return left.bytes().map(lower).cmp(right.bytes().map(lower));
    }
    left.chars()
        .flat_map(char::to_lowercase)
        .cmp(right.chars().flat_map(char::to_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_an_older_schema_lacked_is_added() {
        let scratch = Scratch::new().unwrap();
        let file = scratch.file("site.sqlite");
        let schema = Schema::built_in().unwrap();
        let color = |store: &Store| {
            store.read(|connection| {
                let mut statement = connection.prepare("SELECT color FROM t_Shot")?;
                Ok(statement.query([])?.next()?.is_none())
            })
        };
        let (store, new) = Store::open(Some(&file), &schema, Duration::ZERO).unwrap();
        assert!(new);
        store.write(Store::mark_filled).unwrap();
        store
            .write(|connection| Ok(connection.execute_batch("ALTER TABLE t_Shot DROP COLUMN color")?))
            .unwrap();
        assert!(color(&store).is_err());
        drop(store);
        let (store, new) = Store::open(Some(&file), &schema, Duration::ZERO).unwrap();
        assert!(!new);
        assert!(color(&store).unwrap());
    }

    #[test]
    fn case_makes_no_difference_in_any_script() {
        use std::cmp::Ordering::{Equal, Greater, Less};
        for (left, right, order) in [
            ("abc", "ABC", Equal),
            ("ÉMILE", "émile", Equal),
            ("ДОМ", "дом", Equal),
            ("abc", "abd", Less),
            ("b", "ABC", Greater),
            ("é", "z", Greater),
            ("", "a", Less),
        ] {
            assert_eq!(fold_compare(left, right), order, "{left} {right}");
        }
    }
}
