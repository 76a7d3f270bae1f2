use super::*;
use crate::record::Headers;
use crate::telemetry::KafkaState;
use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::oneshot;

/// A sink whose reports the test settles, and whose topics it lets be made.
#[derive(Default)]
struct TestSink {
    reports: Mutex<Vec<(String, Report)>>,
    refuse: Mutex<Option<Failure>>,
    missing: Mutex<Vec<&'static str>>,
    preparations: AtomicUsize,
}

impl TestSink {
    fn settle_next(&self, result: Result<(), Failure>) {
        self.reports.lock().unwrap().remove(0).1.settle(result);
    }

    fn sent(&self) -> Vec<String> {
        self.reports.lock().unwrap().iter().map(|(topic, _)| topic.clone()).collect()
    }
}

impl Sink for TestSink {
    fn send(&self, record: &Record, report: Report) -> Result<(), Failure> {
        if let Some(failure) = *self.refuse.lock().unwrap() {
            report.settle(Err(failure));
            return Err(failure);
        }
        self.reports.lock().unwrap().push((record.topic.to_string(), report));
        Ok(())
    }

    fn prepare<'a>(
        &'a self,
        topic: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<(), TopicFailure>> + Send + 'a>> {
        self.preparations.fetch_add(1, Ordering::Relaxed);
        let missing = self.missing.lock().unwrap().contains(&topic);
        Box::pin(async move { if missing { Err(TopicFailure::Missing) } else { Ok(()) } })
    }
}

struct Told(oneshot::Sender<Settled>);

impl Settle for Told {
    fn settle(self: Box<Self>, settled: Settled) {
        let _ = self.0.send(settled);
    }
}

const DEADLINE: Duration = Duration::from_secs(2);

fn delivery() -> (Arc<TestSink>, Arc<Delivery>) {
    let sink = Arc::new(TestSink::default());
    let topics = ["a", "b", "gone"].map(Arc::from);
    let readiness = Arc::new(Readiness::default());
    let config = Config { ack_deadline: DEADLINE };
    let delivery = Delivery::new(config, Arc::clone(&sink) as _, topics, Handle::current(), readiness);
    delivery.open_lanes(["a", "b"]);
    (sink, Arc::new(delivery))
}

fn record(topic: &str) -> Record {
    Record {
        topic: Arc::from(topic),
        key: None,
        headers: Headers::default(),
        value: Bytes::from_static(b"{}"),
        timestamp: 0,
    }
}

/// Starts a delivery; gives its answer and what its settle hears.
fn start(
    delivery: &Arc<Delivery>,
    topics: &[&str],
) -> (tokio::task::JoinHandle<Result<(), NotDurable>>, oneshot::Receiver<Settled>) {
    let (told, settled) = oneshot::channel();
    let records: Vec<Record> = topics.iter().map(|topic| record(topic)).collect();
    let delivery = Arc::clone(delivery);
    (tokio::spawn(async move { delivery.deliver(&records, Box::new(Told(told))).await }), settled)
}

/// Lets every task run as far as it can.
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
    assert_eq!(answer.await.unwrap(), Ok(()));
    assert_eq!(settled.await, Ok(Settled::Durable));
}

#[tokio::test(start_paused = true)]
async fn one_failed_record_fails_the_event() {
    let (sink, delivery) = delivery();
    let (answer, settled) = start(&delivery, &["a", "b"]);
    settle_down().await;
    sink.settle_next(Err(Failure::Other));
    sink.settle_next(Ok(()));
    assert_eq!(answer.await.unwrap(), Err(NotDurable::Failed(Failure::Other)));
    assert_eq!(settled.await, Ok(Settled::Failed(Failure::Other)));
}

#[tokio::test(start_paused = true)]
async fn deadline_refuses_and_a_late_report_still_settles() {
    let (sink, delivery) = delivery();
    let (answer, mut settled) = start(&delivery, &["a"]);
    assert_eq!(answer.await.unwrap(), Err(NotDurable::Deadline));
    assert!(settled.try_recv().is_err(), "settled while its report is out");
    sink.settle_next(Ok(()));
    assert_eq!(settled.await, Ok(Settled::Durable));
}

#[tokio::test(start_paused = true)]
async fn full_queue_refuses_at_once() {
    let (sink, delivery) = delivery();
    *sink.refuse.lock().unwrap() = Some(Failure::QueueFull);
    let before = Instant::now();
    let (answer, settled) = start(&delivery, &["a"]);
    assert_eq!(answer.await.unwrap(), Err(NotDurable::Failed(Failure::QueueFull)));
    assert_eq!(Instant::now(), before, "waited");
    assert_eq!(settled.await, Ok(Settled::Failed(Failure::QueueFull)));
}

#[tokio::test(start_paused = true)]
async fn dropped_report_is_a_failure_not_a_hang() {
    let (sink, delivery) = delivery();
    let (answer, settled) = start(&delivery, &["a"]);
    settle_down().await;
    sink.reports.lock().unwrap().clear();
    assert_eq!(answer.await.unwrap(), Err(NotDurable::Failed(Failure::Abandoned)));
    assert_eq!(settled.await, Ok(Settled::Failed(Failure::Abandoned)));
}

#[tokio::test(start_paused = true)]
async fn missing_topic_holds_up_its_own_lane_alone() {
    let (sink, delivery) = delivery();
    sink.missing.lock().unwrap().push("gone");
    let (stuck, _settled) = start(&delivery, &["gone"]);
    settle_down().await;
    let (quick, _quick_settled) = start(&delivery, &["a"]);
    settle_down().await;
    assert_eq!(sink.sent(), ["a"]);
    sink.settle_next(Ok(()));
    assert_eq!(quick.await.unwrap(), Ok(()));
    assert_eq!(stuck.await.unwrap(), Err(NotDurable::Deadline));
}

#[tokio::test(start_paused = true)]
async fn lane_opens_once_its_topic_is_there_and_makes_sure_of_it_once() {
    let (sink, delivery) = delivery();
    sink.missing.lock().unwrap().push("gone");
    let (first, _first_settled) = start(&delivery, &["gone"]);
    let (second, _second_settled) = start(&delivery, &["gone"]);
    settle_down().await;
    assert_eq!(sink.preparations.load(Ordering::Relaxed), 1, "two tasks prepare one topic");
    sink.missing.lock().unwrap().clear();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(sink.sent(), ["gone", "gone"]);
    sink.settle_next(Ok(()));
    sink.settle_next(Ok(()));
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (Ok(()), Ok(())));
}

#[tokio::test(start_paused = true)]
async fn topic_found_gone_is_made_sure_of_again() {
    let (sink, delivery) = delivery();
    let (first, _settled) = start(&delivery, &["a"]);
    settle_down().await;
    sink.settle_next(Err(Failure::UnknownTopic));
    assert_eq!(first.await.unwrap(), Err(NotDurable::Failed(Failure::UnknownTopic)));
    let (second, _second_settled) = start(&delivery, &["a"]);
    settle_down().await;
    assert_eq!(sink.preparations.load(Ordering::Relaxed), 1);
    sink.settle_next(Ok(()));
    assert_eq!(second.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn event_for_a_closed_lane_settles_as_failed_when_its_deadline_passes() {
    let (sink, delivery) = delivery();
    sink.missing.lock().unwrap().push("gone");
    let (answer, settled) = start(&delivery, &["a", "gone"]);
    assert_eq!(answer.await.unwrap(), Err(NotDurable::Deadline));
    assert_eq!(settled.await, Ok(Settled::Failed(Failure::Abandoned)));
    assert!(sink.sent().is_empty(), "half an event was written");
}

#[tokio::test(start_paused = true)]
async fn kafka_counts_as_down_only_if_nothing_at_all_was_acknowledged() {
    let (sink, delivery) = delivery();
    let readiness = Arc::clone(&delivery.readiness);
    let (stuck, _settled) = start(&delivery, &["a"]);
    settle_down().await;
    readiness.kafka_acknowledged();
    assert_eq!(stuck.await.unwrap(), Err(NotDurable::Deadline));
    assert_eq!(readiness.kafka().0, KafkaState::Up, "another record was acknowledged meanwhile");
    let (stuck, _settled) = start(&delivery, &["a"]);
    assert_eq!(stuck.await.unwrap(), Err(NotDurable::Deadline));
    assert_eq!(readiness.kafka().0, KafkaState::Down);
    drop(sink);
}
