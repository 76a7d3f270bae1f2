use rdkafka::ClientConfig;
use rdkafka::admin::{
    AdminClient, AdminOptions, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Without a record.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: Option<Vec<u8>>,
    /// Empty if the record has none.
    pub(crate) value: Vec<u8>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) timestamp_millis: i64,
}

impl Read {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(candidate, _)| candidate == name)?;
        Some(std::str::from_utf8(value).expect("a header of text"))
    }

    fn from(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().map(|headers| {
            headers
                .iter()
                .map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec()))
                .collect()
        });
        Self {
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().unwrap_or_default().to_vec(),
            headers: headers.unwrap_or_default(),
            timestamp_millis: message.timestamp().to_millis().expect("Kafka stamps every record"),
        }
    }
}

/// Sorted by partition and offset. Waits for `expected_count` records, and returns further ones too.
pub(crate) fn read_topic(
    bootstrap: &str,
    topic: &str,
    expected_count: usize,
    timeout: Duration,
) -> Vec<Read> {
    let deadline = Instant::now() + timeout;
    let ends = await_count(bootstrap, topic, expected_count, deadline);
    loop {
        // A reader that gets no brokers may never recover.
        let mut reads = match try_read(&consumer(bootstrap), topic, &ends) {
            Ok(reads) => reads,
            Err(there) => {
                let wanted = count(&ends);
                assert!(
                    Instant::now() < deadline,
                    "{topic}: read {there} of {wanted} records in {timeout:?}"
                );
                continue;
            }
        };
        reads.sort_by_key(|read| (read.partition, read.offset));
        return reads;
    }
}

/// Returns the number of records so far after a silence.
fn try_read(consumer: &BaseConsumer, topic: &str, ends: &Ends) -> Result<Vec<Read>, usize> {
    let mut all = TopicPartitionList::new();
    for partition in ends.keys() {
        all.add_partition_offset(topic, *partition, Offset::Beginning).expect("a valid offset");
    }
    consumer.assign(&all).expect("an assignment");
    let (mut reads, mut last) = (Vec::new(), Instant::now());
    while reads.len() < count(ends) {
        if last.elapsed() > READ_TIMEOUT {
            return Err(reads.len());
        }
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) if message.offset() < ends[&message.partition()].1 => {
                reads.push(Read::from(&message));
                last = Instant::now();
            }
            Some(Err(e)) => eprintln!("reading {topic}: {e}"),
            Some(Ok(_)) | None => {}
        }
    }
    Ok(reads)
}

/// Sorted by partition and offset. Some offsets are transaction markers.
pub(crate) fn read_committed(bootstrap: &str, topic: &str) -> Vec<Read> {
    let consumer = consumer_with(bootstrap, &[("enable.partition.eof", "true")]);
    let ends = ends(bootstrap, topic);
    let mut open: HashSet<i32> =
        ends.iter().filter(|(_, (first, next))| next > first).map(|(id, _)| *id).collect();
    let mut all = TopicPartitionList::new();
    for partition in &open {
        all.add_partition_offset(topic, *partition, Offset::Beginning).expect("a valid offset");
    }
    consumer.assign(&all).expect("an assignment");
    let deadline = Instant::now() + REQUEST_TIMEOUT;
    let mut reads = Vec::new();
    while !open.is_empty() {
        assert!(Instant::now() < deadline, "{topic}: no end of {open:?} after {} records", reads.len());
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => reads.push(Read::from(&message)),
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                open.remove(&partition);
            }
            Some(Err(e)) => eprintln!("reading {topic}: {e}"),
            None => {}
        }
    }
    reads.sort_by_key(|read| (read.partition, read.offset));
    reads
}

pub(crate) fn groups(bootstrap: &str) -> Vec<String> {
    let list = consumer(bootstrap).fetch_group_list(None, REQUEST_TIMEOUT).expect("groups");
    list.groups().iter().map(|group| group.name().to_owned()).collect()
}

pub(crate) fn committed(bootstrap: &str, group: &str, topic: &str) -> BTreeMap<i32, i64> {
    let member = consumer_with(bootstrap, &[("group.id", group)]);
    let mut asked = TopicPartitionList::new();
    for id in partitions(&member, topic).unwrap_or_default() {
        asked.add_partition(topic, id);
    }
    let answer = member.committed_offsets(asked, REQUEST_TIMEOUT).expect("committed offsets");
    let answer = answer.elements().into_iter().map(|each| (each.partition(), each.offset().to_raw()));
    answer.filter_map(|(id, next)| Some((id, next.filter(|next| *next >= 0)?))).collect()
}

pub(crate) fn topic_end(bootstrap: &str, topic: &str) -> usize {
    count(&ends(bootstrap, topic))
}

/// Returns `None` if the topic does not exist.
pub(crate) fn topic_partitions(bootstrap: &str, topic: &str) -> Option<usize> {
    partitions(&consumer(bootstrap), topic).map(|ids| ids.len())
}

pub(crate) fn create_topic(bootstrap: &str, topic: &str, partitions: i32) {
    create_topic_with(bootstrap, topic, partitions, 1, &[]);
}

pub(crate) fn create_topic_on(bootstrap: &str, topic: &str, broker: usize) {
    let broker = [i32::try_from(broker + 1).expect("a broker")];
    let replicas: [&[i32]; 1] = [&broker];
    let wish = NewTopic::new(topic, 1, TopicReplication::Variable(&replicas));
    let made = wait(admin(bootstrap).create_topics([&wish], &admin_options()));
    made.expect("the cluster answers").remove(0).expect("a topic");
    await_leaders(bootstrap, topic, 1);
}

/// Waits until the topic is writable.
pub(crate) fn create_topic_with(
    bootstrap: &str,
    topic: &str,
    partitions: i32,
    replicas: i32,
    config: &[(&str, &str)],
) {
    let wish = NewTopic::new(topic, partitions, TopicReplication::Fixed(replicas));
    let wish = config.iter().fold(wish, |wish, (name, value)| wish.set(name, value));
    let made = wait(admin(bootstrap).create_topics([&wish], &admin_options()));
    let made = made.expect("the cluster answers").remove(0);
    made.unwrap_or_else(|(name, code)| panic!("{name} was not created: {code}"));
    await_leaders(bootstrap, topic, usize::try_from(partitions).expect("partitions"));
}

pub(crate) fn leads(bootstrap: &str, topic: &str, broker: usize) -> usize {
    let metadata = consumer(bootstrap).fetch_metadata(Some(topic), REQUEST_TIMEOUT).expect("metadata");
    let partitions = metadata.topics().iter().flat_map(|found| found.partitions());
    partitions.filter(|partition| usize::try_from(partition.leader()) == Ok(broker)).count()
}

pub(crate) fn leaders(bootstrap: &str, topic: &str) -> Vec<i32> {
    let metadata = consumer(bootstrap).fetch_metadata(Some(topic), REQUEST_TIMEOUT).expect("metadata");
    let partitions = metadata.topics().iter().flat_map(|found| found.partitions());
    let mut leaders: Vec<_> = partitions.map(|partition| (partition.id(), partition.leader())).collect();
    leaders.sort_unstable();
    leaders.into_iter().map(|(_, leader)| leader).collect()
}

pub(crate) fn delete_topic(bootstrap: &str, topic: &str) {
    request_deletion(bootstrap, topic);
    let consumer = consumer(bootstrap);
    let deadline = Instant::now() + REQUEST_TIMEOUT;
    while partitions(&consumer, topic).is_some() {
        assert!(Instant::now() < deadline, "{topic} still exists");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Does not wait, because the topic may be recreated at once.
pub(crate) fn request_deletion(bootstrap: &str, topic: &str) {
    let gone = wait(admin(bootstrap).delete_topics(&[topic], &admin_options()));
    let gone = gone.expect("the cluster answers").remove(0);
    gone.unwrap_or_else(|(name, code)| panic!("{name} was not deleted: {code}"));
}

/// Waits until they are writable.
pub(crate) fn grow_topic(bootstrap: &str, topic: &str, partitions: usize) {
    let grown = [NewPartitions::new(topic, partitions)];
    let grown = wait(admin(bootstrap).create_partitions(&grown, &admin_options()));
    grown.expect("the cluster answers").remove(0).expect("more partitions");
    await_leaders(bootstrap, topic, partitions);
}

pub(crate) fn topic_config(bootstrap: &str, topic: &str) -> BTreeMap<String, String> {
    let wanted = [ResourceSpecifier::Topic(topic)];
    let found = wait(admin(bootstrap).describe_configs(&wanted, &admin_options()));
    let found = found.expect("the cluster answers").remove(0).expect("a topic that is there");
    found.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect()
}

type Ends = HashMap<i32, (i64, i64)>;

fn await_count(bootstrap: &str, topic: &str, expected: usize, deadline: Instant) -> Ends {
    loop {
        let ends = ends(bootstrap, topic);
        let there = count(&ends);
        if there >= expected {
            return ends;
        }
        assert!(Instant::now() < deadline, "{topic} holds {there} of {expected} records");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A new topic has no leaders for a moment; see [`read_topic`].
fn ends(bootstrap: &str, topic: &str) -> Ends {
    let deadline = Instant::now() + 2 * REQUEST_TIMEOUT;
    loop {
        let consumer = consumer(bootstrap);
        let ids = partitions(&consumer, topic).unwrap_or_default();
        let end = |id| Ok((id, consumer.fetch_watermarks(topic, id, READ_TIMEOUT)?));
        match ids.into_iter().map(end).collect::<Result<_, KafkaError>>() {
            Ok(ends) => return ends,
            Err(e) => assert!(Instant::now() < deadline, "{topic}: {e}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn count(ends: &Ends) -> usize {
    let total: i64 = ends.values().map(|(first, next)| next - first).sum();
    usize::try_from(total).expect("no topic ends before it begins")
}

fn partitions(consumer: &BaseConsumer, topic: &str) -> Option<Vec<i32>> {
    let metadata = consumer.fetch_metadata(Some(topic), REQUEST_TIMEOUT).expect("metadata");
    let found = metadata.topics().iter().find(|found| found.name() == topic)?;
    if let Some(error) = found.error() {
        let code = RDKafkaErrorCode::from(error);
        assert_eq!(code, RDKafkaErrorCode::UnknownTopicOrPartition, "asking for {topic}");
        return None;
    }
    Some(found.partitions().iter().map(|partition| partition.id()).collect())
}

fn await_leaders(bootstrap: &str, topic: &str, partitions: usize) {
    let consumer = consumer(bootstrap);
    let deadline = Instant::now() + REQUEST_TIMEOUT;
    loop {
        let metadata = consumer.fetch_metadata(Some(topic), REQUEST_TIMEOUT).expect("metadata");
        let led = metadata.topics()[0].partitions().iter().filter(|partition| partition.leader() >= 0);
        if led.count() == partitions {
            return;
        }
        assert!(Instant::now() < deadline, "{topic} has no leaders");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn consumer(bootstrap: &str) -> BaseConsumer {
    consumer_with(bootstrap, &[])
}

fn consumer_with(bootstrap: &str, properties: &[(&str, &str)]) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        // librdkafka requires a name, although the client joins no group.
        .set("group.id", "kit")
        .set("enable.auto.commit", "false")
        .set("allow.auto.create.topics", "false");
    for (name, value) in properties {
        config.set(*name, *value);
    }
    config.create().expect("a consumer")
}

fn admin(bootstrap: &str) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", bootstrap).create().expect("an admin client")
}

fn admin_options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(REQUEST_TIMEOUT)).request_timeout(Some(REQUEST_TIMEOUT))
}

fn wait<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}
