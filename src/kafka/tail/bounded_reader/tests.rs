use super::*;
use crate::kafka::{EmbeddedBroker, TopicsConfig};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

fn place(topic: &str, partition: i32, offset: Offset) -> PartitionOffset {
    PartitionOffset { topic: topic.into(), partition, offset }
}

#[test]
fn empty_partitions_are_not_read() {
    let firsts = [
        place("b", 0, Offset::Offset(3)),
        place("b", 1, Offset::Offset(7)),
        place("a", 0, Offset::End),
        place("a", 1, Offset::Offset(0)),
    ];
    let ends = [
        place("a", 0, Offset::Offset(9)),
        place("a", 1, Offset::Offset(1)),
        place("b", 0, Offset::Offset(5)),
        place("b", 1, Offset::Offset(7)),
        place("c", 0, Offset::Offset(2)),
    ];
    let found: Vec<_> = unread_ranges(&firsts, &ends)
        .into_values()
        .flatten()
        .map(|span| (span.topic, span.partition, span.first, span.end))
        .collect();
    assert_eq!(found, [("a".to_owned(), 1, 0, 1), ("b".to_owned(), 0, 3, 5)]);
}

/// The embedded broker ignores times in lookups.
#[test]
fn records_since_a_time_are_found_on_the_embedded_broker() {
    let broker = EmbeddedBroker::start(vec!["t".into(), "empty".into()], 2).unwrap();
    let config = Config {
        bootstrap_servers: broker.bootstrap_servers().to_owned(),
        properties: BTreeMap::new(),
        topics: TopicsConfig {
            create_missing: false,
            partitions: None,
            replication_factor: None,
            config: BTreeMap::new(),
        },
    };
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", &config.bootstrap_servers).create().unwrap();
    for (partition, timestamp) in [(0, 1000), (0, 2000), (0, 3000), (1, 1000)] {
        let record = BaseRecord::<(), str>::to("t").partition(partition).timestamp(timestamp).payload("v");
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(TIMEOUT).unwrap();
    for (since, expected) in [(0, vec![1000, 1000, 2000, 3000]), (2000, vec![2000, 3000]), (3001, vec![])] {
        let mut bounded_reader = BoundedReader::read(&config, |_| true, StartPosition::At(since)).unwrap();
        let mut times = Vec::new();
        loop {
            match bounded_reader.next(Duration::from_millis(100)).unwrap() {
                ReadStep::Record(record) => times.extend(record.timestamp),
                ReadStep::Waiting => {}
                ReadStep::End => break,
            }
        }
        times.sort_unstable();
        assert_eq!(times, expected, "since {since}");
    }
}
