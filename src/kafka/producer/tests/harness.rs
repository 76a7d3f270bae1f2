//! Harness: a producer under delivery, which is the only source of reports.

use super::*;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

pub(super) const TOPIC: &str = "calls";

/// Longer than any step takes.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

pub(super) type Cluster = MockCluster<'static, DefaultProducerContext>;

pub(super) fn cluster() -> Cluster {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(TOPIC, 2, 1).unwrap();
    cluster
}

pub(super) fn config(bootstrap_servers: String, properties: &[(&str, &str)]) -> Config {
    Config {
        bootstrap_servers,
        properties: properties.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        topics: TopicsConfig {
            create_missing: false,
            partitions: None,
            replication_factor: None,
            config: BTreeMap::new(),
        },
    }
}

pub(super) fn written(cluster: &Cluster) -> usize {
    let mut settings = ClientConfig::new();
    settings.set("bootstrap.servers", cluster.bootstrap_servers()).set("group.id", "judge");
    let judge: BaseConsumer = settings.create().unwrap();
    let (first, next) = judge.fetch_watermarks(TOPIC, 0, PATIENCE).unwrap();
    usize::try_from(next - first).unwrap()
}

#[derive(Default)]
pub(super) struct Counts {
    pub(super) durable: AtomicUsize,
    pub(super) failed: AtomicUsize,
}

impl Counts {
    fn all(&self) -> usize {
        self.durable.load(Ordering::SeqCst) + self.failed.load(Ordering::SeqCst)
    }
}

#[derive(Default)]
pub(super) struct Counted {
    pub(super) counts: Arc<Counts>,
    pub(super) durable: bool,
}

impl OnDurable for Counted {
    fn durable(&mut self) {
        self.durable = true;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let count = if self.durable { &self.counts.durable } else { &self.counts.failed };
        count.fetch_add(1, Ordering::SeqCst);
    }
}

pub(super) struct Panics;

impl OnDurable for Panics {
    fn durable(&mut self) {
        panic!("a settle that panics");
    }
}

pub(super) struct Harness {
    pub(super) producer: Arc<Producer>,
    pub(super) delivery: Arc<Delivery>,
    pub(super) counts: Arc<Counts>,
    pub(super) sent: AtomicUsize,
}

impl Harness {
    pub(super) fn new(cluster: &Cluster) -> Self {
        Self::with(&config(cluster.bootstrap_servers(), &[]), FfiProducer::poll)
    }

    pub(super) fn with(config: &Config, poll: PollFn) -> Self {
        Self::with_stall_timeout(config, poll, STALL_TIMEOUT)
    }

    pub(super) fn with_stall_timeout(config: &Config, poll: PollFn, stall_timeout: Duration) -> Self {
        let readiness = Arc::new(Readiness::default());
        let metrics = Arc::new(Metrics::new());
        let producer =
            Arc::new(Producer::start_polled(config, &readiness, &metrics, poll, stall_timeout).unwrap());
        let delivery = delivery(Arc::clone(&producer) as _, readiness, metrics);
        Self { producer, delivery, counts: Arc::default(), sent: AtomicUsize::new(0) }
    }

    pub(super) fn start(&self, size: usize) -> Task<Result<Durable, DeliveryError>> {
        self.sent.fetch_add(1, Ordering::SeqCst);
        self.start_with(size, Box::new(Counted { counts: Arc::clone(&self.counts), durable: false }))
    }

    pub(super) fn start_with(
        &self,
        size: usize,
        settle: Box<dyn OnDurable>,
    ) -> Task<Result<Durable, DeliveryError>> {
        deliver(&self.delivery, size, settle)
    }

    pub(super) async fn send(&self) -> Result<Durable, DeliveryError> {
        self.start(100).await.unwrap()
    }

    pub(super) async fn acknowledged(&self) {
        until("an acknowledgement", async || self.send().await.is_ok()).await;
    }

    pub(super) async fn all_settled(&self) {
        until("the last report", async || self.counts.all() == self.sent.load(Ordering::SeqCst)).await;
        until("an empty queue", async || self.producer.unreported() == 0).await;
    }
}

pub(super) fn delivery(
    sink: Arc<dyn Sink>,
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
) -> Arc<Delivery> {
    let dead_letters = DeadLetterQuotaConfig { max_bytes: 1, max_rate: 1000 };
    let parts = Parts {
        sink,
        spool: None,
        topics: vec![Arc::from(TOPIC)],
        dead_letter_topic: Arc::from("dead-letter"),
        queue: (1000, 1_000_000),
        runtime: Handle::current(),
        readiness,
        metrics,
        tracer: crate::telemetry::Tracer::off(),
    };
    let delivery = Delivery::start(delivery::Config { ack_deadline: PATIENCE, dead_letters }, parts);
    delivery.open_lanes([(TOPIC, 1)]);
    delivery
}

pub(super) fn deliver(
    delivery: &Arc<Delivery>,
    size: usize,
    settle: Box<dyn OnDurable>,
) -> Task<Result<Durable, DeliveryError>> {
    let delivery = Arc::clone(delivery);
    let record = Record {
        topic: Arc::from(TOPIC),
        key: Some(Bytes::from_static(b"call_1")),
        headers: Headers::builder(64).add("ce_id", "1").add("empty", "").build(),
        value: Bytes::from(vec![b'x'; size]),
        timestamp: 1_700_000_000_000,
    };
    tokio::spawn(async move { delivery.deliver(&[record], &[0; 16], None, settle).await })
}

pub(super) async fn until(what: &str, mut there: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !there().await {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
