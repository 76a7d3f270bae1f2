use super::*;
use crate::delivery::record_codec;
use crate::delivery::tests::{TestSink, record};
use crate::record::Record;
use crate::spool::{Row, SpoolEntry};
use bytes::Bytes;
use std::path::Path;
use std::sync::atomic::Ordering;
use tempfile::TempDir;

fn drain(directory: &TempDir) -> Drain {
    drain_in(directory.path())
}

fn drain_in(directory: &Path) -> Drain {
    let config = crate::spool::Config { directory: None, max_bytes: 16 << 20, max_lane_share: 100 };
    let lane = Lane::new(Arc::from("a"), 0, RowId(0), None, Default::default());
    lane.open(1);
    let shared = DrainContext {
        sink: Arc::new(TestSink::default()),
        spool: Spool::open(directory, &config, 0).expect("a spool"),
        runtime: Handle::current(),
        phase: watch::channel(Phase::Running).1,
        dead_letters: Arc::clone(&lane),
        share: Arc::new(DrainLimits::new((10, 10_000))),
        ack_deadline: Duration::from_secs(2),
        tracer: Tracer::off(),
        metrics: Arc::new(Metrics::new()),
    };
    Drain::new(lane, shared)
}

async fn append(drain: &Drain, payloads: impl IntoIterator<Item = Bytes>, handed_over: bool) -> Vec<RowId> {
    let (told, done) = tokio::sync::oneshot::channel();
    let entry = |payload| SpoolEntry { lane: Arc::from("a"), payload, handed_over, max_lane_bytes: None };
    drain.shared.spool.append(crate::spool::Append {
        entries: payloads.into_iter().map(entry).collect(),
        identity: None,
        done: Box::new(move |rows| told.send(rows.expect("rows").to_vec()).expect("somebody waits")),
    });
    done.await.expect("rows")
}

fn take(drain: &mut Drain, row: Row) {
    assert!(drain.take(row, drain.shared.share.limits()));
}

#[tokio::test]
async fn report_on_a_row_that_is_deleted_before_it_is_read_is_not_kept() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut drain = drain(&directory);
    drain.lane.begin_append();
    let row = append(&drain, [Bytes::new()], true).await[0];
    drain.lane.end_append(Some(row));
    drain.lane.count_sent();
    drain.lane.on_report(Ok(()));
    drain.lane.notify_drain(DrainEvent::Reported(row, Ok(())));
    drain.process_events();
    assert_eq!((drain.early.len(), drain.lane.backlog()), (1, 0));
    while drain.shared.spool.usage().rows > 0 {
        sleep(Duration::from_millis(5)).await;
    }
    drain.fill().await;
    assert!(drain.window.is_empty());
    assert!(drain.early.is_empty(), "{:?}", drain.early);
    assert!(!drain.has_more());
}

#[tokio::test(start_paused = true)]
async fn silence_counts_from_the_first_row_that_is_out() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut drain = drain(&directory);
    tokio::time::advance(Duration::from_secs(60)).await;
    let payload = record_codec::encode(&record("a"));
    take(&mut drain, Row { id: RowId(1), handed_over: true, payload: payload.clone() });
    drain.check_silence();
    assert!(!drain.lane.is_circuit_open(), "nothing was out before");
    tokio::time::advance(Duration::from_secs(1)).await;
    take(&mut drain, Row { id: RowId(2), handed_over: true, payload });
    tokio::time::advance(Duration::from_secs(1)).await;
    drain.check_silence();
    assert!(drain.lane.is_circuit_open());
}

/// Drain with a row that was refused with others and is sent alone.
fn drain_with_a_row_alone(directory: &TempDir) -> Drain {
    let mut drain = drain(directory);
    drain.lane.begin_append();
    drain.lane.end_append(Some(RowId(1)));
    take(&mut drain, Row { id: RowId(1), handed_over: false, payload: record_codec::encode(&record("a")) });
    drain.hand_over();
    refuse_row(&mut drain);
    drain.hand_over();
    assert!(drain.window.is_alone(RowId(1)));
    drain
}

fn refuse_row(drain: &mut Drain) {
    drain.lane.on_report(Err(RecordFailure::Refused("test")));
    drain.lane.notify_drain(DrainEvent::Reported(RowId(1), Err(RecordFailure::Refused("test"))));
    drain.process_events();
}

#[tokio::test]
async fn refusal_of_a_row_that_was_alone_is_about_that_row() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut drain = drain_with_a_row_alone(&directory);
    refuse_row(&mut drain);
    assert!(drain.window.has_waiting());
}

#[tokio::test]
async fn refusal_says_nothing_about_a_row_beside_which_an_event_went_straight() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut drain = drain_with_a_row_alone(&directory);
    drain.lane.count_sent();
    refuse_row(&mut drain);
    assert!(!drain.window.has_waiting(), "it is sent alone again");
    drain.lane.on_report(Ok(()));
    drain.hand_over();
    assert!(drain.window.is_alone(RowId(1)));
}

#[tokio::test]
async fn row_that_is_reported_on_twice_is_counted_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut drain = drain(&directory);
    drain.lane.recounts(10, RowId(10));
    for result in [Err(RecordFailure::Other), Ok(())] {
        assert!(drain.keep_early_report(RowId(12), result), "not read yet");
    }
    for result in [Ok(()), Err(RecordFailure::Other)] {
        assert!(!drain.keep_early_report(RowId(12), result), "counted already");
    }
    assert_eq!(drain.early.get(&RowId(12)), Some(&Ok(())));
    drain.through = RowId(20);
    drain.window.skip(0, RowId(5));
    assert!(!drain.keep_early_report(RowId(7), Ok(())), "sent again and reported on again");
    assert!(!drain.keep_early_report(RowId(4), Ok(())), "read already");
    assert!(drain.keep_early_report(RowId(15), Ok(())), "skipped");
}

fn key(key: &str) -> Option<Bytes> {
    (!key.is_empty()).then(|| Bytes::from(key.to_owned()))
}

/// Appends records with these keys to the spool, each with its number as value.
async fn spool(drain: &Drain, keys: &[String]) -> Vec<RowId> {
    let (told, appended) = tokio::sync::oneshot::channel();
    let entry = |(number, key): (usize, &String)| {
        drain.lane.begin_append();
        let record = Record { key: self::key(key), value: Bytes::from(number.to_string()), ..record("a") };
        let payload = record_codec::encode(&record);
        SpoolEntry { lane: Arc::from("a"), payload, handed_over: false, max_lane_bytes: None }
    };
    drain.shared.spool.append(crate::spool::Append {
        entries: keys.iter().enumerate().map(entry).collect(),
        identity: None,
        done: Box::new(move |rows| told.send(rows.expect("rows").to_vec()).expect("somebody waits")),
    });
    let rows = appended.await.expect("rows");
    rows.iter().for_each(|row| drain.lane.end_append(Some(*row)));
    rows
}

/// Two of five partitions accept nothing, with far more rows than a window holds. `refusal`: Kafka refuses
/// them. `None`: their broker does not answer.
async fn drain_past_two_partitions(refusal: Option<RecordFailure>) {
    const PARTITIONS: u32 = 5;
    const STUCK: [u32; 2] = [1, 3];
    let directory = tempfile::tempdir().expect("a directory");
    let sink = Arc::new(TestSink::default());
    let mut drain = drain(&directory);
    sink.partitions.store(PARTITIONS, Ordering::Relaxed);
    drain.shared.sink = Arc::clone(&sink) as _;
    // Ten rows in the window.
    drain.shared.share = Arc::new(DrainLimits::new((40, 1 << 20)));
    drain.lane.open(PARTITIONS);
    drain.window.set_partitions(PARTITIONS, 0);
    let keys: Vec<String> = (0..400)
        .map(|n| if n % 40 == 7 { String::new() } else { format!("k{}", (n * n + n / 50) % 23) })
        .collect();
    let rows = spool(&drain, &keys).await;
    let is_stuck = |number: usize| {
        let record = Record { key: key(&keys[number]), ..record("a") };
        STUCK.contains(&drain.window.partition_of(rows[number], &record))
    };
    let stuck: Vec<bool> = (0..keys.len()).map(is_stuck).collect();
    let others = stuck.iter().filter(|is_stuck| !**is_stuck).count();
    assert!((100..300).contains(&others));
    let lane = Arc::clone(&drain.lane);
    let (end, phase) = watch::channel(Phase::Running);
    drain.shared.phase = phase;
    let running = tokio::spawn(drain.run());
    let mut delivered: Vec<usize> = Vec::new();
    let settle = |refuses: bool, delivered: &mut Vec<usize>| {
        for value in sink.values() {
            let number: usize = value.parse().expect("a number");
            if !refuses || !stuck[number] {
                sink.settle_value(&value, Ok(()));
                delivered.push(number);
            } else if let Some(failure) = refusal {
                sink.settle_value(&value, Err(failure));
            }
        }
    };
    let begun = Instant::now();
    while delivered.len() < others {
        settle(true, &mut delivered);
        assert!(sink.values().len() <= 10, "more in flight than the window holds");
        assert!(begun.elapsed() < Duration::from_secs(30), "{} of {others}", delivered.len());
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(lane.backlog(), (keys.len() - others) as u64, "each other row waits in the spool");
    while lane.backlog() > 0 {
        settle(false, &mut delivered);
        assert!(begun.elapsed() < Duration::from_secs(60), "{} left", lane.backlog());
        sleep(Duration::from_millis(1)).await;
    }
    for key in keys.iter().filter(|key| !key.is_empty()) {
        let of_key: Vec<_> = delivered.iter().filter(|number| keys[**number] == *key).collect();
        assert!(of_key.is_sorted(), "{key}: {of_key:?}");
    }
    delivered.sort_unstable();
    assert_eq!(delivered, (0..keys.len()).collect::<Vec<_>>(), "each once");
    drop(end);
    running.await.expect("no panic");
}

#[tokio::test]
async fn stuck_partitions_delay_no_other() {
    drain_past_two_partitions(None).await;
}

#[tokio::test]
async fn rows_refused_for_their_timestamp_wait_and_delay_no_other_partition() {
    drain_past_two_partitions(Some(RecordFailure::Timestamp)).await;
}

#[tokio::test]
async fn rows_left_on_disk_are_read_again_after_a_failed_read() {
    let directory = tempfile::tempdir().expect("a directory");
    let (path, away) = (directory.path().join("spool"), directory.path().join("away"));
    std::fs::create_dir(&path).expect("a directory");
    let sink = Arc::new(TestSink::default());
    let mut drain = drain_in(&path);
    drain.shared.sink = Arc::clone(&sink) as _;
    drain.lane.open(2);
    drain.window.set_partitions(2, 0);
    let rows = spool(&drain, &["k".to_owned()]).await;
    let partition = drain.window.partition_of(rows[0], &Record { key: key("k"), ..record("a") });
    (drain.cursor, drain.through) = (rows[0], rows[0]);
    drain.window.skip(partition, rows[0]);
    std::fs::rename(&path, &away).expect("a directory");
    drain.fill().await;
    std::fs::rename(&away, &path).expect("a directory");
    assert!(drain.read_at.is_some(), "the read failed");
    let (_end, phase) = watch::channel(Phase::Running);
    drain.shared.phase = phase;
    let running = tokio::spawn(drain.run());
    let begun = Instant::now();
    while sink.values().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(10), "nothing reads the row");
        sleep(Duration::from_millis(10)).await;
    }
    running.abort();
}

#[tokio::test]
async fn backlog_uses_the_new_number_of_partitions_of_a_topic_that_grew() {
    let directory = tempfile::tempdir().expect("a directory");
    let sink = Arc::new(TestSink::default());
    let mut drain = drain(&directory);
    drain.shared.sink = Arc::clone(&sink) as _;
    sink.partitions.store(2, Ordering::Relaxed);
    spool(&drain, &[String::new(), String::new()]).await;
    let begun = Instant::now();
    let partitions = |drain: &Drain| [1, 2].map(|row| drain.window.partition_of(RowId(row), &record("a")));
    while partitions(&drain) != [1, 0] {
        assert!(begun.elapsed() < Duration::from_secs(5), "the old number is in use");
        sleep(Duration::from_millis(10)).await;
        drain.fill().await;
    }
}

/// Appends rows with the values "1", "2" and so on, as if the drain had read and delivered them.
async fn drain_behind_rows(directory: &TempDir, rows: u64) -> (Arc<TestSink>, Drain) {
    let mut drain = drain(directory);
    let sink = Arc::new(TestSink::default());
    drain.shared.sink = Arc::clone(&sink) as _;
    let payload =
        |value: u64| record_codec::encode(&Record { value: value.to_string().into(), ..record("a") });
    let ids = append(&drain, (1..=rows).map(payload), false).await;
    drain.cursor = *ids.last().expect("a row");
    drain.through = drain.cursor;
    drain.lane.recounts(0, drain.cursor);
    (sink, drain)
}

async fn fill_all(drain: &mut Drain) {
    loop {
        drain.fill().await;
        drain.hand_over();
        drain.check_lost_rows().await;
        if !std::mem::take(&mut drain.may_read_on) {
            return;
        }
    }
}

#[tokio::test]
async fn only_restored_rows_are_read_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let (sink, mut drain) = drain_behind_rows(&directory, 4).await;
    let (cursor, through) = (drain.cursor, drain.through);
    let rows = crate::spool::LateRows { lane: Arc::from("a"), first: RowId(2), last: RowId(2), count: 1 };
    drain.lane.finds(&rows, true);
    fill_all(&mut drain).await;
    assert_eq!(sink.values(), ["2"]);
    assert!(drain.window.record(RowId(3)).is_none(), "its deletion may be queued");
    assert_eq!((drain.cursor, drain.through, drain.rereading), (cursor, through, None));
}

#[tokio::test]
async fn rows_that_a_damaged_file_hid_are_sent_unless_they_are_being_deleted() {
    let directory = tempfile::tempdir().expect("a directory");
    let (sink, mut drain) = drain_behind_rows(&directory, 2).await;
    // A lost row is counted.
    drain.lane.recounts(1, drain.cursor);
    let hung = drain.shared.spool.hang_next_commit();
    drain.shared.spool.delete(vec![RowId(1)]);
    fill_all(&mut drain).await;
    assert_eq!(sink.values(), [""; 0]);
    drop(hung);
    while drain.shared.spool.has_pending_deletes() {
        sleep(Duration::from_millis(5)).await;
    }
    drain.read_at = None;
    fill_all(&mut drain).await;
    assert_eq!(sink.values(), ["2"]);
}
