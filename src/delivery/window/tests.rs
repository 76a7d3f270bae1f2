use super::*;
use crate::record::Headers;
use proptest::prelude::*;
use std::sync::Arc;

const REFUSED: RecordFailure = RecordFailure::Refused("PolicyViolation");

fn record(key: Option<&str>) -> Record {
    Record {
        topic: Arc::from("t"),
        key: key.map(|key| Bytes::from(key.to_owned())),
        headers: Headers::default(),
        value: Bytes::from_static(b"0123456789"),
        timestamp: 0,
    }
}

fn window(rows: &[(i64, Option<&str>)]) -> Window {
    let mut window = Window::default();
    for (id, key) in rows {
        window.insert(RowId(*id), record(*key), false, 0);
    }
    window
}

fn all_next(window: &mut Window) -> Vec<i64> {
    std::iter::from_fn(|| window.next(0, Some(0), false).map(|(id, ..)| id.0)).collect()
}

#[test]
fn keys_go_side_by_side_and_each_key_one_after_another() {
    let mut window = window(&[(1, Some("a")), (2, Some("a")), (3, Some("b")), (4, None), (5, None)]);
    assert_eq!(all_next(&mut window), [1, 3, 4, 5]);
    assert!(window.done(RowId(1), 0));
    assert_eq!(all_next(&mut window), [2]);
}

#[test]
fn failed_row_goes_again_before_later_ones_of_its_key() {
    let mut window = window(&[(1, Some("a")), (2, Some("a")), (3, None)]);
    assert_eq!(all_next(&mut window), [1, 3]);
    assert_eq!(window.failed(RowId(1), RecordFailure::Other, 0, 0), Some(FailedRow::Again));
    assert_eq!(all_next(&mut window), [1]);
}

#[test]
fn row_that_is_handed_over_holds_its_key_until_its_report() {
    let mut window = Window::default();
    window.insert(RowId(1), record(Some("a")), true, 0);
    window.insert(RowId(2), record(Some("a")), false, 0);
    assert_eq!(all_next(&mut window), Vec::<i64>::new());
    window.failed(RowId(1), RecordFailure::Abandoned, 0, 0);
    assert_eq!(all_next(&mut window), [1]);
    window.done(RowId(1), 0);
    assert_eq!(all_next(&mut window), [2]);
}

#[test]
fn failed_row_waits_for_an_earlier_one_of_its_key() {
    let mut window = Window::default();
    window.insert(RowId(1), record(Some("a")), false, 0);
    window.insert(RowId(2), record(Some("a")), true, 0);
    assert_eq!(all_next(&mut window), [1]);
    window.failed(RowId(2), RecordFailure::Other, 0, 0);
    assert_eq!(all_next(&mut window), Vec::<i64>::new());
    window.done(RowId(1), 0);
    assert_eq!(all_next(&mut window), [2]);
}

#[test]
fn refused_batch_is_tried_row_by_row_and_only_what_fails_alone_is_permanent() {
    let mut window = window(&[(1, None), (2, None), (3, None)]);
    assert_eq!(all_next(&mut window), [1, 2, 3]);
    assert_eq!(window.failed(RowId(1), RecordFailure::Unfit, 0, 0), Some(FailedRow::Again));
    assert!(!window.has_next(0), "others are out");
    assert_eq!(window.failed(RowId(2), RecordFailure::Unfit, 0, 0), Some(FailedRow::Again));
    window.done(RowId(3), 0);
    assert_eq!(all_next(&mut window), [1], "alone");
    assert_eq!(window.failed(RowId(1), RecordFailure::Unfit, 0, 0), Some(FailedRow::Permanent));
    window.done(RowId(1), 0);
    assert_eq!(all_next(&mut window), [2]);
    assert!(window.done(RowId(2), 0));
    assert!(window.rows.is_empty());
}

#[test]
fn nothing_goes_beside_a_row_that_is_sent_alone() {
    let mut window = window(&[(1, None)]);
    all_next(&mut window);
    window.failed(RowId(1), RecordFailure::Unfit, 0, 0);
    assert_eq!(all_next(&mut window), [1]);
    window.insert(RowId(2), record(Some("b")), false, 0);
    assert_eq!(all_next(&mut window), Vec::<i64>::new(), "it could join the batch and be what is refused");
    window.end_alone();
    assert_eq!(all_next(&mut window), [2]);
    assert_eq!(window.failed(RowId(1), RecordFailure::Unfit, 0, 0), Some(FailedRow::Again));
}

#[test]
fn stuck_rows_keep_no_suspect_from_being_sent_alone() {
    let mut window = window(&[(1, None), (2, None), (3, None), (4, None)]);
    assert_eq!(all_next(&mut window), [1, 2, 3, 4]);
    for row in [2, 3] {
        assert_eq!(window.failed(RowId(row), RecordFailure::Unfit, 10, 0), Some(FailedRow::Again));
    }
    assert!(!window.has_next(STUCK_AGE_MS - 1), "rows 1 and 4 may be reported on soon");
    assert_eq!(window.suspect_at(0), Some(STUCK_AGE_MS));
    let next = |window: &mut Window, now| window.next(now, Some(0), false).map(|(id, ..)| id.0);
    assert_eq!(next(&mut window, STUCK_AGE_MS), Some(2));
    assert_eq!(next(&mut window, STUCK_AGE_MS), None, "nothing goes beside it");
    assert_eq!(window.failed(RowId(2), RecordFailure::Unfit, STUCK_AGE_MS, 0), Some(FailedRow::Permanent));
    assert_eq!(next(&mut window, STUCK_AGE_MS), Some(3), "at once: the others are stuck still");
    // Row 1 was before it in one batch.
    assert_eq!(window.failed(RowId(1), RecordFailure::Unfit, STUCK_AGE_MS, 0), Some(FailedRow::Again));
    assert_eq!(window.failed(RowId(3), RecordFailure::Unfit, STUCK_AGE_MS, 0), Some(FailedRow::Again));
    assert!(window.done(RowId(2), 0));
    assert_eq!(next(&mut window, STUCK_AGE_MS), Some(1));
    assert_eq!(window.failed(RowId(1), RecordFailure::Unfit, STUCK_AGE_MS, 0), Some(FailedRow::Permanent));
}

#[test]
fn row_that_is_done_before_its_turn_holds_up_no_other() {
    let mut window = window(&[(1, None), (2, None), (3, Some("a")), (4, Some("a"))]);
    assert!(window.done(RowId(1), 0) && window.done(RowId(3), 0));
    assert_eq!(all_next(&mut window), [2, 4]);
    assert_eq!(window.out(), 2);
}

#[test]
fn too_large_for_the_producer_is_permanent_at_once() {
    let mut window = window(&[(1, Some("a")), (2, Some("a"))]);
    all_next(&mut window);
    assert_eq!(window.failed(RowId(1), RecordFailure::TooLarge, 0, 0), Some(FailedRow::Permanent));
    assert!(!window.has_next(0), "the next of its key does not overtake it");
    window.done(RowId(1), 0);
    assert_eq!(all_next(&mut window), [2]);
}

#[test]
fn there_is_room_once_a_quarter_of_rows_and_of_bytes_is_free() {
    let fill = |limits, count| {
        let mut window = Window::default();
        (0..count).for_each(|id| window.insert(RowId(id), record(None), false, 0));
        window.room(limits, 0)
    };
    let by_rows = WindowLimits { rows: 8, bytes: 1000 };
    assert_eq!(fill(by_rows, 6), Some(WindowLimits { rows: 2, bytes: 940 }));
    assert_eq!(fill(by_rows, 7), None);
    let by_bytes = WindowLimits { rows: 100, bytes: 40 };
    assert_eq!(fill(by_bytes, 3), Some(WindowLimits { rows: 97, bytes: 10 }));
    assert_eq!(fill(by_bytes, 4), None);
    assert_eq!(fill(WindowLimits { rows: 1, bytes: 5 }, 0), Some(WindowLimits { rows: 1, bytes: 5 }));
    assert_eq!(fill(WindowLimits { rows: 1, bytes: 5 }, 1), None, "a row larger than the window");
}

#[test]
fn row_that_is_refused_alone_delays_its_own_key_only() {
    let mut window = window(&[(1, Some("a")), (2, Some("a")), (3, Some("b")), (4, None)]);
    assert_eq!(all_next(&mut window), [1, 3, 4]);
    for id in [1, 3, 4] {
        assert_eq!(window.failed(RowId(id), REFUSED, 0, 0), Some(FailedRow::Again));
    }
    assert_eq!(all_next(&mut window), [1], "alone");
    assert_eq!(window.failed(RowId(1), REFUSED, 0, 0), Some(FailedRow::Waits));
    assert_eq!(all_next(&mut window), [3]);
    window.done(RowId(3), 0);
    assert_eq!(all_next(&mut window), [4]);
    window.done(RowId(4), 0);
    window.insert(RowId(5), record(Some("c")), false, 0);
    assert_eq!(all_next(&mut window), [5], "a fresh row, while row 2 stays behind row 1");
    window.done(RowId(5), 0);
    assert_eq!(all_next(&mut window), Vec::<i64>::new());
    window.retry_waiting();
    assert_eq!(all_next(&mut window), [1]);
    window.done(RowId(1), 0);
    assert_eq!(all_next(&mut window), [2]);
}

fn refuse(window: &mut Window, ids: &[i64], failure: RecordFailure) {
    all_next(window);
    for id in ids {
        assert_eq!(window.failed(RowId(*id), failure, 0, 0), Some(FailedRow::Again));
    }
    while ids.iter().any(|id| window.rows[&RowId(*id)].refusal.is_none()) {
        let sent = all_next(window);
        assert!(!sent.is_empty());
        for id in sent.iter().filter(|id| ids.contains(id)) {
            window.failed(RowId(*id), failure, 0, 0);
        }
    }
}

fn acknowledge(window: &mut Window, id: i64, key: Option<&str>) {
    window.insert(RowId(id), record(key), false, 0);
    assert_eq!(all_next(window), [id]);
    assert!(window.done(RowId(id), 0));
}

#[test]
fn full_window_abandons_the_row_that_waited_longest_if_its_partition_accepted_another() {
    let limits = WindowLimits { rows: 1, bytes: 1000 };
    let mut window = window(&[(1, Some("a")), (2, Some("b"))]);
    all_next(&mut window);
    for id in [1, 2] {
        window.failed(RowId(id), REFUSED, 0, 0);
    }
    for id in [1, 2] {
        assert_eq!(window.abandon_refused(limits, true), None, "a suspect is still to be sent");
        assert_eq!(all_next(&mut window), [id]);
        window.failed(RowId(id), REFUSED, 0, 0);
    }
    assert_eq!(window.abandon_refused(limits, true), None, "Kafka accepts no row of the partition");
    acknowledge(&mut window, 3, None);
    assert_eq!(window.abandon_refused(limits, false), None, "no row waits for room");
    assert_eq!(window.abandon_refused(WindowLimits { rows: 3, ..limits }, true), None, "there is room");
    assert_eq!(window.abandon_refused(limits, true), Some((RowId(1), REFUSED)));
    assert_eq!(window.abandon_refused(limits, true), None, "one at a time");
    window.done(RowId(1), 0);
    assert!(window.has_waiting(), "a dead letter does not show that the reason passed");
    assert_eq!(window.abandon_refused(limits, true), Some((RowId(2), REFUSED)));
}

#[test]
fn row_refused_for_its_timestamp_is_never_abandoned() {
    let limits = WindowLimits { rows: 2, bytes: 1000 };
    let mut window = window(&[(1, Some("a")), (2, Some("b"))]);
    refuse(&mut window, &[1, 2], RecordFailure::Timestamp);
    acknowledge(&mut window, 3, None);
    assert_eq!(window.abandon_refused(limits, true), None);
    assert!(!window.has_next(0));
}

#[test]
fn acknowledgement_of_another_partition_condemns_no_refused_row() {
    let limits = WindowLimits { rows: 3, bytes: 1000 };
    let keys = keys(2);
    let mut window = Window::default();
    window.set_partitions(2, 0);
    window.find_stuck(0);
    for id in [1, 2, 3] {
        window.insert(RowId(id), record(Some(&keys[0])), false, 0);
    }
    refuse(&mut window, &[1], REFUSED);
    window.skip(0, RowId(4));
    acknowledge(&mut window, 5, Some(&keys[1]));
    assert_eq!(window.abandon_refused(limits, true), None);
    // An older row of the partition was in flight to another broker.
    window.queues.get_mut(&0).expect("a queue").acknowledged(0);
    assert_eq!(window.abandon_refused(limits, true), Some((RowId(1), REFUSED)));
}

#[test]
fn refused_row_is_not_abandoned_while_rows_that_can_be_sent_fill_the_window() {
    let limits = WindowLimits { rows: 10, bytes: 1000 };
    let keys = keys(2);
    let mut window = Window::default();
    window.set_partitions(2, 0);
    window.insert(RowId(1), record(Some(&keys[0])), false, 0);
    refuse(&mut window, &[1], REFUSED);
    window.queues.get_mut(&0).expect("a queue").acknowledged(0);
    for id in 2..12 {
        window.insert(RowId(id), record(Some(&keys[1])), false, 0);
    }
    assert_eq!(window.room(limits, 0), None);
    assert_eq!(window.abandon_refused(limits, true), None);
    window.skip(0, RowId(12));
    assert_eq!(window.abandon_refused(limits, true), None);
}

/// Half of the partitions refuse each row, with a key of its own.
#[test]
fn refused_partitions_leave_the_others_room_and_lose_no_row() {
    let limits = WindowLimits { rows: 400, bytes: 100_000 };
    for size in [10, 60_000] {
        let partitions = 8;
        let mut backlog = Backlog::new(&keys(partitions), 4000, size, limits);
        for (number, (_, record)) in backlog.rows.iter_mut().enumerate() {
            record.key = Some(Bytes::from(format!("call{number}")));
        }
        let is_refused = |record: &Record| {
            let key = record.key.as_ref().expect("a key");
            crate::record::partition(key, partitions).expect("a partition").is_multiple_of(2)
        };
        let healthy = backlog.rows.iter().filter(|(_, record)| !is_refused(record)).count();
        let (mut delivered, mut rounds) = (0, 0);
        while delivered < healthy {
            backlog.window.find_stuck(backlog.now_ms);
            backlog.resume(400);
            backlog.fill();
            let now_ms = backlog.now_ms;
            let mut sent = Vec::new();
            while let Some((id, _, record)) = backlog.window.next(now_ms, Some(0), false) {
                sent.push((id, is_refused(record)));
            }
            for (id, is_refused) in sent {
                if is_refused {
                    assert!(backlog.window.failed(id, RecordFailure::Timestamp, now_ms, 0).is_some());
                } else {
                    assert!(backlog.window.done(id, now_ms));
                    delivered += 1;
                }
            }
            let held = (backlog.window.rows.len(), backlog.window.bytes);
            assert!(held.0 < 2 * limits.rows && held.1 <= limits.bytes + (5 << 20), "{size}: {held:?}");
            assert_eq!(backlog.window.abandon_refused(limits, true), None);
            backlog.now_ms += 5;
            rounds += 1;
            assert!(rounds < 4000, "{size}: {delivered} of {healthy}");
        }
        let mut rest = 4000 - healthy;
        while rest > 0 {
            backlog.window.find_stuck(backlog.now_ms);
            backlog.window.retry_waiting();
            backlog.resume(400);
            backlog.fill();
            rest -= backlog.send(|_| false).len();
            backlog.now_ms += 5;
            rounds += 1;
            assert!(rounds < 8000, "{size}: {rest} left");
        }
        assert!(backlog.window.is_empty());
    }
}

#[test]
fn rows_that_are_ready_precede_the_next_suspect() {
    let mut window = window(&[(1, None), (2, None)]);
    all_next(&mut window);
    for id in [1, 2] {
        window.failed(RowId(id), REFUSED, 0, 0);
    }
    assert_eq!(all_next(&mut window), [1]);
    window.insert(RowId(3), record(Some("c")), false, 0);
    window.failed(RowId(1), REFUSED, 0, 0);
    assert_eq!(all_next(&mut window), [3]);
    assert!(!window.has_next(0), "the suspect is sent alone");
    window.insert(RowId(4), record(Some("d")), false, 0);
    window.end_alone();
    assert_eq!(all_next(&mut window), [4], "a report that stays out does not delay other keys");
}

#[test]
fn record_refused_alone_for_its_timestamp_gets_the_present_time() {
    let mut window = window(&[(1, Some("a")), (2, Some("b"))]);
    let stamps = |window: &mut Window, now| {
        std::iter::from_fn(|| {
            window.next(now, Some(0), false).map(|(id, _, record)| (id.0, record.timestamp))
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(stamps(&mut window, 5000), [(1, 0), (2, 0)]);
    window.failed(RowId(1), RecordFailure::Timestamp, 5000, 0);
    window.failed(RowId(2), RecordFailure::Unfit, 5000, 0);
    assert_eq!(stamps(&mut window, 5000), [(1, 0)], "it may have been refused for its neighbour");
    assert_eq!(window.failed(RowId(1), RecordFailure::Timestamp, 5000, 0), Some(FailedRow::Restamped));
    assert_eq!(stamps(&mut window, 5001), [(1, 5001)]);
    window.done(RowId(1), 0);
    assert_eq!(stamps(&mut window, 5002), [(2, 5002)]);
}

#[test]
fn timestamp_that_stays_refused_waits_and_is_new_at_each_try() {
    let mut window = window(&[(1, Some("a"))]);
    assert_eq!(window.next(1, Some(0), false).map(|(_, _, record)| record.timestamp), Some(0));
    assert_eq!(window.failed(RowId(1), RecordFailure::Timestamp, 1, 0), Some(FailedRow::Again));
    assert_eq!(window.next(2, Some(0), false).map(|(_, _, record)| record.timestamp), Some(0), "alone");
    assert_eq!(window.failed(RowId(1), RecordFailure::Timestamp, 2, 0), Some(FailedRow::Restamped));
    for now in [3, 4] {
        assert_eq!(window.next(now, Some(0), false).map(|(_, _, record)| record.timestamp), Some(now));
        assert_eq!(window.failed(RowId(1), RecordFailure::Timestamp, now, 0), Some(FailedRow::Waits));
        assert!(!window.has_next(0));
        window.retry_waiting();
    }
}

#[test]
fn record_older_than_the_bound_is_sent_with_the_present_time() {
    for (age, sent) in [(MAX_TIMESTAMP_AGE_MS - 1, 0), (MAX_TIMESTAMP_AGE_MS, MAX_TIMESTAMP_AGE_MS)] {
        let mut window = window(&[(1, None)]);
        assert_eq!(window.next(age, Some(0), false).map(|(_, _, record)| record.timestamp), Some(sent));
    }
}

#[test]
fn only_a_row_that_was_to_leave_is_released() {
    let mut window = window(&[(1, Some("a")), (2, Some("b"))]);
    assert_eq!(all_next(&mut window), [1, 2]);
    window.release(RowId(1));
    assert_eq!(all_next(&mut window), Vec::<i64>::new(), "it is handed over already");
    window.failed(RowId(1), RecordFailure::TooLarge, 0, 0);
    window.release(RowId(1));
    window.release(RowId(1));
    assert_eq!(all_next(&mut window), [1]);
    assert_eq!(window.out(), 2);
}

fn keys(partitions: u32) -> Vec<String> {
    let key = |partition: u32| {
        let mut names = (0..).map(|number: u32| format!("key{number}"));
        names.find(|name| crate::record::partition(name.as_bytes(), partitions) == Some(partition))
    };
    (0..partitions).map(|partition| key(partition).expect("a key")).collect()
}

struct Backlog {
    window: Window,
    limits: WindowLimits,
    rows: Vec<(i64, Record)>,
    cursor: usize,
    now_ms: i64,
}

impl Backlog {
    /// Rows of `size` bytes, in turn for each key.
    fn new(keys: &[String], count: usize, size: usize, limits: WindowLimits) -> Self {
        let row = |number: usize| {
            let value = Bytes::from(vec![b'x'; size]);
            let id = i64::try_from(number).expect("small") + 1;
            (id, Record { value, timestamp: 1, ..record(Some(&keys[number % keys.len()])) })
        };
        let mut window = Window::default();
        window.set_partitions(u32::try_from(keys.len()).expect("few"), 1);
        Self { window, limits, rows: (0..count).map(row).collect(), cursor: 0, now_ms: 1 }
    }

    /// Reads until nothing may be read. Returns whether reading waits for a partition.
    fn fill(&mut self) -> bool {
        self.window.find_stuck(self.now_ms);
        while self.cursor < self.rows.len() && self.window.room(self.limits, self.now_ms).is_some() {
            let (id, record) = &self.rows[self.cursor];
            let (id, partition) = (RowId(*id), self.window.partition_of(RowId(*id), record));
            if self.window.skips(partition) || self.window.is_silent(partition, self.now_ms) {
                self.window.skip(partition, id);
            } else if self.window.accepts(partition, record.size(), self.limits) {
                self.window.insert(id, record.clone(), false, self.now_ms);
            } else if self.window.is_stuck(partition, self.now_ms) {
                self.window.skip(partition, id);
            } else {
                self.window.block_on(partition);
                return true;
            }
            self.cursor += 1;
        }
        false
    }

    /// Reads a page of rows that were left on disk, as far as partitions have room.
    fn resume(&mut self, page: usize) {
        let Some((first, _)) = self.window.resumable(self.limits, self.now_ms) else { return };
        let (begin, through) = (usize::try_from(first.0 - 1).expect("a row"), self.cursor);
        let end = through.min(begin + page);
        let mut stopped = std::collections::BTreeSet::new();
        for (id, record) in self.rows[begin..end].iter().cloned() {
            let partition = self.window.partition_of(RowId(id), &record);
            if stopped.contains(&partition) || !self.window.is_next_left(partition, RowId(id), first) {
                continue;
            }
            let is_silent = self.window.is_silent(partition, self.now_ms);
            if is_silent || !self.window.accepts(partition, record.size(), self.limits) {
                stopped.insert(partition);
                continue;
            }
            self.window.resume(partition, RowId(id));
            self.window.insert(RowId(id), record, false, self.now_ms);
        }
        let next = (end < through).then(|| RowId(i64::try_from(end).expect("small") + 1));
        self.window.end_resume(first, next, &stopped);
    }

    /// Sends what may be sent. Acknowledges all rows but those of frozen partitions.
    fn send(&mut self, is_frozen: impl Fn(u32) -> bool) -> Vec<RowId> {
        let mut accepted = Vec::new();
        while let Some((id, partition, _)) = self.window.next(self.now_ms, Some(0), false) {
            if !is_frozen(partition.unwrap()) {
                accepted.push(id);
            }
        }
        for id in &accepted {
            assert!(self.window.done(*id, self.now_ms));
        }
        accepted
    }
}

/// Half of the partitions are frozen from the start, or at once with many rows in flight.
#[test]
fn many_stuck_partitions_leave_the_others_room_and_cost_no_second_each() {
    let limits = WindowLimits { rows: 1000, bytes: 1_000_000 };
    for (size, healthy_at_first) in [(10, false), (10, true), (100_000, false), (100_000, true)] {
        let mut backlog = Backlog::new(&keys(50), 5000, size, limits);
        let is_frozen = |partition: u32| partition.is_multiple_of(2);
        let healthy = |sent: Vec<RowId>| sent.iter().filter(|row| row.0 % 2 == 0).count();
        let mut delivered = 0;
        for _ in 0..if healthy_at_first { 3 } else { 0 } {
            backlog.fill();
            delivered += healthy(backlog.send(|_| false));
            backlog.now_ms += 5;
        }
        let mut rounds = 0;
        let wanted = if size > 10 { 1000 } else { 2500 };
        while delivered < wanted {
            backlog.fill();
            delivered += healthy(backlog.send(is_frozen));
            let held = (backlog.window.rows.len(), backlog.window.bytes);
            assert!(held.0 <= limits.rows * 5 / 4, "{size}: {held:?}");
            assert!(held.1 <= limits.bytes + (5 << 20), "{size}: {held:?}");
            backlog.now_ms += 5;
            rounds += 1;
            assert!(rounds < 2000, "{size}, {healthy_at_first}: {delivered} delivered");
        }
        let waited = 5 * rounds;
        assert!(size > 10 || waited < 2 * STUCK_AGE_MS, "{healthy_at_first}: {waited} ms");
    }
}

#[test]
fn stuck_partition_holds_only_what_is_in_flight_and_continues_in_order() {
    let limits = WindowLimits { rows: 100, bytes: 1_000_000 };
    // One key for each partition: a row is in flight, and the others are behind it.
    let mut backlog = Backlog::new(&keys(2), 60, 10, limits);
    backlog.fill();
    assert_eq!(backlog.window.rows.len(), 60);
    assert_eq!(backlog.send(|partition| partition == 0), [RowId(2)]);
    while backlog.window.queues.contains_key(&1) {
        backlog.send(|partition| partition == 0);
    }
    backlog.now_ms += STUCK_AGE_MS;
    assert!(backlog.window.find_stuck(backlog.now_ms));
    assert!(!backlog.window.find_stuck(backlog.now_ms), "found once");
    assert_eq!((backlog.window.rows.len(), backlog.window.out()), (1, 1));
    assert_eq!(backlog.window.resumable(limits, backlog.now_ms), None);
    assert!(backlog.window.done(RowId(1), backlog.now_ms));
    assert!(!backlog.window.is_empty(), "rows are on disk");
    let (first, _) = backlog.window.resumable(limits, backlog.now_ms).expect("rows to resume");
    assert_eq!(first, RowId(3));
    for id in 1..=20 {
        let is_left = backlog.window.is_next_left(0, RowId(id), first);
        assert_eq!(is_left, id % 2 == 1 && id > 1, "{id}");
        if is_left {
            backlog.window.resume(0, RowId(id));
            let record = backlog.rows[usize::try_from(id).expect("small") - 1].1.clone();
            backlog.window.insert(RowId(id), record, false, backlog.now_ms);
        }
    }
    backlog.window.end_resume(first, Some(RowId(21)), &Default::default());
    assert_eq!(backlog.window.resumable(limits, backlog.now_ms).map(|(first, _)| first), Some(RowId(21)));
    backlog.window.end_resume(RowId(21), None, &Default::default());
    let sent: Vec<i64> = (0..20).flat_map(|_| backlog.send(|_| false)).map(|id| id.0).collect();
    assert_eq!(sent, (3..=19).step_by(2).collect::<Vec<_>>());
    assert!(backlog.window.is_empty());
}

#[test]
fn row_that_was_sent_is_not_evicted_because_the_disk_has_it_as_handed_over() {
    let mut window = Window::default();
    window.set_partitions(2, 0);
    let names = (0..).map(|number: u32| format!("key{number}"));
    let is_first = |name: &String| crate::record::partition(name.as_bytes(), 2) == Some(0);
    let keys: Vec<_> = names.filter(is_first).take(3).collect();
    // Row 1 fails. Row 5 is in flight although row 4 of its key is not.
    for (id, key, is_out) in [(1, 0, true), (2, 1, true), (3, 0, false), (4, 2, false), (5, 2, true)] {
        window.insert(RowId(id), record(Some(&keys[key])), is_out, 0);
    }
    window.failed(RowId(1), RecordFailure::Other, 0, 0);
    assert!(window.find_stuck(STUCK_AGE_MS));
    let mut held: Vec<_> = window.rows.keys().map(|id| id.0).collect();
    held.sort_unstable();
    assert_eq!(held, [1, 2, 4, 5]);
    assert_eq!(all_next(&mut window), [1, 4]);
}

#[test]
fn nothing_is_read_while_all_partitions_are_silent() {
    let limits = WindowLimits { rows: 100, bytes: 10_000 };
    let mut window = Window::default();
    window.set_partitions(3, 0);
    let now_ms = STUCK_AGE_MS;
    for (id, key) in (0..).zip(&keys(3)) {
        assert!(window.room(limits, now_ms).is_some());
        window.insert(RowId(id), record(Some(key)), true, 0);
    }
    assert!(window.room(limits, 0).is_some());
    assert_eq!(window.room(limits, now_ms), None, "each row would be left on disk");
    assert!(window.done(RowId(0), now_ms));
    assert!(window.room(limits, now_ms).is_some());
}

#[test]
fn partition_starts_slowly_and_speeds_up_with_acknowledgements() {
    let mut window = Window::default();
    window.set_partitions(2, 0);
    window.find_stuck(0);
    let mut names = (0..).map(|number: u32| format!("key{number}"));
    let mut of_first = || {
        let is_first = |name: &String| crate::record::partition(name.as_bytes(), 2) == Some(0);
        names.find(is_first).expect("a key")
    };
    (0..400).for_each(|id| window.insert(RowId(id), record(Some(&of_first())), false, 0));
    let mut sent = Vec::new();
    for _ in 0..4 {
        let round = all_next(&mut window);
        sent.push(round.len());
        round.into_iter().for_each(|id| assert!(window.done(RowId(id), 0)));
    }
    assert_eq!(sent, [4, 16, 64, 256]);
    assert_eq!(all_next(&mut window).len(), 60);
    assert!(window.find_stuck(STUCK_AGE_MS));
    window.done(RowId(399), STUCK_AGE_MS);
    (400..500).for_each(|id| window.insert(RowId(id), record(Some(&of_first())), false, STUCK_AGE_MS));
    assert_eq!(all_next(&mut window), Vec::<i64>::new(), "more than the small number is in flight");
}

#[test]
fn partitions_together_have_a_whole_window_in_flight() {
    let limits = WindowLimits { rows: 400, bytes: 1_000_000 };
    let mut window = Window::default();
    window.set_partitions(4, 0);
    let (mut rows, mut sent) = (1.., Vec::new());
    for _ in 0..4 {
        window.find_stuck(0);
        while window.rows.len() < limits.rows {
            window.insert(RowId(rows.next().expect("a number")), record(None), false, 0);
        }
        let round = all_next(&mut window);
        sent.push(round.len());
        round.into_iter().for_each(|id| assert!(window.done(RowId(id), 0)));
    }
    assert_eq!(sent, [16, 64, 256, 400]);
}

#[test]
fn probe_prefers_the_partition_that_acknowledged_last() {
    let mut window = Window::default();
    window.set_partitions(4, 0);
    let keys = keys(4);
    let mut id = 0;
    let mut insert = |window: &mut Window, partition: usize| {
        id += 1;
        window.insert(RowId(id), record(Some(&keys[partition])), false, 0);
        RowId(id)
    };
    for (partition, time) in [(0, 1), (2, 3), (1, 2)] {
        let row = insert(&mut window, partition);
        assert!(window.next(time, Some(0), false).is_some());
        window.done(row, time);
    }
    for partition in 0..4 {
        insert(&mut window, partition);
    }
    let probed: Vec<_> = std::iter::from_fn(|| window.next(5, Some(0), true)?.1).collect();
    assert_eq!(probed, [2, 1, 0, 3]);
    let row = insert(&mut window, 3);
    let other = insert(&mut window, 2);
    window.done(RowId(row.0 - 1), 6);
    window.done(RowId(other.0 - 3), 6);
    assert_eq!(
        window.next(7, Some(0), true).and_then(|(_, partition, _)| partition),
        Some(3),
        "it acknowledged"
    );
}

#[test]
fn new_number_of_partitions_queues_held_rows_again() {
    let mut window = Window::default();
    window.set_partitions(1, 0);
    let keys = keys(4);
    for (id, key) in (0..).zip(&keys) {
        window.insert(RowId(id), record(Some(key)), id == 0, 0);
        window.insert(RowId(10 + id), record(Some(key)), false, 0);
    }
    window.set_partitions(0, 0);
    assert_eq!(window.partitions, 1, "an unknown number replaces no known one");
    window.set_partitions(4, 0);
    assert_eq!((window.partitions, window.out(), window.queues.len()), (4, 1, 4));
    assert!(window.queues.values().all(|queue| queue.rows == 2));
    let mut sent = all_next(&mut window);
    sent.sort_unstable();
    assert_eq!(sent, [1, 2, 3], "row 0 is in flight, and the others wait behind theirs");
    (0..4).for_each(|id| assert!(window.done(RowId(id), 0)));
    let mut sent = all_next(&mut window);
    sent.sort_unstable();
    assert_eq!(sent, [10, 11, 12, 13]);
    window.skip(2, RowId(20));
    window.set_partitions(5, 0);
    assert_eq!(window.partitions, 4, "skipped rows are known by their partition");
}

proptest! {
    #[test]
    fn every_row_leaves_once_and_in_the_order_of_its_key(
        keys in proptest::collection::vec(0..4u8, 1..30),
        handed_over in proptest::collection::vec(any::<bool>(), 30),
        picks in proptest::collection::vec((any::<prop::sample::Index>(), 0..6u8), 0..200),
    ) {
        let name = |key: u8| (key > 0).then(|| format!("k{key}"));
        let mut window = Window::default();
        let mut out = Vec::new();
        for (index, key) in keys.iter().enumerate() {
            window.insert(RowId(index as i64), record(name(*key).as_deref()), handed_over[index], 0);
            if handed_over[index] {
                out.push(index as i64);
            }
        }
        let mut left: Vec<i64> = (0..keys.len() as i64).collect();
        let mut picks = picks.into_iter();
        while !left.is_empty() {
            while let Some((id, ..)) = window.next(0, Some(0), false) {
                let key = keys[id.0 as usize];
                let earlier = left.iter().find(|row| **row < id.0 && key > 0 && keys[**row as usize] == key);
                prop_assert_eq!(earlier, None, "{:?} overtakes", id);
                out.push(id.0);
            }
            if out.is_empty() {
                prop_assert!(window.has_waiting(), "stuck with {:?}", left);
                window.retry_waiting();
                continue;
            }
            prop_assert_eq!(window.out(), out.len());
            let (pick, fate) = match picks.next() {
                Some((index, fate)) => (index.index(out.len()), fate),
                None => (0, 0),
            };
            let id = out.swap_remove(pick);
            let failure = match fate {
                1 => RecordFailure::Other,
                2 => RecordFailure::Unfit,
                3 => REFUSED,
                4 => RecordFailure::Timestamp,
                _ => {
                    prop_assert!(window.done(RowId(id), 0));
                    left.retain(|row| *row != id);
                    continue;
                }
            };
            if window.failed(RowId(id), failure, 0, 0) == Some(FailedRow::Permanent) {
                window.done(RowId(id), 0);
                left.retain(|row| *row != id);
            }
        }
        prop_assert!(window.rows.is_empty());
    }

    #[test]
    fn rows_that_were_left_on_disk_leave_once_and_in_the_order_of_their_key(
        of_row in proptest::collection::vec(0..9usize, 1..150),
        steps in proptest::collection::vec((0..16u32, 0..400i64, 1..30usize, any::<bool>()), 0..60),
    ) {
        let limits = WindowLimits { rows: 12, bytes: 1_000_000 };
        // Two keys for each of four partitions, and rows without a key.
        let keys = keys(8);
        let mut backlog = Backlog::new(&keys, of_row.len(), 10, limits);
        backlog.window.set_partitions(4, 0);
        for ((_, record), key) in backlog.rows.iter_mut().zip(&of_row) {
            record.key = keys.get(*key).map(|key| Bytes::from(key.clone()));
        }
        let (mut out, mut done) = (Vec::new(), std::collections::BTreeSet::new());
        let last = std::iter::repeat_n((0, 50, 30, false), 2000);
        for (frozen, pause_ms, page, fails) in steps.into_iter().chain(last) {
            backlog.now_ms += pause_ms;
            backlog.window.find_stuck(backlog.now_ms);
            backlog.resume(page);
            backlog.fill();
            while let Some((id, partition, record)) = backlog.window.next(backlog.now_ms, Some(0), fails) {
                let earlier = &backlog.rows[..usize::try_from(id.0 - 1).expect("a row")];
                let is_open = |(row, other): &&(i64, Record)| other.key == record.key && !done.contains(row);
                let overtaken = record.key.as_ref().and_then(|_| earlier.iter().find(is_open));
                prop_assert!(overtaken.is_none(), "{:?} overtakes {:?}", id, overtaken.map(|(id, _)| id));
                out.push((id, partition.unwrap()));
            }
            let (answered, silent): (Vec<_>, _) =
                out.into_iter().partition(|(_, partition)| frozen & (1 << partition) == 0);
            out = silent;
            for (number, (id, _)) in answered.into_iter().enumerate() {
                if fails && number % 3 == 0 {
                    let failed = backlog.window.failed(id, RecordFailure::Other, backlog.now_ms, 0);
                    prop_assert_eq!(failed, Some(FailedRow::Again));
                } else {
                    prop_assert!(backlog.window.done(id, backlog.now_ms));
                    prop_assert!(done.insert(id.0), "{:?} twice", id);
                }
            }
            if done.len() == of_row.len() {
                break;
            }
        }
        prop_assert_eq!(done.len(), of_row.len());
        prop_assert!(backlog.window.is_empty());
        prop_assert_eq!(backlog.window.bytes, 0);
    }
}
