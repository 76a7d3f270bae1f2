mod outages;
mod spooling;

use super::*;
use crate::health::KafkaState;
use crate::record::Headers;
use bytes::Bytes;
use parking_lot::Mutex;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use tokio::sync::oneshot;

/// Sink whose reports and topics the test controls.
#[derive(Default)]
pub(super) struct TestSink {
    reports: Mutex<Vec<(Record, Report)>>,
    refuse: Mutex<Option<RecordFailure>>,
    missing: Mutex<Vec<&'static str>>,
    preparations: AtomicUsize,
    /// Partitions of each topic; 0: one.
    pub(super) partitions: AtomicU32,
    /// Number of calls that panic.
    panics: AtomicUsize,
}

impl TestSink {
    fn settle_next(&self, result: Result<(), RecordFailure>) {
        let (_, report) = self.reports.lock().remove(0);
        report.settle(result);
    }

    fn sent(&self) -> Vec<String> {
        self.reports.lock().iter().map(|(record, _)| record.topic.to_string()).collect()
    }

    pub(super) fn values(&self) -> Vec<String> {
        let value = |record: &Record| String::from_utf8_lossy(&record.value).into_owned();
        self.reports.lock().iter().map(|(record, _)| value(record)).collect()
    }

    fn timestamps(&self) -> Vec<i64> {
        self.reports.lock().iter().map(|(record, _)| record.timestamp).collect()
    }

    fn settle_of(&self, topic: &str, result: Result<(), RecordFailure>) {
        self.settle_where(|record| *record.topic == *topic, result);
    }

    pub(super) fn settle_value(&self, value: &str, result: Result<(), RecordFailure>) {
        self.settle_where(|record| record.value == value, result);
    }

    fn settle_where(&self, wanted: impl Fn(&Record) -> bool, result: Result<(), RecordFailure>) {
        let mut reports = self.reports.lock();
        let first = reports.iter().position(|(record, _)| wanted(record)).expect("a record");
        let (_, report) = reports.remove(first);
        drop(reports);
        report.settle(result);
    }

    fn may_panic(&self) {
        let left = self.panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        assert!(left.is_err(), "a sink that panics");
    }

    fn header_of(&self, topic: &str, name: &str) -> Option<String> {
        let reports = self.reports.lock();
        let (record, _) = reports.iter().find(|(record, _)| *record.topic == *topic)?;
        record.headers.get(name).map(|value| String::from_utf8_lossy(value).into_owned())
    }
}

impl Sink for TestSink {
    fn send(&self, record: &Record, _: Option<u32>, report: Report) {
        self.may_panic();
        if let Some(failure) = *self.refuse.lock() {
            return report.settle(Err(failure));
        }
        self.reports.lock().push((record.clone(), report));
    }

    fn prepare<'a>(
        &'a self,
        topic: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<u32, TopicFailure>> + Send + 'a>> {
        self.preparations.fetch_add(1, Ordering::Relaxed);
        let missing = self.missing.lock().contains(&topic);
        let partitions = self.partitions.load(Ordering::Relaxed).max(1);
        self.may_panic();
        Box::pin(async move { if missing { Err(TopicFailure::Missing) } else { Ok(partitions) } })
    }
}

/// Reports that the event is durable, or closes the channel when it is released undurable.
struct DurableSignal(Option<oneshot::Sender<()>>);

impl OnDurable for DurableSignal {
    fn durable(&mut self) {
        self.0.take().expect("durable once").send(()).ok();
    }
}

const DEADLINE: Duration = Duration::from_secs(2);

fn delivery() -> (Arc<TestSink>, Arc<Delivery>) {
    let sink = Arc::new(TestSink::default());
    let dead_letters = DeadLetterQuotaConfig { max_bytes: 1, max_rate: 1 };
    let parts = Parts {
        sink: Arc::clone(&sink) as _,
        spool: None,
        topics: ["a", "b", "gone"].map(Arc::from).into(),
        dead_letter_topic: Arc::from("dead-letter"),
        queue: (1000, 1_000_000),
        runtime: Handle::current(),
        readiness: Arc::new(Readiness::default()),
        metrics: Arc::new(Metrics::new()),
        tracer: crate::telemetry::Tracer::off(),
    };
    let delivery = Delivery::start(Config { ack_deadline: DEADLINE, dead_letters }, parts);
    delivery.open_lanes([("a", 1), ("b", 1)]);
    (sink, delivery)
}

pub(super) fn record(topic: &str) -> Record {
    Record {
        topic: Arc::from(topic),
        key: None,
        headers: Headers::default(),
        value: Bytes::from_static(b"{}"),
        timestamp: 0,
    }
}

fn start(
    delivery: &Arc<Delivery>,
    topics: &[&str],
) -> (tokio::task::JoinHandle<Result<Durable, DeliveryError>>, oneshot::Receiver<()>) {
    let (told, settled) = oneshot::channel();
    let records: Vec<Record> = topics.iter().map(|topic| record(topic)).collect();
    let delivery = Arc::clone(delivery);
    let settle = Box::new(DurableSignal(Some(told)));
    (tokio::spawn(async move { delivery.deliver(&records, &[0; 16], None, settle).await }), settled)
}

async fn settle_down() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn answer_waits_for_the_last_of_all_reports() {
    let (sink, delivery) = delivery();
    let (answer, mut settled) = start(&delivery, &["a", "b"]);
    settle_down().await;
    sink.settle_next(Ok(()));
    settle_down().await;
    assert!(!answer.is_finished(), "answered with one report out");
    assert!(settled.try_recv().is_err());
    sink.settle_next(Ok(()));
    assert_eq!(answer.await.unwrap(), Ok(Durable::Acked));
    assert_eq!(settled.await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn one_failed_record_fails_the_event() {
    let (sink, delivery) = delivery();
    let (answer, settled) = start(&delivery, &["a", "b"]);
    settle_down().await;
    sink.settle_next(Err(RecordFailure::Other));
    sink.settle_next(Ok(()));
    assert_eq!(answer.await.unwrap(), Err(DeliveryError::Failed(RecordFailure::Other)));
    assert!(settled.await.is_err(), "held on to");
}

#[tokio::test(start_paused = true)]
async fn deadline_refuses_and_a_late_report_still_settles() {
    let (sink, delivery) = delivery();
    let (answer, mut settled) = start(&delivery, &["a"]);
    assert_eq!(answer.await.unwrap(), Err(DeliveryError::Deadline));
    assert!(settled.try_recv().is_err(), "settled while its report is out");
    sink.settle_next(Ok(()));
    assert_eq!(settled.await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn full_queue_refuses_at_once() {
    let (sink, delivery) = delivery();
    *sink.refuse.lock() = Some(RecordFailure::QueueFull);
    let before = Instant::now();
    let (answer, settled) = start(&delivery, &["a"]);
    assert_eq!(answer.await.unwrap(), Err(DeliveryError::Failed(RecordFailure::QueueFull)));
    assert_eq!(Instant::now(), before, "waited");
    assert!(settled.await.is_err(), "held on to");
}

#[tokio::test(start_paused = true)]
async fn dropped_report_is_a_failure_not_a_hang() {
    let (sink, delivery) = delivery();
    let (answer, settled) = start(&delivery, &["a"]);
    settle_down().await;
    sink.reports.lock().clear();
    assert_eq!(answer.await.unwrap(), Err(DeliveryError::Failed(RecordFailure::Abandoned)));
    assert!(settled.await.is_err(), "held on to");
}

#[tokio::test(start_paused = true)]
async fn missing_topic_holds_up_its_own_lane_alone() {
    let (sink, delivery) = delivery();
    sink.missing.lock().push("gone");
    let (stuck, _settled) = start(&delivery, &["gone"]);
    settle_down().await;
    let (quick, _quick_settled) = start(&delivery, &["a"]);
    settle_down().await;
    assert_eq!(sink.sent(), ["a"]);
    sink.settle_next(Ok(()));
    assert_eq!(quick.await.unwrap(), Ok(Durable::Acked));
    assert_eq!(stuck.await.unwrap(), Err(DeliveryError::Deadline));
}

#[tokio::test(start_paused = true)]
async fn lane_opens_once_its_topic_is_there_and_makes_sure_of_it_once() {
    let (sink, delivery) = delivery();
    sink.missing.lock().push("gone");
    let (first, _first_settled) = start(&delivery, &["gone"]);
    let (second, _second_settled) = start(&delivery, &["gone"]);
    settle_down().await;
    assert_eq!(sink.preparations.load(Ordering::Relaxed), 1, "two tasks prepare one topic");
    sink.missing.lock().clear();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(sink.sent(), ["gone", "gone"]);
    sink.settle_next(Ok(()));
    sink.settle_next(Ok(()));
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (Ok(Durable::Acked), Ok(Durable::Acked)));
}

#[tokio::test(start_paused = true)]
async fn topic_found_gone_is_made_sure_of_again() {
    let (sink, delivery) = delivery();
    let (first, _settled) = start(&delivery, &["a"]);
    settle_down().await;
    sink.settle_next(Err(RecordFailure::UnknownTopic));
    assert_eq!(first.await.unwrap(), Err(DeliveryError::Failed(RecordFailure::UnknownTopic)));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (second, _second_settled) = start(&delivery, &["a"]);
    settle_down().await;
    assert_eq!(sink.preparations.load(Ordering::Relaxed), 1);
    sink.settle_next(Ok(()));
    assert_eq!(second.await.unwrap(), Ok(Durable::Acked));
}

#[tokio::test(start_paused = true)]
async fn event_for_a_closed_lane_settles_as_failed_when_its_deadline_passes() {
    let (sink, delivery) = delivery();
    sink.missing.lock().push("gone");
    let (answer, settled) = start(&delivery, &["a", "gone"]);
    assert_eq!(answer.await.unwrap(), Err(DeliveryError::Deadline));
    assert!(settled.await.is_err(), "held on to");
    assert!(sink.sent().is_empty(), "half an event was written");
}

#[tokio::test(start_paused = true)]
async fn kafka_counts_as_down_only_if_nothing_at_all_was_acknowledged() {
    let (sink, delivery) = delivery();
    let readiness = Arc::clone(&delivery.readiness);
    let (stuck, _settled) = start(&delivery, &["a"]);
    settle_down().await;
    readiness.kafka_acknowledged();
    assert_eq!(stuck.await.unwrap(), Err(DeliveryError::Deadline));
    assert_eq!(readiness.kafka().0, KafkaState::Up, "another record was acknowledged meanwhile");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (stuck, _settled) = start(&delivery, &["a"]);
    assert_eq!(stuck.await.unwrap(), Err(DeliveryError::Deadline));
    assert_eq!(readiness.kafka().0, KafkaState::Down);
    drop(sink);
}

#[tokio::test(start_paused = true)]
async fn lane_that_failed_refuses_at_once_and_one_record_at_a_time_tries_it() {
    let (sink, delivery) = delivery();
    let (stuck, _settled) = start(&delivery, &["a"]);
    assert_eq!(stuck.await.unwrap(), Err(DeliveryError::Deadline));
    let before = Instant::now();
    let (refused, settled) = start(&delivery, &["b", "a"]);
    assert_eq!(refused.await.unwrap(), Err(DeliveryError::HeldUp));
    assert_eq!(Instant::now(), before, "waited");
    assert!(settled.await.is_err());
    assert_eq!(sink.sent(), ["a"], "half an event was written");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (trying, _trying_settled) = start(&delivery, &["a"]);
    settle_down().await;
    let (other, _other_settled) = start(&delivery, &["a"]);
    assert_eq!(other.await.unwrap(), Err(DeliveryError::HeldUp));
    sink.settle_next(Ok(()));
    settle_down().await;
    let (fresh, _fresh_settled) = start(&delivery, &["a"]);
    settle_down().await;
    assert_eq!(sink.sent(), ["a", "a"], "an acknowledgement lets everything through");
    sink.settle_next(Ok(()));
    sink.settle_next(Ok(()));
    assert_eq!((trying.await.unwrap(), fresh.await.unwrap()), (Ok(Durable::Acked), Ok(Durable::Acked)));
}

#[tokio::test(start_paused = true)]
async fn frozen_lane_without_a_spool_is_tried_a_few_times_and_then_left_alone() {
    let (sink, delivery) = delivery();
    for _ in 0..60 {
        let (answer, _settled) = start(&delivery, &["a"]);
        assert!(answer.await.unwrap().is_err());
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    let sent = sink.sent().len();
    assert!(sent <= 10, "{sent} records and what they were admitted under are held");
    sink.settle_next(Ok(()));
    let (answer, _settled) = start(&delivery, &["a"]);
    settle_down().await;
    sink.reports.lock().drain(..).for_each(|(_, report)| report.settle(Ok(())));
    assert_eq!(answer.await.unwrap(), Ok(Durable::Acked), "an acknowledgement lets everything through");
}

#[tokio::test(start_paused = true)]
async fn lane_goes_on_beside_records_that_stay_out() {
    let (sink, delivery) = delivery();
    // Like a partition with a frozen leader beside healthy ones.
    for _ in 0..30 {
        let (stuck, _settled) = start(&delivery, &["a"]);
        assert_eq!(stuck.await.unwrap(), Err(DeliveryError::Deadline));
        tokio::time::sleep(Duration::from_secs(10)).await;
        let (answer, _settled) = start(&delivery, &["a"]);
        settle_down().await;
        let (_, last) = sink.reports.lock().pop().expect("a try");
        last.settle(Ok(()));
        assert_eq!(answer.await.unwrap(), Ok(Durable::Acked));
    }
}

#[tokio::test(start_paused = true)]
async fn preparation_that_panics_is_tried_again() {
    let (sink, delivery) = delivery();
    sink.panics.store(1, Ordering::SeqCst);
    let (answer, _settled) = start(&delivery, &["gone"]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(sink.sent(), ["gone"]);
    sink.settle_next(Ok(()));
    assert_eq!(answer.await.unwrap(), Ok(Durable::Acked));
}
