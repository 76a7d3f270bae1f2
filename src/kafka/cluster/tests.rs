use super::*;
use crate::kafka::client_context::plain_reason;

fn value(text: Option<&str>, origin: ConfigOrigin) -> ConfigValue {
    ConfigValue { value: text.map(str::to_owned), origin, is_read_only: false, is_sensitive: text.is_none() }
}

fn map<V>(entries: Vec<(&str, V)>) -> BTreeMap<String, V> {
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[test]
fn change_keeps_other_topic_values_and_does_not_pin_defaults() {
    let now = map(vec![
        ("cleanup.policy", value(Some("compact"), ConfigOrigin::Topic)),
        ("retention.ms", value(Some("1"), ConfigOrigin::Topic)),
        ("segment.bytes", value(Some("2"), ConfigOrigin::Default)),
        ("max.message.bytes", value(Some("3"), ConfigOrigin::Broker)),
    ]);
    let whole = with_changes(&now, &map(vec![("retention.ms", "5".to_owned())]));
    let expected = map(vec![("cleanup.policy", "compact".to_owned()), ("retention.ms", "5".to_owned())]);
    assert_eq!(whole, Some(expected));
}

#[test]
fn hidden_value_is_not_overwritten() {
    let now = map(vec![("secret.of.the.topic", value(None, ConfigOrigin::Topic))]);
    assert_eq!(with_changes(&now, &map(vec![("retention.ms", "5".to_owned())])), None);
    // Unless it is the changed value.
    let changes = map(vec![("secret.of.the.topic", "5".to_owned())]);
    assert_eq!(with_changes(&now, &changes), Some(changes.clone()));
}

#[test]
fn reason_has_no_time_or_state() {
    let said = "b:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT, 3 identical error(s) suppressed)";
    assert_eq!(plain_reason(said), "b:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused");
    assert_eq!(plain_reason("1/1 brokers are down"), "1/1 brokers are down");
}

#[test]
fn refusal_has_a_description_and_recognizes_a_missing_right() {
    let refusal = KafkaRefusal::from(RDKafkaErrorCode::TopicAuthorizationFailed);
    assert_eq!(refusal.to_string(), "Topic authorization failed");
    assert!(refusal.is_authorization());
    assert!(!KafkaRefusal::from(RDKafkaErrorCode::InvalidConfig).is_authorization());
}

#[test]
fn change_is_effective_only_if_set_on_the_topic_itself() {
    let changes = map(vec![("retention.ms", "5".to_owned())]);
    let now = |text, origin| map(vec![("retention.ms", value(Some(text), origin))]);
    assert!(is_set(&now("5", ConfigOrigin::Topic), &changes));
    assert!(!is_set(&now("6", ConfigOrigin::Topic), &changes));
    assert!(!is_set(&now("5", ConfigOrigin::Broker), &changes), "the broker's may change tomorrow");
    assert!(!is_set(&BTreeMap::new(), &changes));
}

#[test]
fn equal_values_may_be_written_differently() {
    for (one, other) in
        [("0.5", "0.50"), ("compact,delete", "compact, delete"), ("TRUE", "true"), ("5", " 5"), ("-1", "-1")]
    {
        assert!(same_value(one, other), "{one} {other}");
    }
    for (one, other) in [
        ("compact,delete", "delete,compact"),
        ("9007199254740993", "9007199254740992"),
        ("producer", "Producer"),
        ("true", "1"),
        ("", "0"),
    ] {
        assert!(!same_value(one, other), "{one} {other}");
    }
}
