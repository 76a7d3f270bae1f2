use super::*;
use crate::spool::Spool;
use chrono::Utc;
use std::path::Path;
use tempfile::TempDir;

pub(super) const SOON: Duration = Duration::from_millis(100);

pub(super) struct Bridge {
    pub(super) sink: Arc<TestSink>,
    pub(super) spool: Arc<Spool>,
    pub(super) delivery: Arc<Delivery>,
}

impl Bridge {
    pub(super) fn start(directory: &Path) -> Self {
        Self::with_deadline(directory, SOON)
    }

    pub(super) fn with_deadline(directory: &Path, ack_deadline: Duration) -> Self {
        Self::with(directory, ack_deadline, 16 << 20)
    }

    pub(super) fn with(directory: &Path, ack_deadline: Duration, max_bytes: u64) -> Self {
        Self::with_spool(open(directory, max_bytes), ack_deadline)
    }

    pub(super) fn with_spool(spool: Arc<Spool>, ack_deadline: Duration) -> Self {
        let sink = Arc::new(TestSink::default());
        let dead_letters = DeadLetterQuotaConfig { max_bytes: 1 << 20, max_rate: 2 };
        let parts = Parts {
            sink: Arc::clone(&sink) as _,
            spool: Some(Arc::clone(&spool)),
            topics: ["a", "b", "gone"].map(Arc::from).into(),
            dead_letter_topic: Arc::from("dead-letter"),
            queue: (1000, 1_000_000),
            runtime: Handle::current(),
            readiness: Arc::new(Readiness::default()),
            metrics: Arc::new(Metrics::new()),
            tracer: crate::telemetry::Tracer::off(),
        };
        let delivery = Delivery::start(Config { ack_deadline, dead_letters }, parts);
        delivery.open_lanes([("a", 1), ("b", 1), ("dead-letter", 1)]);
        Self { sink, spool, delivery }
    }

    pub(super) async fn deliver(&self, records: &[Record]) -> Result<Durable, DeliveryError> {
        let (told, settled) = oneshot::channel();
        let identity = identity(records);
        let answer = self.delivery.deliver(records, &identity, None, Box::new(DurableSignal(Some(told))));
        let answer = timeout(Duration::from_secs(30), answer).await.expect("an answer");
        if answer.is_ok() {
            assert_eq!(settled.await, Ok(()), "answered 200 and not remembered");
        }
        answer
    }

    pub(super) async fn deliver_with(
        &self,
        records: &[Record],
        report: Result<(), RecordFailure>,
    ) -> Result<Durable, DeliveryError> {
        let settle = async {
            self.sent(1).await;
            self.sink.settle_next(report);
        };
        tokio::join!(self.deliver(records), settle).0
    }

    pub(super) async fn sent(&self, count: usize) -> Vec<String> {
        until("records at the sink", || self.sink.sent().len() == count).await;
        self.sink.values()
    }

    pub(super) async fn holds(&self, rows: u64) {
        until("rows in the spool", || self.spool.usage().rows == rows).await;
    }

    pub(super) async fn end(self) -> u64 {
        self.delivery.settle();
        self.sink.reports.lock().clear();
        let left = self.delivery.end(tokio::time::Instant::now() + Duration::from_secs(60)).await;
        self.spool.close();
        left
    }
}

pub(super) fn open(directory: &Path, max_bytes: u64) -> Arc<Spool> {
    let config =
        crate::spool::Config { directory: Some(directory.to_owned()), max_bytes, max_lane_share: 100 };
    Spool::open(directory, &config, 1000).expect("a spool")
}

pub(super) async fn until(what: &str, reached: impl Fn() -> bool) {
    let since = tokio::time::Instant::now();
    while !reached() {
        assert!(since.elapsed() < Duration::from_secs(10), "{what}: not within ten seconds");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

pub(super) fn identity(records: &[Record]) -> Identity {
    let mut identity = [0; 16];
    identity[..records[0].value.len()].copy_from_slice(&records[0].value);
    identity
}

pub(super) fn keyed(topic: &str, key: &'static str, value: &'static str) -> Record {
    let (key, value) = (Some(Bytes::from_static(key.as_bytes())), Bytes::from_static(value.as_bytes()));
    Record { key, value, ..record(topic) }
}

pub(super) fn remembered(bridge: &Bridge) -> Arc<Mutex<Vec<Identity>>> {
    let remembered = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&remembered);
    bridge.delivery.remember_with(move |events| {
        kept.lock().extend(events.into_iter().map(|(event, _)| event));
    });
    remembered
}

pub(super) fn directory() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

#[tokio::test]
async fn late_acknowledgement_deletes_the_row_and_nothing_is_sent_twice() {
    let directory = directory();
    let bridge = Bridge::start(directory.path());
    assert_eq!(bridge.deliver(&[keyed("a", "k", "1")]).await, Ok(Durable::Spooled));
    bridge.holds(1).await;
    bridge.sink.settle_next(Ok(()));
    bridge.holds(0).await;
    assert_eq!(bridge.sink.sent(), Vec::<String>::new(), "sent again");
    assert_eq!(bridge.end().await, 0);
}

#[tokio::test]
async fn failed_record_goes_again_before_what_came_after_it() {
    let directory = directory();
    let bridge = Bridge::start(directory.path());
    assert_eq!(bridge.deliver(&[keyed("a", "k", "1")]).await, Ok(Durable::Spooled));
    assert_eq!(bridge.deliver(&[keyed("a", "k", "2")]).await, Ok(Durable::Spooled));
    assert_eq!(bridge.sink.values(), ["1"], "the second overtakes the first");
    bridge.sink.settle_next(Err(RecordFailure::Other));
    assert_eq!(bridge.sent(1).await, ["1"]);
    bridge.sink.settle_next(Ok(()));
    assert_eq!(bridge.sent(1).await, ["2"]);
    bridge.sink.settle_next(Ok(()));
    bridge.holds(0).await;
    // Direct to Kafka again.
    let (sink, delivery) = (Arc::clone(&bridge.sink), Arc::clone(&bridge.delivery));
    let (fresh, _settled) = start(&delivery, &["a"]);
    until("the fresh record", || sink.sent().len() == 1).await;
    sink.settle_next(Ok(()));
    assert_eq!(fresh.await.unwrap(), Ok(Durable::Acked));
}

#[tokio::test]
async fn lane_that_is_held_up_spools_without_waiting_and_no_other_lane_does() {
    let directory = directory();
    let bridge = Bridge::with_deadline(directory.path(), Duration::from_secs(3600));
    let (sink, delivery) = (Arc::clone(&bridge.sink), Arc::clone(&bridge.delivery));
    let (first, _first_settled) = start(&delivery, &["a"]);
    until("the first record", || sink.sent().len() == 1).await;
    sink.settle_next(Err(RecordFailure::Other));
    assert_eq!(first.await.unwrap(), Ok(Durable::Spooled), "a failure does not wait for the deadline");
    for value in ["2", "3"] {
        assert_eq!(bridge.deliver(&[keyed("a", value, value)]).await, Ok(Durable::Spooled));
    }
    let (other, _settled) = start(&delivery, &["b"]);
    until("the other lane", || sink.sent().contains(&"b".to_owned())).await;
    sink.settle_of("b", Ok(()));
    assert_eq!(other.await.unwrap(), Ok(Durable::Acked));
}

#[tokio::test]
async fn topic_that_is_not_there_is_spooled_and_sent_once_it_is() {
    let directory = directory();
    let bridge = Bridge::start(directory.path());
    bridge.sink.missing.lock().push("gone");
    assert_eq!(bridge.deliver(&[keyed("gone", "k", "1")]).await, Ok(Durable::Spooled));
    assert_eq!(bridge.sink.sent(), Vec::<String>::new());
    bridge.sink.missing.lock().clear();
    assert_eq!(bridge.sent(1).await, ["1"]);
    bridge.sink.settle_next(Ok(()));
    bridge.holds(0).await;
}

#[tokio::test]
async fn only_what_is_not_acknowledged_of_an_event_is_spooled() {
    let directory = directory();
    let bridge = Bridge::start(directory.path());
    let records = [keyed("a", "k", "1"), keyed("b", "k", "1")];
    let (told, settled) = oneshot::channel();
    let delivery = Arc::clone(&bridge.delivery);
    let answer = tokio::spawn(async move {
        delivery.deliver(&records, &identity(&records), None, Box::new(DurableSignal(Some(told)))).await
    });
    bridge.sent(2).await;
    bridge.sink.settle_of("a", Ok(()));
    assert_eq!(answer.await.unwrap(), Ok(Durable::Spooled));
    assert_eq!(settled.await, Ok(()));
    bridge.holds(1).await;
    let lanes = SpoolView::open(directory.path()).expect("a spool").lanes().expect("lanes");
    assert_eq!(lanes.iter().map(|lane| lane.topic.as_str()).collect::<Vec<_>>(), ["b"]);
}

#[tokio::test]
async fn restart_sends_what_was_left_in_order_and_knows_its_events() {
    let directory = directory();
    let bridge = Bridge::start(directory.path());
    let records = [keyed("a", "k", "1"), keyed("a", "k", "2"), keyed("a", "j", "3")];
    for record in &records {
        assert_eq!(bridge.deliver(std::slice::from_ref(record)).await, Ok(Durable::Spooled));
    }
    assert_eq!(bridge.end().await, 3);

    let bridge = Bridge::start(directory.path());
    let mut remembered = remembered(&bridge).lock().clone();
    remembered.sort_unstable();
    assert_eq!(remembered, records.each_ref().map(|record| identity(std::slice::from_ref(record))));
    assert_eq!(bridge.sent(2).await, ["1", "3"], "keys side by side, each in order");
    assert_eq!(bridge.deliver(&[keyed("a", "k", "4")]).await, Ok(Durable::Spooled), "behind the backlog");
    bridge.sink.settle_next(Ok(()));
    bridge.sink.settle_next(Ok(()));
    assert_eq!(bridge.sent(1).await, ["2"]);
    bridge.sink.settle_next(Ok(()));
    assert_eq!(bridge.sent(1).await, ["4"]);
    bridge.sink.settle_next(Ok(()));
    bridge.holds(0).await;
}

#[tokio::test]
async fn what_is_acknowledged_while_stopping_is_not_sent_after_the_restart() {
    let directory = directory();
    let bridge = Bridge::start(directory.path());
    for value in ["1", "2"] {
        assert_eq!(bridge.deliver(&[keyed("a", "k", value)]).await, Ok(Durable::Spooled));
    }
    bridge.delivery.settle();
    bridge.sink.settle_next(Ok(()));
    bridge.holds(1).await;
    assert_eq!(bridge.sink.sent(), Vec::<String>::new(), "handed over while stopping");
    assert_eq!(bridge.end().await, 1);
    let bridge = Bridge::start(directory.path());
    assert_eq!(bridge.sent(1).await, ["2"]);
}

#[tokio::test]
async fn record_that_kafka_refuses_alone_becomes_a_dead_letter_and_no_neighbour_does() {
    let directory = directory();
    // Longer than the test, so that silence starts no probe.
    let bridge = Bridge::with_deadline(directory.path(), Duration::from_secs(3600));
    let (first, _settled) = start(&bridge.delivery, &["a"]);
    bridge.sent(1).await;
    bridge.sink.settle_next(Err(RecordFailure::Other));
    assert_eq!(first.await.unwrap(), Ok(Durable::Spooled));
    for (key, value) in [("k", "bad"), ("j", "good")] {
        assert_eq!(bridge.deliver(&[keyed("a", key, value)]).await, Ok(Durable::Spooled));
    }
    until("the try", || bridge.sink.values().contains(&"{}".to_owned())).await;
    bridge.sink.settle_value("{}", Ok(()));
    // One batch, refused as a whole.
    bridge.sent(2).await;
    bridge.sink.settle_value("bad", Err(RecordFailure::Unfit));
    bridge.sink.settle_value("good", Err(RecordFailure::Unfit));
    assert_eq!(bridge.sent(1).await, ["bad"]);
    bridge.sink.settle_next(Err(RecordFailure::Unfit));
    assert_eq!(bridge.sent(2).await.len(), 2, "the dead letter, and the neighbour");
    assert_eq!(bridge.sink.header_of("dead-letter", "dlq_reason").as_deref(), Some("refused_by_kafka"));
    let metrics = bridge.delivery.metrics.render(&Readiness::default(), 0);
    assert!(metrics.contains("rejected_total{reason=\"refused_by_kafka\"} 1\n"), "{metrics}");
    bridge.sink.settle_of("dead-letter", Ok(()));
    assert_eq!(bridge.sink.values(), ["good"]);
    bridge.sink.settle_next(Ok(()));
    bridge.holds(0).await;
}

#[tokio::test]
async fn record_refused_alone_for_an_unknown_reason_delays_no_other_key() {
    let directory = directory();
    let bridge = Bridge::with_deadline(directory.path(), Duration::from_secs(3600));
    let refused = bridge.deliver_with(&[keyed("a", "k", "bad")], Err(RecordFailure::Refused("test"))).await;
    assert_eq!(refused, Ok(Durable::Spooled));
    // In its batch, then alone.
    for _ in 0..2 {
        assert_eq!(bridge.sent(1).await, ["bad"]);
        bridge.sink.settle_next(Err(RecordFailure::Refused("test")));
    }
    for value in ["1", "2", "3"] {
        let (key, behind) = (if value == "2" { "k" } else { "j" }, value == "2");
        assert_eq!(bridge.deliver(&[keyed("a", key, value)]).await, Ok(Durable::Spooled));
        if !behind {
            until("the other key", || bridge.sink.values().contains(&value.to_owned())).await;
            bridge.sink.settle_value(value, Ok(()));
        }
        // The refused row is tried at times, and its key keeps its order.
        assert!(!bridge.sink.values().contains(&"2".to_owned()), "overtakes");
        if bridge.sink.values().contains(&"bad".to_owned()) {
            bridge.sink.settle_value("bad", Err(RecordFailure::Refused("test")));
        }
    }
    until("the next try", || bridge.sink.values().contains(&"bad".to_owned())).await;
    bridge.sink.settle_value("bad", Ok(()));
    assert_eq!(bridge.sent(1).await, ["2"]);
    bridge.sink.settle_next(Ok(()));
    bridge.holds(0).await;
}

#[tokio::test]
async fn record_refused_alone_for_its_timestamp_is_sent_with_the_present_time() {
    let directory = directory();
    let bridge = Bridge::with_deadline(directory.path(), Duration::from_secs(3600));
    let before = Utc::now().timestamp_millis();
    let old = Record { timestamp: before - 10_000, ..keyed("a", "k", "old") };
    let refused = bridge.deliver_with(std::slice::from_ref(&old), Err(RecordFailure::Timestamp)).await;
    assert_eq!(refused, Ok(Durable::Spooled));
    for _ in 0..2 {
        bridge.sent(1).await;
        assert_eq!(bridge.sink.timestamps(), [old.timestamp]);
        bridge.sink.settle_next(Err(RecordFailure::Timestamp));
    }
    bridge.sent(1).await;
    assert!(bridge.sink.timestamps()[0] >= before, "still the old time");
    bridge.sink.settle_next(Ok(()));
    bridge.holds(0).await;
}

#[tokio::test]
async fn dead_letter_that_its_topic_refuses_is_set_aside_not_dropped_and_not_in_the_way() {
    let directory = directory();
    let bridge = Bridge::start(directory.path());
    assert_eq!(bridge.deliver(&[record("dead-letter")]).await, Ok(Durable::Spooled));
    bridge.sink.settle_next(Err(RecordFailure::TooLarge));
    bridge.holds(0).await;
    let (next, _settled) = start(&bridge.delivery, &["dead-letter"]);
    let sink = Arc::clone(&bridge.sink);
    until("the next dead letter", || sink.sent() == ["dead-letter"]).await;
    sink.settle_next(Ok(()));
    assert!(next.await.unwrap().is_ok());
    bridge.end().await;
    let backlog = SpoolView::open(directory.path()).expect("a spool");
    assert_eq!(backlog.set_aside().expect("a number"), 1);
}

#[tokio::test]
async fn lane_that_failed_is_tried_by_events_while_the_spool_takes_nothing() {
    let directory = directory();
    let bridge = Bridge::with(directory.path(), SOON, 1 << 20);
    let large = Record { value: Bytes::from(vec![b'x'; 100_000]), ..record("a") };
    let deliver = async |record: &Record| {
        let (told, _settled) = oneshot::channel();
        let records = std::slice::from_ref(record);
        bridge.delivery.deliver(records, &[0; 16], None, Box::new(DurableSignal(Some(told)))).await
    };
    while deliver(&large).await == Ok(Durable::Spooled) {}
    until("a full spool", || bridge.delivery.readiness.spool() == SpoolState::Failing).await;
    // Smaller ones would be spooled; nothing of its lane is.
    let other = Record { value: large.value.clone(), ..record("b") };
    let failing = async {
        until("the first try", || bridge.sink.sent().contains(&"b".to_owned())).await;
        bridge.sink.settle_of("b", Err(RecordFailure::Other));
    };
    let (refused, ()) = tokio::join!(deliver(&other), failing);
    assert_eq!(refused, Err(DeliveryError::Spool(AppendError::Full)));
    tokio::time::sleep(SOON).await;
    let acknowledging = async {
        until("the second try", || bridge.sink.sent().contains(&"b".to_owned())).await;
        bridge.sink.settle_of("b", Ok(()));
    };
    let (acked, ()) = tokio::join!(deliver(&other), acknowledging);
    assert_eq!(acked, Ok(Durable::Acked));
}

#[tokio::test]
async fn rejected_events_beyond_their_rate_are_not_spooled() {
    let directory = directory();
    let bridge = Bridge::start(directory.path());
    let begun = Instant::now();
    // Their deadlines pass together, without a wait for the disk in between.
    let events: Vec<_> = (0..200).map(|_| start(&bridge.delivery, &["dead-letter"]).0).collect();
    let mut beyond = 0;
    for event in events {
        beyond += u32::from(event.await.unwrap() == Err(DeliveryError::DeadLetterQuota));
    }
    let most = 2.0 + 2.0 * begun.elapsed().as_secs_f64();
    assert!(beyond > 0 && f64::from(200 - beyond) <= most, "{beyond} were beyond, {most} may be taken");
    assert_eq!(bridge.deliver(&[keyed("a", "k", "1")]).await, Ok(Durable::Spooled), "good ones go on");
}

#[tokio::test]
async fn rejected_events_beyond_their_rate_are_not_written_while_kafka_is_up() {
    let (sink, delivery) = delivery();
    delivery.open_lanes([("dead-letter", 1)]);
    let events: Vec<_> = (0..50).map(|_| start(&delivery, &["dead-letter"]).0).collect();
    until("the first", || !sink.sent().is_empty()).await;
    let mut beyond = 0;
    for event in events {
        while !event.is_finished() && sink.sent().is_empty() {
            tokio::task::yield_now().await;
        }
        if !sink.sent().is_empty() {
            sink.settle_next(Ok(()));
        }
        beyond += u32::from(event.await.unwrap() == Err(DeliveryError::DeadLetterQuota));
    }
    assert!(beyond >= 40, "{beyond} of 50 were beyond a rate of one a second");
    let (good, _settled) = start(&delivery, &["a"]);
    until("a good event", || sink.sent() == ["a"]).await;
    sink.settle_next(Ok(()));
    assert_eq!(good.await.unwrap(), Ok(Durable::Acked));
}
