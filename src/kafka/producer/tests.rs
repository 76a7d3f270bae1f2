mod harness;

use super::*;
use crate::delivery::{
    self, DeadLetterQuotaConfig, Delivery, DeliveryError, Durable, OnDurable, Parts, RecordFailure,
};
use crate::kafka::TopicsConfig;
use crate::kafka::tests::forgetful::ForgetfulBroker;
use crate::record::Headers;
use bytes::Bytes;
use harness::*;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Code};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::runtime::Handle;
use tokio::task::JoinHandle as Task;

#[tokio::test]
async fn producer_without_an_id_is_replaced() {
    let cluster = cluster();
    cluster.request_errors(Api::InitProducerId, &[Code::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED]);
    let harness = Harness::new(&cluster);
    assert!(harness.send().await.is_err());
    harness.acknowledged().await;
    assert_eq!(harness.producer.active.replacements(), 1);
    harness.all_settled().await;
    assert_eq!(harness.counts.durable.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn producer_with_a_wrong_sequence_is_replaced() {
    let cluster = cluster();
    let harness = Harness::new(&cluster);
    harness.acknowledged().await;
    cluster.request_errors(Api::Produce, &[Code::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER]);
    let events: Vec<_> = (0..20).map(|_| harness.start(100)).collect();
    until("a replacement", async || harness.producer.active.replacements() == 1).await;
    for event in events {
        let _ = event.await.unwrap();
    }
    harness.acknowledged().await;
    harness.all_settled().await;
    assert_eq!(harness.producer.active.replacements(), 1);
}

#[tokio::test]
async fn send_fails_at_once_while_the_producer_is_being_replaced() {
    let cluster = cluster();
    let denied = [Code::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED; 200];
    cluster.request_errors(Api::InitProducerId, &denied);
    let harness = Harness::new(&cluster);
    let replacing = Err(DeliveryError::Failed(RecordFailure::Replacing));
    until("a refusal", async || harness.send().await == replacing).await;
    until("a second replacement", async || harness.producer.active.replacements() >= 2).await;
    cluster.clear_request_errors(Api::InitProducerId);
    harness.acknowledged().await;
    harness.all_settled().await;
}

#[tokio::test]
async fn few_records_in_flight_do_not_linger() {
    let cluster = cluster();
    let harness =
        Harness::with(&config(cluster.bootstrap_servers(), &[("linger.ms", "60000")]), FfiProducer::poll);
    // A bypass before the connection has no effect, and valgrind takes seconds to connect.
    let connecting = harness.start(100);
    until("a record in flight", async || harness.producer.unreported() == 1).await;
    let producer = Arc::clone(&harness.producer);
    tokio::task::spawn_blocking(move || producer.flush(PATIENCE)).await.unwrap();
    assert_eq!(connecting.await.unwrap(), Ok(Durable::Acked));
    let began = Instant::now();
    for together in 1..linger_bypass::MAX_IN_FLIGHT_REQUESTS {
        let events: Vec<_> = (0..together).map(|_| harness.start(100)).collect();
        for event in events {
            assert_eq!(event.await.unwrap(), Ok(Durable::Acked));
        }
    }
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    harness.all_settled().await;
}

/// librdkafka retries these errors without a report, like a stalled client.
#[tokio::test]
async fn stalled_producer_is_replaced_while_brokers_answer() {
    let cluster = cluster();
    let config = config(cluster.bootstrap_servers(), &[]);
    let harness = Harness::with_stall_timeout(&config, FfiProducer::poll, Duration::from_millis(600));
    harness.acknowledged().await;
    cluster.request_errors(Api::Produce, &[Code::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS; 1000]);
    let stuck = harness.start(100);
    until("a replacement", async || harness.producer.active.replacements() == 1).await;
    cluster.clear_request_errors(Api::Produce);
    let _ = stuck.await.unwrap();
    harness.acknowledged().await;
    harness.all_settled().await;
}

/// Fenced brokers report no brokers for a moment. Only a new client finds them again.
#[tokio::test]
async fn producer_without_known_brokers_is_replaced() {
    let broker = ForgetfulBroker::start();
    let config = config(broker.address(), &[("topic.metadata.refresh.interval.ms", "100")]);
    let harness = Harness::with_stall_timeout(&config, FfiProducer::poll, Duration::from_secs(2));
    let stuck = harness.start(100);
    until("a broker that is known", async || broker.named() > 5).await;
    broker.forget();
    until("a broker that is not known any more", async || broker.has_forgotten()).await;
    until("a replacement", async || harness.producer.active.replacements() == 1).await;
    assert_eq!(stuck.await.unwrap(), Err(DeliveryError::Failed(RecordFailure::Abandoned)));
}

#[tokio::test]
async fn panic_during_a_poll_replaces_the_client_and_loses_no_report() {
    static PANIC: AtomicBool = AtomicBool::new(false);
    fn poll(ffi: &FfiProducer, timeout: Duration) {
        assert!(!PANIC.swap(false, Ordering::SeqCst), "a callback that panics");
        ffi.poll(timeout);
    }
    let cluster = cluster();
    let harness = Harness::with(&config(cluster.bootstrap_servers(), &[]), poll);
    harness.acknowledged().await;
    cluster.broker_down(-1).unwrap();
    let events: Vec<_> = (0..20).map(|_| harness.start(100)).collect();
    until("a full queue", async || harness.producer.unreported() >= 20).await;
    let producer = Arc::clone(&harness.producer);
    let flush = tokio::task::spawn_blocking(move || producer.flush(PATIENCE));
    PANIC.store(true, Ordering::SeqCst);
    for event in events {
        assert_eq!(event.await.unwrap(), Err(DeliveryError::Failed(RecordFailure::Abandoned)));
    }
    flush.await.unwrap();
    cluster.broker_up(-1).unwrap();
    harness.acknowledged().await;
    harness.all_settled().await;
    assert_eq!(harness.producer.active.replacements(), 1);
}

#[tokio::test]
async fn creation_of_a_client_is_retried() {
    static PANIC: AtomicBool = AtomicBool::new(false);
    fn poll(ffi: &FfiProducer, timeout: Duration) {
        assert!(!PANIC.swap(false, Ordering::SeqCst), "a callback that panics");
        ffi.poll(timeout);
    }
    // librdkafka creates no client if the file with the authorities' certificates is missing.
    let folder = std::env::temp_dir().join(format!("justcall-bridge-authorities-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let place = folder.to_str().unwrap();
    let config = config("localhost:1".into(), &[("security.protocol", "ssl"), ("ssl.ca.location", place)]);
    let harness = Harness::with(&config, poll);
    std::fs::remove_dir(&folder).unwrap();
    PANIC.store(true, Ordering::SeqCst);
    let event = harness.start(100);
    until("a refusal", async || !PANIC.load(Ordering::SeqCst) && event.is_finished()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(harness.producer.active.replacements(), 0);
    assert_eq!(harness.send().await, Err(DeliveryError::Failed(RecordFailure::Replacing)));
    std::fs::create_dir(&folder).unwrap();
    until("a replacement", async || harness.producer.active.replacements() == 1).await;
    std::fs::remove_dir(&folder).unwrap();
    harness.all_settled().await;
}

struct Alone {
    instance: client_instance::ClientInstance,
    taken: AtomicBool,
}

impl Sink for Alone {
    fn send(&self, record: &Record, partition: Option<u32>, report: Report) {
        self.taken.store(self.instance.send(record, partition, report).is_ok(), Ordering::SeqCst);
    }

    fn prepare<'a>(
        &'a self,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<u32, TopicFailure>> + Send + 'a>> {
        Box::pin(async { Ok(1) })
    }
}

fn factory(config: &Config, readiness: &Arc<Readiness>, metrics: &Arc<Metrics>) -> ClientFactory {
    ClientFactory {
        settings: client_config::producer(config),
        client: ErrorLogContext::new(Arc::clone(readiness)),
        metrics: Arc::clone(metrics),
        admin: TopicProvisioner::new(config, Arc::clone(metrics)).unwrap().admin().clone(),
        poll: FfiProducer::poll,
        stall_timeout: STALL_TIMEOUT,
    }
}

#[tokio::test]
async fn late_report_is_settled_as_abandoned() {
    let readiness = Arc::new(Readiness::default());
    let metrics = Arc::new(Metrics::new());
    let config = config("localhost:1".into(), &[]);
    let instance = factory(&config, &readiness, &metrics).make().unwrap();
    let alone = Arc::new(Alone { instance, taken: AtomicBool::new(false) });
    let delivery = delivery(Arc::clone(&alone) as _, readiness, metrics);
    let event = deliver(&delivery, 100, Box::new(Counted::default()));
    until("a record in the library", async || alone.taken.load(Ordering::SeqCst)).await;
    assert!(alone.instance.abandon(Duration::ZERO) > 0);
    let answer = tokio::time::timeout(PATIENCE / 2, event).await.expect("an answer");
    assert_eq!(answer.unwrap(), Err(DeliveryError::Failed(RecordFailure::Abandoned)));
}

/// The interceptor runs during the call, too. The ticket may already belong to another record.
#[tokio::test]
async fn refused_send_returns_the_report() {
    let cluster = cluster();
    let unknown = Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    cluster.topic_error(TOPIC, unknown).unwrap();
    let (readiness, metrics) = (Arc::new(Readiness::default()), Arc::new(Metrics::new()));
    let at_once = [("topic.metadata.propagation.max.ms", "0")];
    let config = config(cluster.bootstrap_servers(), &at_once);
    let instance = factory(&config, &readiness, &metrics).make().unwrap();
    let alone = Arc::new(Alone { instance, taken: AtomicBool::new(true) });
    let delivery = delivery(Arc::clone(&alone) as _, readiness, metrics);
    until("a refusal", async || {
        // The client requests the topic with its first record, which is accepted.
        let _ = tokio::time::timeout(
            Duration::from_millis(100),
            deliver(&delivery, 100, Box::new(Counted::default())),
        )
        .await;
        alone.instance.serve(Duration::ZERO);
        !alone.taken.load(Ordering::SeqCst)
    })
    .await;
}

#[tokio::test]
async fn panic_of_one_report_does_not_affect_others() {
    let cluster = cluster();
    let harness = Harness::new(&cluster);
    let panicking = harness.start_with(100, Box::new(Panics));
    let events: Vec<_> = (0..20).map(|_| harness.start(100)).collect();
    for event in events {
        assert_eq!(event.await.unwrap(), Ok(Durable::Acked));
    }
    panicking.abort();
    harness.all_settled().await;
    assert_eq!(harness.producer.active.replacements(), 0);
}

#[tokio::test]
async fn cluster_under_another_id_gets_a_new_producer() {
    let (old, new) = (cluster(), cluster());
    new.broker_down(-1).unwrap();
    let both = format!("{},{}", old.bootstrap_servers(), new.bootstrap_servers());
    // Otherwise, the client looks for other brokers only after ten seconds.
    let config = config(both, &[("topic.metadata.refresh.interval.ms", "500")]);
    let harness = Harness::with(&config, FfiProducer::poll);
    harness.acknowledged().await;
    assert_eq!(harness.producer.active.replacements(), 0);
    old.broker_down(-1).unwrap();
    new.broker_up(-1).unwrap();
    until("a replacement", async || harness.producer.active.replacements() == 1).await;
    harness.acknowledged().await;
    harness.all_settled().await;
}

#[tokio::test]
async fn records_of_a_deleted_topic_are_reported_and_its_return_is_noticed() {
    let cluster = cluster();
    let harness = Harness::new(&cluster);
    harness.acknowledged().await;
    harness.all_settled().await;
    let durable = harness.counts.durable.load(Ordering::SeqCst);
    let unknown = Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    // More records than the client sends until it notices.
    cluster.request_errors(Api::Produce, &[unknown; 20_000]);
    cluster.topic_error(TOPIC, unknown).unwrap();
    // A slow answer may delay the client's knowledge that the topic is deleted.
    let ensure = async || harness.producer.topics().ensure(TOPIC).await;
    until("a missing topic", async || ensure().await == Err(TopicFailure::Missing)).await;
    let unknown = Err(DeliveryError::Failed(RecordFailure::UnknownTopic));
    until("its report", async || harness.send().await == unknown).await;
    assert_eq!(harness.counts.durable.load(Ordering::SeqCst), durable, "a topic that is gone took a record");

    cluster.clear_request_errors(Api::Produce);
    cluster.topic_error(TOPIC, Code::RD_KAFKA_RESP_ERR_NO_ERROR).unwrap();
    until("the topic", async || ensure().await.is_ok()).await;
    harness.acknowledged().await;
    harness.all_settled().await;
    assert_eq!(harness.producer.active.replacements(), 0, "the client rides it out");
}

#[tokio::test]
async fn only_a_refusal_by_librdkafka_is_too_large() {
    let cluster = cluster();
    let harness = Harness::with(
        &config(cluster.bootstrap_servers(), &[("message.max.bytes", "2000")]),
        FfiProducer::poll,
    );
    cluster.create_topic("dead-letter", 1, 1).unwrap();
    // The dead letter would be too large as well.
    let too_large = Err(DeliveryError::Failed(RecordFailure::TooLarge));
    assert_eq!(harness.start(5000).await.unwrap(), too_large);
    harness.acknowledged().await;
    for code in [Code::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, Code::RD_KAFKA_RESP_ERR_INVALID_RECORD] {
        cluster.request_errors(Api::Produce, &[code]);
        assert_eq!(harness.send().await, Ok(Durable::Acked), "{code:?}, and not when it is sent alone");
        cluster.request_errors(Api::Produce, &[code, code]);
        let unfit = Ok(Durable::DeadLettered(RecordFailure::Unfit));
        assert_eq!(harness.send().await, unfit, "{code:?}, also when it is sent alone");
        harness.acknowledged().await;
    }
    cluster.request_errors(Api::Produce, &[Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED]);
    assert_eq!(harness.send().await, Err(DeliveryError::Failed(RecordFailure::Other)));
    harness.all_settled().await;
}

/// Like a partition without the producer's state: no leader for the first record, one for the second.
/// librdkafka reports both as delivered.
#[tokio::test]
async fn refused_record_is_not_acknowledged_when_the_next_one_is_accepted() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(TOPIC, 1, 1).unwrap();
    let harness = Harness::new(&cluster);
    harness.acknowledged().await;
    let unproved = Err(DeliveryError::Failed(RecordFailure::Unproved));
    // On a slow machine the second record may be sent too late. Then the first is written again.
    until("a record behind a refused one", async || {
        let before = written(&cluster);
        cluster.request_errors(Api::Produce, &[Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION]);
        cluster.broker_round_trip_time(-1, Duration::from_millis(500)).unwrap();
        let first = harness.start(100);
        tokio::time::sleep(Duration::from_millis(150)).await;
        let second = harness.start(100);
        let answers = [first.await.unwrap(), second.await.unwrap()];
        cluster.broker_round_trip_time(-1, Duration::ZERO).unwrap();
        let acked = answers.iter().filter(|answer| **answer == Ok(Durable::Acked)).count();
        assert_eq!(written(&cluster) - before, acked, "{answers:?}");
        answers == [unproved, Ok(Durable::Acked)]
    })
    .await;
    harness.all_settled().await;
    assert_eq!(harness.producer.active.replacements(), 0);
}

#[test]
fn queue_limits_follow_the_properties() {
    let limits = |properties: &[(&str, &str)]| {
        QueueLimits::of(&client_config::producer(&config("broker:9092".into(), properties)))
    };
    assert_eq!(limits(&[]), QueueLimits { records: 1_000_000, bytes: 1 << 30 });
    let set = [("queue.buffering.max.messages", "5"), ("queue.buffering.max.kbytes", "7")];
    assert_eq!(limits(&set), QueueLimits { records: 5, bytes: 7 * 1024 });
    let unlimited = [("queue.buffering.max.messages", "0")];
    assert_eq!(limits(&unlimited).records, usize::MAX);
}
