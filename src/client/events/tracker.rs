//! Which numbers were found, and behind which one nothing is to come any more.
//!
//! Numbers near the head of the log fill in late. So a number counts as settled only when a scan that began so much later than
//! something beyond it was seen has looked there again (the window). Above the settled ones every number that was found is kept. How
//! many those are is bounded: what is far behind the head is settled at once.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// Numbers so far behind the head are settled.
pub(super) const HORIZON: i64 = 50_000;
/// A log that stands still is scanned less often: after this part of the time for which it has.
const CALM: u32 = 8;

pub(super) struct Tracker {
    /// Nothing fills in up to here any more.
    settled: i64,
    /// The highest number that was found.
    top: i64,
    /// The newest number when the feed was opened.
    head: i64,
    /// What was found above the settled numbers; and below, while it is not handled.
    known: BTreeSet<i64>,
    /// When everything up to a number had been passed.
    passed: VecDeque<(Instant, i64)>,
    scanning: Option<Scan>,
    last_scan: Option<Instant>,
    /// When the highest number last grew.
    moved: Instant,
    catching_up: bool,
}

/// A look at the numbers behind one and up to another, in as many steps as it takes.
#[derive(Clone)]
pub(super) struct Scan {
    pub(super) after: i64,
    pub(super) until: i64,
    started: Instant,
}

impl Tracker {
    pub(super) fn new(floor: i64, seen: Vec<i64>, head: i64, now: Instant) -> Tracker {
        let known: BTreeSet<i64> = seen.into_iter().filter(|id| *id > floor).collect();
        Tracker {
            settled: floor,
            top: known.last().copied().unwrap_or(floor),
            head,
            known,
            passed: VecDeque::from([(now, head)]),
            scanning: None,
            last_scan: None,
            moved: now,
            catching_up: false,
        }
    }

    pub(super) fn top(&self) -> i64 {
        self.top
    }

    /// Notes that an event was found. False for one that was found before.
    pub(super) fn note(&mut self, id: i64, now: Instant) -> bool {
        if id <= self.settled || !self.known.insert(id) {
            return false;
        }
        if id > self.top {
            self.top = id;
            self.moved = now;
        }
        true
    }

    /// Notes that everything up to the highest number was passed; there may be more ahead.
    pub(super) fn passed(&mut self, more: bool, now: Instant) {
        self.catching_up = more;
        let far_behind = self.top.min(self.head.saturating_sub(HORIZON));
        self.settle(far_behind.max(self.top.saturating_sub(HORIZON)));
        if !more && self.passed.back().is_none_or(|(_, top)| *top < self.top) {
            self.passed.push_back((now, self.top));
        }
    }

    fn settle(&mut self, to: i64) {
        self.settled = self.settled.max(to);
    }

    /// The scan that is due, or the one that is under way.
    pub(super) fn scan_due(&mut self, interval: Duration, window: Duration, now: Instant) -> Option<Scan> {
        if self.catching_up {
            return None;
        }
        if self.scanning.is_none() && !self.has_nothing_behind() {
            let interval = interval.max(now.saturating_duration_since(self.moved) / CALM);
            let ripe = self
                .passed
                .front()
                .is_some_and(|(when, _)| now.saturating_duration_since(*when) >= window);
            if ripe || self.last_scan.is_none_or(|last| now.saturating_duration_since(last) >= interval) {
                self.scanning = Some(Scan {
                    after: self.settled,
                    until: self.top,
                    started: now,
                });
            }
        }
        self.scanning.clone()
    }

    /// Whether a scan is to go on.
    pub(super) fn is_scanning(&self) -> bool {
        self.scanning.is_some()
    }

    /// Whether everything that was found is settled.
    pub(super) fn has_nothing_behind(&self) -> bool {
        self.settled >= self.top
    }

    pub(super) fn known_within(&self, scan: &Scan) -> BTreeSet<i64> {
        self.known.range(scan.after.saturating_add(1)..=scan.until).copied().collect()
    }

    /// Notes how far a scan came. True when it is over.
    pub(super) fn scanned(&mut self, scan: Scan, reached: i64, window: Duration, now: Instant) -> bool {
        if reached < scan.until {
            self.scanning = Some(Scan { after: reached, ..scan });
            return false;
        }
        self.scanning = None;
        self.last_scan = Some(now);
        while let Some((when, top)) = self.passed.front().copied() {
            if scan.started.saturating_duration_since(when) < window {
                break;
            }
            self.passed.pop_front();
            self.settle(top.min(scan.until));
        }
        true
    }

    /// The low-water mark and the numbers above it that were handled: all that were found but these.
    pub(super) fn handled(&mut self, pending: &[i64]) -> (i64, Vec<i64>) {
        let first = pending.iter().min().map_or(i64::MAX, |first| first - 1);
        let floor = self.settled.min(first);
        self.known = self.known.split_off(&floor.saturating_add(1));
        let pending: BTreeSet<&i64> = pending.iter().collect();
        let seen = self.known.iter().filter(|id| !pending.contains(id)).copied().collect();
        (floor, seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(300);

    fn scan(tracker: &mut Tracker, now: Instant) -> bool {
        match tracker.scan_due(Duration::from_secs(2), WINDOW, now) {
            Some(scan) => {
                let until = scan.until;
                tracker.scanned(scan, until, WINDOW, now)
            }
            None => false,
        }
    }

    #[test]
    fn a_number_is_settled_by_a_scan_behind_its_window() {
        let mut tracker = Tracker::new(100, vec![], 100, Instant::now());
        let mut now = Instant::now();
        assert!([101, 105, 103].into_iter().all(|id| tracker.note(id, now)));
        assert!(!tracker.note(103, now) && !tracker.note(100, now));
        tracker.passed(false, now);
        assert!(scan(&mut tracker, now), "the first scan is due at once");
        assert_eq!(tracker.handled(&[]), (100, vec![101, 103, 105]));
        now += Duration::from_secs(299);
        assert!(scan(&mut tracker, now));
        assert_eq!(tracker.handled(&[]).0, 100);
        assert!(tracker.note(104, now), "it filled in");
        now += Duration::from_secs(2);
        // Without a look there, nothing is settled by time alone.
        assert_eq!(tracker.handled(&[]).0, 100);
        assert!(scan(&mut tracker, now));
        assert_eq!(tracker.handled(&[]), (105, vec![]));
        assert!(tracker.has_nothing_behind() && !scan(&mut tracker, now));
    }

    #[test]
    fn what_is_not_handled_holds_the_low_water_mark_down() {
        let mut tracker = Tracker::new(0, vec![], 0, Instant::now());
        let mut now = Instant::now();
        (1..=10).for_each(|id| assert!(tracker.note(id, now)));
        tracker.passed(false, now);
        now += WINDOW * 2;
        assert!(scan(&mut tracker, now));
        assert_eq!(tracker.handled(&[7, 5]), (4, vec![6, 8, 9, 10]));
        assert_eq!(tracker.handled(&[7]), (6, vec![8, 9, 10]));
        assert_eq!(tracker.handled(&[]), (10, vec![]));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut tracker = Tracker::new(0, vec![], 10 * HORIZON, Instant::now());
        let now = Instant::now();
        for id in 1..=2 * HORIZON {
            tracker.note(id, now);
        }
        tracker.passed(true, now);
        assert!(!scan(&mut tracker, now), "nobody scans while there is more ahead");
        assert_eq!(tracker.handled(&[]), (2 * HORIZON, vec![]));
        tracker.note(10 * HORIZON + 7, now);
        tracker.passed(false, now);
        assert_eq!(tracker.handled(&[]).0, 9 * HORIZON + 7);
    }

    #[test]
    fn a_scan_of_many_steps_settles_at_its_end() {
        let mut tracker = Tracker::new(0, vec![], 0, Instant::now());
        let mut now = Instant::now();
        (1..=100).for_each(|id| assert!(tracker.note(id, now)));
        tracker.passed(false, now);
        now += WINDOW;
        let first = tracker.scan_due(Duration::ZERO, WINDOW, now).unwrap();
        assert!(!tracker.scanned(first, 50, WINDOW, now));
        let second = tracker.scan_due(Duration::ZERO, WINDOW, now).unwrap();
        assert_eq!((second.after, second.until), (50, 100));
        assert_eq!(tracker.handled(&[]).0, 0);
        assert!(tracker.scanned(second, 100, WINDOW, now));
        assert_eq!(tracker.handled(&[]).0, 100);
    }
}
