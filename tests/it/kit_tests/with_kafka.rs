use crate::kit::consume::{
    Read, create_topic, create_topic_with, delete_topic, read_topic, topic_config, topic_end,
    topic_partitions,
};
use crate::kit::kafka::{Kafka, Options};
use crate::kit::murmur2::java_partitions;
use crate::kit::secured::{PLAIN, SCRAM, User};
use crate::kit::topic_name;
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Clone, Default)]
struct Reports {
    acked: Arc<AtomicUsize>,
    errors: Arc<Mutex<Vec<KafkaError>>>,
}

impl Reports {
    fn acked(&self) -> usize {
        self.acked.load(Ordering::SeqCst)
    }

    fn saw(&self, code: RDKafkaErrorCode) -> bool {
        let errors = self.errors.lock().expect("no delivery report panicked");
        errors.iter().any(|error| error.rdkafka_error_code() == Some(code))
    }
}

impl ClientContext for Reports {
    fn error(&self, error: KafkaError, _reason: &str) {
        self.errors.lock().expect("no delivery report panicked").push(error);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_ok() {
            self.acked.fetch_add(1, Ordering::SeqCst);
        }
    }
}

fn producer(config: &ClientConfig) -> (ThreadedProducer<Reports>, Reports) {
    let reports = Reports::default();
    let mut config = config.clone();
    config.set("partitioner", "murmur2_random").set("acks", "all").set("linger.ms", "5");
    (config.create_with_context(reports.clone()).expect("a producer"), reports)
}

fn client(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("reconnect.backoff.max.ms", "200");
    config
}

fn send(producer: &ThreadedProducer<Reports>, topic: &str, key: &str, value: &str) {
    producer.send(BaseRecord::to(topic).key(key).payload(value)).map_err(|(e, _)| e).expect("room");
}

/// From 0 to 39 bytes.
fn random_keys() -> Vec<Vec<u8>> {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new();
    let byte = |key: usize, position: usize| random.hash_one((key, position)).to_le_bytes()[0];
    (0..200).map(|key| (0..key % 40).map(|position| byte(key, position)).collect()).collect()
}

#[test]
fn records_are_read_back_as_they_were_written() {
    let kafka = Kafka::shared();
    let topic = topic_name("read-back");
    create_topic(kafka.bootstrap(), &topic, 1);
    let (producer, _) = producer(&client(kafka.bootstrap()));
    let headers = OwnedHeaders::new()
        .insert(Header { key: "twice", value: Some(b"first".as_slice()) })
        .insert(Header { key: "twice", value: Some(b"\x00\xff".as_slice()) });
    let with_all =
        BaseRecord::to(&topic).key(b"key\x00").payload(b"\xfe value").headers(headers).timestamp(1234);
    producer.send(with_all).map_err(|(e, _)| e).expect("room");
    producer.send(BaseRecord::<(), _>::to(&topic).payload("bare")).map_err(|(e, _)| e).expect("room");
    producer.flush(TIMEOUT).expect("acknowledged");

    let reads = read_topic(kafka.bootstrap(), &topic, 2, TIMEOUT);

    let first = Read {
        partition: 0,
        offset: 0,
        key: Some(b"key\x00".to_vec()),
        value: b"\xfe value".to_vec(),
        headers: vec![("twice".into(), b"first".to_vec()), ("twice".into(), b"\x00\xff".to_vec())],
        timestamp_millis: 1234,
    };
    assert_eq!(reads[0], first);
    assert_eq!((reads[1].offset, &reads[1].key, reads[1].value.as_slice()), (1, &None, b"bare".as_slice()));
    assert_eq!(reads.len(), 2);
}

#[test]
fn partitions_match_the_java_client() {
    let kafka = Kafka::shared();
    let topic = topic_name("partitions");
    create_topic(kafka.bootstrap(), &topic, 7);
    let (producer, _) = producer(&client(kafka.bootstrap()));
    let keys = random_keys();
    for (index, key) in keys.iter().enumerate() {
        let value = index.to_string();
        let record = BaseRecord::to(&topic).key(key).payload(&value);
        producer.send(record).map_err(|(e, _)| e).expect("room");
    }
    producer.flush(TIMEOUT).expect("acknowledged");

    let mut reads = read_topic(kafka.bootstrap(), &topic, keys.len(), TIMEOUT);

    reads.sort_by_key(|read| String::from_utf8_lossy(&read.value).parse::<usize>().expect("an index"));
    let written: Vec<i32> = reads.iter().map(|read| read.partition).collect();
    let borrowed: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    assert_eq!(written, java_partitions(&borrowed, 7));
    assert!(written.iter().collect::<HashSet<_>>().len() > 1, "all keys in one partition prove nothing");
}

#[test]
fn frozen_broker_acknowledges_nothing_until_it_is_thawed() {
    let kafka = Kafka::start(Options::default());
    create_topic(kafka.bootstrap(), "frozen", 1);
    let (producer, reports) = producer(&client(kafka.bootstrap()));
    send(&producer, "frozen", "key", "before");
    producer.flush(TIMEOUT).expect("acknowledged");

    kafka.freeze();
    send(&producer, "frozen", "key", "while frozen");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(reports.acked(), 1);

    kafka.thaw();
    producer.flush(TIMEOUT).expect("acknowledged");
    assert_eq!(reports.acked(), 2);
}

#[test]
fn killed_broker_comes_back_with_its_records() {
    let kafka = Kafka::start(Options::default());
    create_topic(kafka.bootstrap(), "survives", 1);
    let (producer, reports) = producer(&client(kafka.bootstrap()));
    send(&producer, "survives", "key", "before");
    producer.flush(TIMEOUT).expect("acknowledged");

    kafka.kill();
    send(&producer, "survives", "key", "while it is down");
    assert!(producer.flush(Duration::from_secs(1)).is_err());
    kafka.restart();
    producer.flush(TIMEOUT).expect("acknowledged");

    assert_eq!(reports.acked(), 2);
    assert_eq!(read_topic(kafka.bootstrap(), "survives", 2, TIMEOUT).len(), 2);
}

#[test]
fn three_brokers_replicate_and_survive_one() {
    let kafka =
        Kafka::start(Options { brokers: 3, ..Options::default() }.property("min.insync.replicas", "2"));
    create_topic_with(kafka.bootstrap(), "replicated", 1, 3, &[]);
    assert_eq!(topic_config(kafka.bootstrap(), "replicated")["min.insync.replicas"], "2");

    kafka.broker(0).kill();
    let (producer, reports) = producer(&client(kafka.bootstrap()));
    send(&producer, "replicated", "key", "value");
    producer.flush(TIMEOUT).expect("two of three brokers acknowledge");
    assert_eq!(reports.acked(), 1);
}

#[test]
fn topics_are_created_described_counted_and_deleted() {
    let bootstrap = Kafka::shared().bootstrap();
    let topic = topic_name("administered");
    assert_eq!(topic_partitions(bootstrap, &topic), None);

    create_topic_with(bootstrap, &topic, 3, 1, &[("retention.ms", "86400000")]);
    assert_eq!(topic_partitions(bootstrap, &topic), Some(3));
    assert_eq!(topic_config(bootstrap, &topic)["retention.ms"], "86400000");
    assert_eq!(topic_end(bootstrap, &topic), 0);
    let (producer, _) = producer(&client(bootstrap));
    (0..10).for_each(|n| send(&producer, &topic, &n.to_string(), "value"));
    producer.flush(TIMEOUT).expect("acknowledged");
    assert_eq!(topic_end(bootstrap, &topic), 10);

    delete_topic(bootstrap, &topic);
    assert_eq!(topic_partitions(bootstrap, &topic), None);
}

#[test]
fn writing_does_not_create_an_unknown_topic() {
    let bootstrap = Kafka::shared().bootstrap();
    let topic = topic_name("never-made");
    let (producer, reports) = producer(client(bootstrap).set("message.timeout.ms", "2000"));
    send(&producer, &topic, "key", "value");
    producer.flush(TIMEOUT).expect("the flush ends");
    assert_eq!((reports.acked(), topic_partitions(bootstrap, &topic)), (0, None));
}

#[test]
fn secured_broker_accepts_only_known_users() {
    let secured = Kafka::start_secured();
    create_topic(secured.kafka.bootstrap(), "secured", 1);
    let welcome = [
        secured.sasl_client(&PLAIN),
        secured.sasl_client(&SCRAM),
        secured.tls_client(),
        secured.sasl_tls_client(&PLAIN),
        secured.sasl_tls_client(&SCRAM),
    ];
    for config in welcome {
        let (producer, reports) = producer(&config);
        send(&producer, "secured", "key", "value");
        producer.flush(TIMEOUT).expect("acknowledged");
        assert_eq!(reports.acked(), 1);
    }

    let unknown = |user: User| User { password: "a guess", ..user };
    let unwelcome = [
        (secured.sasl_client(&unknown(PLAIN)), RDKafkaErrorCode::Authentication),
        (secured.sasl_tls_client(&unknown(SCRAM)), RDKafkaErrorCode::Authentication),
        (without_authority(secured.tls_client()), RDKafkaErrorCode::SSL),
    ];
    for (mut config, expected) in unwelcome {
        let (producer, reports) = producer(config.set("message.timeout.ms", "3000"));
        send(&producer, "secured", "key", "value");
        producer.flush(TIMEOUT).expect("the flush ends");
        assert_eq!(reports.acked(), 0);
        assert!(reports.saw(expected), "{expected:?} is missing");
    }
    assert_eq!(topic_end(secured.kafka.bootstrap(), "secured"), 5);
}

fn without_authority(mut config: ClientConfig) -> ClientConfig {
    config.remove("ssl.ca.location");
    config
}
