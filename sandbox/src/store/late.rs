//! Events that show late: near the head of a real site's log some numbers are missing when what stands behind them is there, and
//! some of those fill in yet.
//!
//! Such an event is kept at once, with the moment of its coming in place of the mark of a retired row, where nobody looks for it.

use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use super::lock;

/// Of ten events so many show late, and of ten numbers so many are never used.
const LATE_IN_TEN: u8 = 3;
const SKIPPED_IN_TEN: u8 = 3;
const INDEX: &str = "CREATE INDEX IF NOT EXISTS late_events ON \"t_EventLogEntry\" (_retired) WHERE _retired > 1";
const SHOW: &str = "UPDATE \"t_EventLogEntry\" SET _retired = 0 WHERE _retired > 1 AND _retired <= ?1";

/// The SQL by which an event is numbered: nothing for the next number, or one behind it.
pub(crate) const NUMBER: &str = "CASE WHEN skips_a_number() THEN (SELECT seq + 2 FROM sqlite_sequence WHERE name = 't_EventLogEntry') END";
/// The SQL by which an event is marked: 0 where it shows at once.
pub(crate) const MARK: &str = "shows_at()";

/// Gives the writer what [`NUMBER`] and [`MARK`] call.
pub(super) fn prepare(writer: &Connection, longest: Duration) -> Result<(), rusqlite::Error> {
    let longest = i64::try_from(longest.as_millis()).unwrap_or(i64::MAX);
    // The same dice each time, so that what a test has found can be found again.
    writer.create_scalar_function("skips_a_number", 0, FunctionFlags::SQLITE_UTF8, {
        let dice = Mutex::new(fastrand::Rng::with_seed(0));
        move |_| Ok(longest > 0 && lock(&dice).u8(..10) < SKIPPED_IN_TEN)
    })?;
    writer.create_scalar_function("shows_at", 0, FunctionFlags::SQLITE_UTF8, {
        let dice = Mutex::new(fastrand::Rng::with_seed(1));
        move |_| {
            let mut dice = lock(&dice);
            let is_late = longest > 0 && dice.u8(..10) < LATE_IN_TEN;
            Ok(if is_late { now() + dice.i64(1..=longest) } else { 0 })
        }
    })
}

/// Shows what an earlier run left to come.
pub(super) fn begin(writer: &Connection, longest: Duration) -> Result<(), rusqlite::Error> {
    if !longest.is_zero() {
        writer.execute_batch(INDEX)?;
    }
    writer.execute(SHOW, [i64::MAX]).map(drop)
}

/// Shows what is due.
pub(super) fn show(writer: &Connection) -> Result<(), rusqlite::Error> {
    writer.prepare_cached(SHOW)?.execute([now()]).map(drop)
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
