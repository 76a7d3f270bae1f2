use super::topics;
use crate::kit::golden;
use yaml_rust2::{Yaml, YamlLoader};

const SERVERS: &str = "kafka.bootstrap_servers=kafka-1:9092,kafka-2:9092";
const ROUTES: &str = "routes=[{match: \"call.*\", topics: [justcall.calls]}, \
    {match: \"sms.*\", topics: [justcall.sms_events]}, {match: \"*\", topics: [justcall.Rest]}]";

fn settings(further: &[&str]) -> Vec<String> {
    let own = [
        SERVERS,
        ROUTES,
        "topics.partitions=6",
        "topics.replication_factor=3",
        "topics.config={retention.ms: 604800000, min.insync.replicas: 2}",
    ];
    own.iter().chain(further).map(|setting| (*setting).to_owned()).collect()
}

const STRIMZI: [&str; 7] = ["export", "--format", "strimzi", "--cluster", "events", "--namespace", "kafka"];

fn documents(text: &str) -> Vec<Yaml> {
    YamlLoader::load_from_str(text).expect("YAML")
}

#[test]
fn strimzi_resources_match_the_golden_file() {
    let words = [&STRIMZI[..], &["--for", "serve,check,plan,apply,tail"]].concat();
    let text = topics(&words, &settings(&[])).expect_code(0);
    golden::same("topics-export-strimzi.yaml", &text);

    let documents = documents(&text);
    assert_eq!(documents.len(), 5, "four topics and a user");
    let topic = |document: &Yaml| {
        let name = document["metadata"]["name"].as_str().expect("a name").to_owned();
        document["spec"]["topicName"].as_str().map_or(name, str::to_owned)
    };
    let named: Vec<String> = documents[..4].iter().map(topic).collect();
    assert_eq!(named, ["justcall.Rest", "justcall.calls", "justcall.dead-letter", "justcall.sms_events"]);
    for document in &documents {
        assert_eq!(document["metadata"]["labels"]["strimzi.io/cluster"].as_str(), Some("events"));
        assert_eq!(document["metadata"]["namespace"].as_str(), Some("kafka"));
    }
    for document in &documents[..4] {
        assert_eq!(document["kind"].as_str(), Some("KafkaTopic"));
        assert_eq!(document["spec"]["partitions"].as_i64(), Some(6));
        assert_eq!(document["spec"]["replicas"].as_i64(), Some(3));
        assert_eq!(document["spec"]["config"]["retention.ms"].as_str(), Some("604800000"));
    }
}

#[test]
fn default_user_may_only_write_if_topics_are_not_created() {
    let text = topics(&STRIMZI, &settings(&["topics.create_missing=false"])).expect_code(0);
    let user = documents(&text).pop().expect("a user");
    assert_eq!(user["kind"].as_str(), Some("KafkaUser"));
    let acls = user["spec"]["authorization"]["acls"].as_vec().expect("rights");
    assert_eq!(acls.len(), 4);
    for acl in acls {
        let operations: Vec<_> = acl["operations"].as_vec().expect("operations").iter().collect();
        assert_eq!(operations, [&Yaml::String("Write".into())]);
        assert_eq!(acl["resource"]["patternType"].as_str(), Some("literal"));
    }
    assert!(text.contains("#   serve                Write\n"), "{text}");
}

#[test]
fn unset_properties_are_left_to_the_broker_and_an_older_strimzi_is_supported() {
    let words = [&STRIMZI[..], &["--api-version", "v1beta2", "--authentication", "tls"]].concat();
    let documents = documents(&topics(&words, &[SERVERS, ROUTES].map(str::to_owned)).expect_code(0));
    for document in &documents {
        assert_eq!(document["apiVersion"].as_str(), Some("kafka.strimzi.io/v1beta2"));
    }
    let calls = &documents[1];
    assert!(
        ["partitions", "replicas", "config", "topicName"].iter().all(|key| calls["spec"][*key].is_badvalue())
    );
    assert_eq!(documents[4]["spec"]["authentication"]["type"].as_str(), Some("tls"));
}

#[test]
fn shell_commands_match_the_golden_file() {
    let words = ["export", "--format", "kafka-topics", "--user", "a bridge", "--for", "serve,check"];
    golden::same("topics-export.sh", &topics(&words, &settings(&[])).expect_code(0));
}

#[test]
fn names_that_kubernetes_refuses_are_a_usage_error() {
    for words in [
        &["export", "--format", "strimzi"][..],
        &["export", "--format", "strimzi", "--cluster", "Events"],
        &["export", "--format", "strimzi", "--cluster", "events", "--user", "a bridge"],
    ] {
        let run = topics(words, &settings(&[]));
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{words:?}: {}", run.err);
    }
}
