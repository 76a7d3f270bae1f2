use super::*;
use crate::record::Headers;
use proptest::prelude::*;
use std::sync::Arc;

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
    std::iter::from_fn(|| window.next(0, Some(0)).map(|(id, ..)| id.0)).collect()
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
    assert_eq!(window.failed(RowId(1), Failure::Other, 0, 0), Some(FailedRow::Again));
    assert_eq!(all_next(&mut window), [1]);
}

#[test]
fn row_that_is_handed_over_holds_its_key_until_its_report() {
    let mut window = Window::default();
    window.insert(RowId(1), record(Some("a")), true, 0);
    window.insert(RowId(2), record(Some("a")), false, 0);
    assert_eq!(all_next(&mut window), Vec::<i64>::new());
    window.failed(RowId(1), Failure::Abandoned, 0, 0);
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
    window.failed(RowId(2), Failure::Other, 0, 0);
    assert_eq!(all_next(&mut window), Vec::<i64>::new());
    window.done(RowId(1), 0);
    assert_eq!(all_next(&mut window), [2]);
}

#[test]
fn refused_batch_is_tried_row_by_row_and_only_what_fails_alone_is_permanent() {
    let mut window = window(&[(1, None), (2, None), (3, None)]);
    assert_eq!(all_next(&mut window), [1, 2, 3]);
    assert_eq!(window.failed(RowId(1), Failure::Unfit, 0, 0), Some(FailedRow::Again));
    assert!(!window.has_next(0), "others are out");
    assert_eq!(window.failed(RowId(2), Failure::Unfit, 0, 0), Some(FailedRow::Again));
    window.done(RowId(3), 0);
    assert_eq!(all_next(&mut window), [1], "alone");
    assert_eq!(window.failed(RowId(1), Failure::Unfit, 0, 0), Some(FailedRow::Permanent));
    window.done(RowId(1), 0);
    assert_eq!(all_next(&mut window), [2]);
    assert!(window.done(RowId(2), 0));
    assert!(window.rows.is_empty());
}

#[test]
fn nothing_goes_beside_a_row_that_is_sent_alone() {
    let mut window = window(&[(1, None)]);
    all_next(&mut window);
    window.failed(RowId(1), Failure::Unfit, 0, 0);
    assert_eq!(all_next(&mut window), [1]);
    window.insert(RowId(2), record(Some("b")), false, 0);
    assert_eq!(all_next(&mut window), Vec::<i64>::new(), "it could join the batch and be what is refused");
    window.end_alone();
    assert_eq!(all_next(&mut window), [2]);
    assert_eq!(window.failed(RowId(1), Failure::Unfit, 0, 0), Some(FailedRow::Again));
}

/// Two partitions, of which one takes nothing.
#[test]
fn stuck_rows_keep_no_suspect_from_being_sent_alone() {
    let mut window = window(&[(1, None), (2, None), (3, None), (4, None)]);
    assert_eq!(all_next(&mut window), [1, 2, 3, 4]);
    for row in [2, 3] {
        assert_eq!(window.failed(RowId(row), Failure::Unfit, 10, 0), Some(FailedRow::Again));
    }
    assert!(!window.has_next(STUCK_AGE_MS - 1), "rows 1 and 4 may be reported on soon");
    assert_eq!(window.suspect_at(0), Some(STUCK_AGE_MS));
    let next = |window: &mut Window, now| window.next(now, Some(0)).map(|(id, ..)| id.0);
    assert_eq!(next(&mut window, STUCK_AGE_MS), Some(2));
    assert_eq!(next(&mut window, STUCK_AGE_MS), None, "nothing goes beside it");
    assert_eq!(window.failed(RowId(2), Failure::Unfit, STUCK_AGE_MS, 0), Some(FailedRow::Permanent));
    assert_eq!(next(&mut window, STUCK_AGE_MS), Some(3), "at once: the others are stuck still");
    // Row 1 was in front of it in one batch after all.
    assert_eq!(window.failed(RowId(1), Failure::Unfit, STUCK_AGE_MS, 0), Some(FailedRow::Again));
    assert_eq!(window.failed(RowId(3), Failure::Unfit, STUCK_AGE_MS, 0), Some(FailedRow::Again));
    assert!(window.done(RowId(2), 0));
    assert_eq!(next(&mut window, STUCK_AGE_MS), Some(1));
    assert_eq!(window.failed(RowId(1), Failure::Unfit, STUCK_AGE_MS, 0), Some(FailedRow::Permanent));
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
    assert_eq!(window.failed(RowId(1), Failure::TooLarge, 0, 0), Some(FailedRow::Permanent));
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
        assert_eq!(window.failed(RowId(id), Failure::Refused, 0, 0), Some(FailedRow::Again));
    }
    assert_eq!(all_next(&mut window), [1], "alone");
    assert_eq!(window.failed(RowId(1), Failure::Refused, 0, 0), Some(FailedRow::Waits));
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

#[test]
fn full_window_gives_up_the_row_that_waited_longest_unless_the_whole_topic_is_refused() {
    let mut window = window(&[(1, Some("a")), (2, Some("b"))]);
    all_next(&mut window);
    for id in [1, 2] {
        window.failed(RowId(id), Failure::Refused, 0, 0);
    }
    for id in [1, 2] {
        assert_eq!(window.abandon_stuck(true), None, "a suspect is still to be sent");
        assert_eq!(all_next(&mut window), [id]);
        window.failed(RowId(id), Failure::Refused, 0, 0);
    }
    assert_eq!(window.abandon_stuck(true), None, "Kafka takes no row of the topic");
    window.insert(RowId(3), record(None), false, 0);
    all_next(&mut window);
    window.done(RowId(3), 0);
    assert_eq!(window.abandon_stuck(true), Some(RowId(1)));
    assert_eq!(window.abandon_stuck(true), None, "one at a time");
    window.done(RowId(1), 0);
    assert!(window.has_waiting(), "a dead letter does not show that the reason passed");
    assert_eq!(window.abandon_stuck(true), Some(RowId(2)));
}

#[test]
fn rows_that_are_ready_precede_the_next_suspect() {
    let mut window = window(&[(1, None), (2, None)]);
    all_next(&mut window);
    for id in [1, 2] {
        window.failed(RowId(id), Failure::Refused, 0, 0);
    }
    assert_eq!(all_next(&mut window), [1]);
    window.insert(RowId(3), record(Some("c")), false, 0);
    window.failed(RowId(1), Failure::Refused, 0, 0);
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
        std::iter::from_fn(|| window.next(now, Some(0)).map(|(id, _, record)| (id.0, record.timestamp)))
            .collect::<Vec<_>>()
    };
    assert_eq!(stamps(&mut window, 5000), [(1, 0), (2, 0)]);
    window.failed(RowId(1), Failure::Timestamp, 5000, 0);
    window.failed(RowId(2), Failure::Unfit, 5000, 0);
    assert_eq!(stamps(&mut window, 5000), [(1, 0)], "it may have been refused for its neighbour");
    assert_eq!(window.failed(RowId(1), Failure::Timestamp, 5000, 0), Some(FailedRow::Restamped));
    // The window has learned from what age on the topic refuses records.
    assert_eq!(stamps(&mut window, 5001), [(1, 5001)]);
    window.done(RowId(1), 0);
    assert_eq!(stamps(&mut window, 5002), [(2, 5002)]);
}

#[test]
fn timestamp_that_stays_refused_waits_and_is_new_at_each_try() {
    let mut window = window(&[(1, Some("a"))]);
    assert_eq!(window.next(1, Some(0)).map(|(_, _, record)| record.timestamp), Some(0));
    assert_eq!(window.failed(RowId(1), Failure::Timestamp, 1, 0), Some(FailedRow::Again));
    assert_eq!(window.next(2, Some(0)).map(|(_, _, record)| record.timestamp), Some(0), "alone");
    assert_eq!(window.failed(RowId(1), Failure::Timestamp, 2, 0), Some(FailedRow::Restamped));
    for now in [3, 4] {
        assert_eq!(window.next(now, Some(0)).map(|(_, _, record)| record.timestamp), Some(now));
        assert_eq!(window.failed(RowId(1), Failure::Timestamp, now, 0), Some(FailedRow::Waits));
        assert!(!window.has_next(0));
        window.retry_waiting();
    }
}

#[test]
fn record_older_than_the_bound_is_sent_with_the_present_time() {
    for (age, sent) in [(MAX_TIMESTAMP_AGE_MS - 1, 0), (MAX_TIMESTAMP_AGE_MS, MAX_TIMESTAMP_AGE_MS)] {
        let mut window = window(&[(1, None)]);
        assert_eq!(window.next(age, Some(0)).map(|(_, _, record)| record.timestamp), Some(sent));
    }
}

#[test]
fn only_a_row_that_was_to_leave_is_released() {
    let mut window = window(&[(1, Some("a")), (2, Some("b"))]);
    assert_eq!(all_next(&mut window), [1, 2]);
    window.release(RowId(1));
    assert_eq!(all_next(&mut window), Vec::<i64>::new(), "it is handed over already");
    window.failed(RowId(1), Failure::TooLarge, 0, 0);
    window.release(RowId(1));
    window.release(RowId(1));
    assert_eq!(all_next(&mut window), [1]);
    assert_eq!(window.out(), 2);
}

proptest! {
    /// Whatever fails in whichever order, each row is acknowledged once, and no row is handed over
    /// while an earlier one of its key is unacknowledged.
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
            while let Some((id, ..)) = window.next(0, Some(0)) {
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
                1 => Failure::Other,
                2 => Failure::Unfit,
                3 => Failure::Refused,
                4 => Failure::Timestamp,
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
}
