use super::{accepts, is_known, is_secret, refused};

#[test]
fn properties_behind_guarantees_are_refused() {
    let names = [
        "acks",
        "request.required.acks",
        "enable.idempotence",
        "partitioner",
        "message.timeout.ms",
        "delivery.timeout.ms",
        "socket.timeout.ms",
        "allow.auto.create.topics",
        "retries",
        "message.send.max.retries",
        "transactional.id",
        "transaction.timeout.ms",
        "enable.gapless.guarantee",
        "bootstrap.servers",
        "metadata.broker.list",
        "queuing.strategy",
        "delivery.report.only.error",
        "produce.offset.report",
        "dr_cb",
        "dr_msg_cb",
        "error_cb",
        "opaque",
        "enabled_events",
        "plugin.library.paths",
        "ssl.engine.location",
        "ssl.providers",
        "internal.termination.signal",
        "topic.partitioner",
        "topic.message.timeout.ms",
        "topic.acks",
        "topic.compression.type",
        "test.mock.num.brokers",
        "statistics.interval.ms",
    ];
    for name in names {
        assert!(refused(name, "all").is_some(), "{name}");
    }
}

#[test]
fn requests_in_flight_are_limited_to_keep_order() {
    for name in ["max.in.flight", "max.in.flight.requests.per.connection"] {
        for (value, passes) in [("1", true), ("5", true), ("6", false), ("0", false), ("many", false)] {
            assert_eq!(refused(name, value).is_none(), passes, "{name}={value}");
        }
    }
}

#[test]
fn other_properties_are_accepted() {
    for name in [
        "linger.ms",
        "compression.type",
        "sasl.password",
        "fetch.min.bytes",
        "message.max.bytes",
        "topic.metadata.refresh.interval.ms",
        "client.id",
    ] {
        assert_eq!(refused(name, "1"), None, "{name}");
    }
}

#[test]
fn secrets_are_recognized_by_name() {
    for name in [
        "sasl.password",
        "ssl.key.pem",
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.config",
        "SASL.JAAS.config",
    ] {
        assert!(is_secret(name), "{name}");
    }
    for name in ["sasl.username", "linger.ms", "ssl.ca.location"] {
        assert!(!is_secret(name), "{name}");
    }
}

#[test]
fn misspelt_names_are_unknown_to_librdkafka() {
    for name in
        ["linger.ms", "sasl.password", "compression.type", "message.timeout.ms", "ssl.key.pem", "acks"]
    {
        assert!(is_known(name), "{name}");
    }
    for name in ["sasl.passwrod", "linger", "", "bogus"] {
        assert!(!is_known(name), "{name}");
    }
}

#[test]
fn number_with_anything_behind_it_is_not_accepted() {
    for (name, value) in [
        ("linger.ms", "5s"),
        ("linger.ms", "1_0"),
        ("linger.ms", "5,000"),
        ("linger.ms", "10 MB"),
        ("reconnect.backoff.ms", "1s"),
        ("reconnect.backoff.ms", "5e3"),
        ("batch.size", "1MB"),
        ("batch.size", "0100000"),
        ("batch.size", "0x10000"),
        ("queue.buffering.max.messages", "100_000"),
        ("compression.level", "3x"),
    ] {
        assert!(!accepts(name, value), "{name}={value}");
    }
    for (name, value) in [
        ("linger.ms", "0.5"),
        ("linger.ms", "0.123456789"),
        ("linger.ms", "1e3"),
        ("reconnect.backoff.ms", " 100 "),
        ("batch.size", "100000"),
        ("compression.level", "-1"),
        ("client.id", "007x"),
        ("client.id", "nan"),
        ("sasl.password", "12e4567"),
        ("sasl.password", "5s"),
        ("acks", "all"),
        ("socket.nagle.disable", "1"),
        ("socket.keepalive.enable", "t"),
        ("security.protocol", "SASL_SSL"),
        ("compression.type", "zstd"),
        ("debug", "broker,topic"),
        ("broker.address.family", "v4"),
        ("ssl.ca.location", ""),
    ] {
        assert!(accepts(name, value), "{name}={value}");
    }
}
