//! Failures of the disk, a topic or a file beside a backlog.

use super::spooling::{Bridge, SOON, directory, identity, keyed, open, remembered, until};
use super::*;
use crate::spool::{Append, RowId, Spool, SpoolEntry};

const LONG: Duration = Duration::from_secs(3600);

/// Spools records of one key, the first of them refused by Kafka. The drain may have sent it again.
async fn spooled(bridge: &Bridge, values: &[&'static str]) {
    let [first, rest @ ..] = values else { return };
    let (told, _settled) = oneshot::channel();
    let records = [keyed("a", "k", first)];
    let delivery = Arc::clone(&bridge.delivery);
    let answer = tokio::spawn(async move {
        delivery.deliver(&records, &identity(&records), None, Box::new(DurableSignal(Some(told)))).await
    });
    bridge.sent(1).await;
    bridge.sink.settle_next(Err(RecordFailure::Other));
    assert_eq!(answer.await.unwrap(), Ok(Durable::Spooled));
    for value in rest {
        assert_eq!(bridge.deliver(&[keyed("a", "k", value)]).await, Ok(Durable::Spooled));
    }
}

async fn acknowledged(bridge: &Bridge, value: &str) {
    assert_eq!(bridge.sent(1).await, [value]);
    bridge.sink.settle_next(Ok(()));
}

async fn can_send_directly(bridge: &Bridge) {
    let (sink, delivery) = (Arc::clone(&bridge.sink), Arc::clone(&bridge.delivery));
    until("nothing before a new record", || delivery.lanes.load()["a"].backlog() == 0).await;
    let (fresh, _settled) = start(&delivery, &["a"]);
    until("the fresh record", || sink.sent().len() == 1).await;
    sink.settle_next(Ok(()));
    assert_eq!(fresh.await.unwrap(), Ok(Durable::Acked));
}

#[tokio::test]
async fn rows_lost_before_the_start_hold_no_place_in_the_backlog() {
    let directory = directory();
    let bridge = Bridge::with_deadline(directory.path(), LONG);
    spooled(&bridge, &["1", "2", "3"]).await;
    assert_eq!(bridge.end().await, 3);
    Spool::change_from_outside(directory.path(), "DELETE FROM record WHERE id > 1; PRAGMA user_version = 7");
    let bridge = Bridge::with_deadline(directory.path(), LONG);
    assert_eq!(bridge.sent(1).await, ["1"]);
    assert_eq!(bridge.deliver(&[keyed("a", "k", "4")]).await, Ok(Durable::Spooled), "past an older one");
    assert_eq!(bridge.sink.values(), ["1"]);
    acknowledged(&bridge, "1").await;
    acknowledged(&bridge, "4").await;
    can_send_directly(&bridge).await;
}

#[tokio::test]
async fn rows_lost_while_the_drain_has_them_in_hand_let_nothing_overtake() {
    let directory = directory();
    let bridge = Bridge::with_deadline(directory.path(), LONG);
    spooled(&bridge, &["1"]).await;
    for (key, value) in [("j", "2"), ("l", "3"), ("k", "4")] {
        assert_eq!(bridge.deliver(&[keyed("a", key, value)]).await, Ok(Durable::Spooled));
    }
    // Three are in flight, and the last is behind the first.
    bridge.sent(3).await;
    Spool::change_from_outside(directory.path(), "DELETE FROM record WHERE id <= 3");
    bridge.spool.salvage();
    until("the salvage", || directory.path().join("spool.db.damaged-1").exists()).await;
    until("a spool that takes", || bridge.spool.usage().is_accepting).await;
    for value in ["1", "2", "3"] {
        bridge.sink.settle_value(value, Ok(()));
    }
    assert_eq!(bridge.sent(1).await, ["4"]);
    assert_eq!(bridge.deliver(&[keyed("a", "k", "5")]).await, Ok(Durable::Spooled), "past an older one");
    // Also once the drain has read that row.
    tokio::time::sleep(SOON).await;
    assert_eq!(bridge.deliver(&[keyed("a", "k", "6")]).await, Ok(Durable::Spooled), "past two older ones");
    for value in ["4", "5", "6"] {
        acknowledged(&bridge, value).await;
    }
    can_send_directly(&bridge).await;
}

#[tokio::test]
async fn rows_lost_before_they_are_read_hold_no_place_for_ever() {
    let directory = directory();
    let bridge = Bridge::with_deadline(directory.path(), LONG);
    // More rows than the window takes.
    spooled(&bridge, &["1"]).await;
    for _ in 0..80 {
        assert_eq!(bridge.deliver(&[keyed("a", "k", "2")]).await, Ok(Durable::Spooled));
    }
    Spool::change_from_outside(directory.path(), "DELETE FROM record WHERE id > 70");
    bridge.spool.salvage();
    until("the salvage", || directory.path().join("spool.db.damaged-1").exists()).await;
    for _ in 0..70 {
        bridge.sent(1).await;
        bridge.sink.settle_next(Ok(()));
    }
    can_send_directly(&bridge).await;
}

#[tokio::test]
async fn row_of_unknown_form_is_set_aside_once_the_disk_takes_it_and_is_in_nobodys_way() {
    let directory = directory();
    let spool = open(directory.path(), 16 << 20);
    // Larger than a page, so that a full disk does not take it elsewhere.
    let payload = Bytes::from(vec![0xFF; 100_000]);
    let entry = SpoolEntry { lane: Arc::from("a"), payload, handed_over: false, max_lane_bytes: None };
    let (told, done) = oneshot::channel();
    let done_box = Box::new(move |ids: Result<&[RowId], AppendError>| told.send(ids.is_ok()).unwrap());
    spool.append(Append { entries: vec![entry], identity: None, done: done_box });
    assert!(done.await.unwrap());
    spool.close();
    let spool = open(directory.path(), 16 << 20);
    spool.limit_pages(1);
    let bridge = Bridge::with_spool(spool, LONG);
    until("the refusal", || !bridge.spool.usage().is_accepting).await;
    bridge.spool.limit_pages(0);
    let set_aside = || SpoolView::open(directory.path()).ok()?.set_aside().ok();
    until("the row set aside", || set_aside() == Some(1)).await;
    can_send_directly(&bridge).await;
}

#[tokio::test]
async fn spool_on_a_disk_that_hangs_is_not_writable_until_it_answers() {
    let directory = directory();
    let bridge = Bridge::start(directory.path());
    until("a spool that takes", || bridge.delivery.readiness.spool() == SpoolState::Accepting).await;
    let hung = bridge.spool.hang_next_commit();
    let refused = bridge.deliver(&[record("a")]).await;
    assert_eq!(refused, Err(DeliveryError::Spool(AppendError::Disk)));
    until("the hung disk", || bridge.delivery.readiness.spool() == SpoolState::Failing).await;
    drop(hung);
    until("the disk", || bridge.delivery.readiness.spool() == SpoolState::Accepting).await;
}

#[tokio::test]
async fn hung_read_does_not_delay_the_end_beyond_its_deadline() {
    let directory = directory();
    let spool = open(directory.path(), 16 << 20);
    let hung = spool.hang();
    let bridge = Bridge::with_spool(spool, SOON);
    assert_eq!(bridge.deliver(&[record("a")]).await, Ok(Durable::Spooled));
    bridge.sink.settle_next(Err(RecordFailure::Other));
    tokio::time::sleep(SOON).await;
    let deadline = tokio::time::Instant::now() + SOON;
    let ended = timeout(Duration::from_secs(5), bridge.delivery.end(deadline)).await;
    drop(hung);
    assert_eq!(ended, Ok(1));
}

/// The spool has closed its file, and another process restores an older one.
#[tokio::test]
async fn rows_of_a_restored_file_are_sent() {
    let directory = directory();
    let bridge = Bridge::with_deadline(directory.path(), LONG);
    spooled(&bridge, &["1", "2"]).await;
    bridge.sent(1).await;
    let copy = tempfile::tempdir().expect("a directory");
    for name in ["spool.db", "spool.db-wal"] {
        std::fs::copy(directory.path().join(name), copy.path().join(name)).expect("a copy");
    }
    for value in ["1", "2"] {
        acknowledged(&bridge, value).await;
    }
    spooled(&bridge, &["3"]).await;
    acknowledged(&bridge, "3").await;
    bridge.holds(0).await;
    bridge.spool.limit_pages(1);
    let (told, done) = oneshot::channel();
    let payload = Bytes::from(vec![7; 100_000]);
    let entry = SpoolEntry { lane: Arc::from("b"), payload, handed_over: false, max_lane_bytes: None };
    let done_box = Box::new(move |ids: Result<&[RowId], AppendError>| told.send(ids.is_ok()).unwrap());
    bridge.spool.append(Append { entries: vec![entry], identity: None, done: done_box });
    assert!(!done.await.unwrap());
    drop(std::fs::remove_file(directory.path().join("spool.db-shm")));
    for name in ["spool.db", "spool.db-wal"] {
        std::fs::rename(copy.path().join(name), directory.path().join(name)).expect("a file");
    }
    bridge.spool.limit_pages(0);
    for value in ["1", "2"] {
        acknowledged(&bridge, value).await;
    }
    can_send_directly(&bridge).await;
}

#[tokio::test]
async fn missing_topic_is_no_fault_of_the_other_topics_of_its_events() {
    let directory = directory();
    let bridge = Bridge::start(directory.path());
    bridge.sink.missing.lock().push("gone");
    let event = [keyed("a", "k", "1"), keyed("gone", "k", "1")];
    assert_eq!(bridge.deliver(&event).await, Ok(Durable::Spooled));
    assert_ne!(bridge.delivery.readiness.kafka().0, KafkaState::Down);
    let page = bridge.spool.read("a", RowId(0), 10, 1000).expect("a page");
    assert!(!page.rows[0].handed_over, "handed over when its time was up");
}

#[tokio::test]
async fn record_too_large_for_the_spool_tries_the_lane_itself() {
    let directory = directory();
    let bridge = Bridge::with_spool(open(directory.path(), 1 << 20), LONG);
    until("a spool that takes", || bridge.delivery.readiness.spool() == SpoolState::Accepting).await;
    let large = [Record { value: Bytes::from(vec![b'x'; 1_500_000]), ..record("a") }];
    for result in [Err(RecordFailure::Other), Ok(())] {
        let (told, _settled) = oneshot::channel();
        let (delivery, large) = (Arc::clone(&bridge.delivery), large.clone());
        let answer = tokio::spawn(async move {
            delivery.deliver(&large, &[0; 16], None, Box::new(DurableSignal(Some(told)))).await
        });
        bridge.sent(1).await;
        bridge.sink.settle_next(result);
        assert_eq!(answer.await.unwrap().is_ok(), result.is_ok());
        until("a pause", || {
            !bridge.delivery.lanes.load()["a"].is_circuit_open()
                || bridge.delivery.lanes.load()["a"].retry_at() < Some(Instant::now())
        })
        .await;
    }
}

#[tokio::test]
async fn spool_that_cannot_be_read_holds_up_no_event() {
    let directory = directory();
    let bridge = Bridge::with_deadline(directory.path(), LONG);
    spooled(&bridge, &["1"]).await;
    bridge.end().await;
    let bridge = Bridge::with_deadline(directory.path(), LONG);
    bridge.sent(1).await;
    let hung = bridge.spool.hang();
    for _ in 0..600 {
        let (answer, _settled) = start(&bridge.delivery, &["b"]);
        until("the record", || bridge.sink.sent().contains(&"b".to_owned())).await;
        bridge.sink.settle_of("b", Ok(()));
        assert_eq!(answer.await.unwrap(), Ok(Durable::Acked));
    }
    let work = tokio::time::timeout(Duration::from_secs(30), tokio::task::spawn_blocking(|| ()));
    work.await.expect("a free thread for other work").unwrap();
    drop(hung);
    acknowledged(&bridge, "1").await;
    bridge.holds(0).await;
}

/// The commit failed after it had reached the disk.
#[tokio::test]
async fn row_of_a_refused_append_is_remembered_and_precedes_what_comes_after() {
    let directory = directory();
    let bridge = Bridge::start(directory.path());
    let remembered = remembered(&bridge);
    let refused = [keyed("a", "k", "1")];
    bridge.spool.fail_next_commit();
    assert_eq!(bridge.deliver(&refused).await, Err(DeliveryError::Spool(AppendError::Disk)));
    assert_eq!(remembered.lock().len(), 0, "before its row is counted");
    until("the recount", || *remembered.lock() == [identity(&refused)]).await;
    assert_eq!(bridge.delivery.backlog(), 1);
    let later = bridge.deliver(&[keyed("a", "k", "2")]).await;
    assert_eq!(later, Ok(Durable::Spooled), "direct to Kafka, past an earlier row");
    // librdkafka still has the record, but its report is for the refused event.
    assert_eq!(bridge.sent(2).await, ["1", "1"]);
    bridge.sink.settle_next(Ok(()));
    bridge.sink.settle_next(Ok(()));
    acknowledged(&bridge, "2").await;
    bridge.holds(0).await;
    can_send_directly(&bridge).await;
}

#[tokio::test]
async fn dead_letter_of_a_refused_replacement_is_sent_and_its_record_tried_again() {
    let directory = directory();
    let bridge = Bridge::with_deadline(directory.path(), LONG);
    spooled(&bridge, &["bad"]).await;
    // In its batch, then alone.
    assert_eq!(bridge.sent(1).await, ["bad"]);
    bridge.sink.settle_next(Err(RecordFailure::Unfit));
    assert_eq!(bridge.sent(1).await, ["bad"]);
    bridge.spool.fail_next_commit();
    bridge.sink.settle_next(Err(RecordFailure::Unfit));
    until("the dead letter", || bridge.sink.sent().contains(&"dead-letter".to_owned())).await;
    bridge.sink.settle_of("dead-letter", Ok(()));
    until("the record", || bridge.sink.sent().contains(&"a".to_owned())).await;
    bridge.sink.settle_of("a", Ok(()));
    bridge.holds(0).await;
    can_send_directly(&bridge).await;
    assert_eq!(bridge.delivery.backlog(), 0);
}

#[tokio::test]
async fn run_of_refused_records_does_not_slow_the_lane_down() {
    let directory = directory();
    let bridge = Bridge::with_deadline(directory.path(), LONG);
    spooled(&bridge, &["1"; 20]).await;
    let begun = Instant::now();
    let mut letters = 0;
    while letters < 20 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{letters} dead letters only");
        let refused = bridge.sink.sent();
        for topic in refused {
            let is_letter = topic == "dead-letter";
            letters += u32::from(is_letter);
            bridge.sink.settle_of(&topic, if is_letter { Ok(()) } else { Err(RecordFailure::Unfit) });
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    bridge.holds(0).await;
}

#[tokio::test]
async fn drain_that_panics_begins_anew() {
    let directory = directory();
    let bridge = Bridge::with_deadline(directory.path(), LONG);
    spooled(&bridge, &["1", "2"]).await;
    bridge.sent(1).await;
    bridge.sink.panics.store(1, Ordering::SeqCst);
    bridge.sink.settle_next(Ok(()));
    until("the panic", || bridge.sink.panics.load(Ordering::SeqCst) == 0).await;
    until("the second", || {
        // The first may be read again before it is deleted.
        let again = bridge.sink.values().contains(&"1".to_owned());
        again.then(|| bridge.sink.settle_value("1", Ok(())));
        bridge.sink.values().contains(&"2".to_owned())
    })
    .await;
    bridge.sink.settle_value("2", Ok(()));
    bridge.holds(0).await;
    can_send_directly(&bridge).await;
}

#[tokio::test]
async fn lane_that_is_heard_of_again_is_not_held_up_for_the_silence_before() {
    let directory = directory();
    let bridge = Bridge::start(directory.path());
    assert_eq!(bridge.deliver(&[keyed("a", "k", "1")]).await, Ok(Durable::Spooled));
    let lane = Arc::clone(&bridge.delivery.lanes.load()["a"]);
    until("an open circuit", || lane.is_circuit_open()).await;
    tokio::time::sleep(3 * SOON).await;
    let opened = bridge.delivery.metrics.topic(Some("a")).circuit_opened;
    let before = opened.get();
    bridge.sink.settle_next(Ok(()));
    bridge.holds(0).await;
    assert_eq!((opened.get(), lane.is_circuit_open()), (before, false));
}
