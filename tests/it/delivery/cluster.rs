use crate::kit::consume::{create_topic_with, topic_config};
use crate::kit::kafka::Kafka;
use crate::kit::secured::{PLAIN, Secured};
use crate::kit::topic_name;
use justcall_kafka_bridge::internals::kafka::{
    Cluster, Config, ConfigOrigin, Described, Error, TopicsConfig,
};
use std::collections::BTreeMap;
use std::future::Future;
use std::net::TcpListener;
use std::sync::OnceLock;

fn unused_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("127.0.0.1:{}", listener.local_addr().expect("its address").port())
}

fn config(bootstrap: &str, properties: &[(&str, &str)]) -> Config {
    Config {
        bootstrap_servers: bootstrap.into(),
        properties: properties.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        topics: topics_config(None, &[]),
    }
}

fn topics_config(partitions: Option<i32>, config: &[(&str, &str)]) -> TopicsConfig {
    let config = config.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    TopicsConfig { create_missing: true, partitions, replication_factor: None, config }
}

fn wait<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

fn refused(bootstrap: &str, properties: &[(&str, &str)]) -> Error {
    wait(Cluster::connect(&config(bootstrap, properties))).err().expect("the connection fails")
}

fn secured() -> &'static Secured {
    static SECURED: OnceLock<Secured> = OnceLock::new();
    SECURED.get_or_init(Kafka::start_secured)
}

fn sasl(password: &'static str) -> [(&'static str, &'static str); 4] {
    [
        ("security.protocol", "sasl_plaintext"),
        ("sasl.mechanism", PLAIN.mechanism),
        ("sasl.username", PLAIN.name),
        ("sasl.password", password),
    ]
}

#[test]
fn refused_connection_is_reported_with_its_address() {
    let port = unused_address();
    let error = refused(&port, &[]);
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&port) && text.contains("Connection refused"), "{text}");
}

#[test]
fn wrong_password_is_reported_at_once_and_not_shown() {
    let error = refused(&secured().sasl, &sasl("never-to-be-shown"));
    assert!(matches!(error, Error::AuthenticationFailed(_)), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("uthentication failed") && !text.contains("never-to-be-shown"), "{text}");
}

#[test]
fn unknown_authority_and_wrong_name_are_distinguished() {
    let unknown = refused(&secured().tls, &[("security.protocol", "ssl")]);
    assert!(matches!(unknown, Error::TlsFailed(_)), "{unknown:?}");

    let named = secured().tls.replace("127.0.0.1", "localhost");
    let ca = secured().ca.display().to_string();
    let wrong = refused(&named, &[("security.protocol", "ssl"), ("ssl.ca.location", &ca)]);
    assert!(matches!(wrong, Error::TlsFailed(_)), "{wrong:?}");
    assert_ne!(unknown.to_string(), wrong.to_string());
    assert!(wrong.to_string().contains("another name"), "{wrong}");

    // With authentication: the password must not reach an unknown server.
    let named = secured().sasl_tls.replace("127.0.0.1", "localhost");
    let mut properties = sasl(PLAIN.password).to_vec();
    properties.extend([("ssl.ca.location", ca.as_str())]);
    properties[0].1 = "sasl_ssl";
    let wrong = refused(&named, &properties);
    assert!(wrong.to_string().contains("another name"), "{wrong}");
}

#[test]
fn plaintext_client_of_a_secured_listener_is_unreachable() {
    let error = refused(&secured().tls, &[]);
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    assert!(error.to_string().contains("security.protocol"), "{error}");
}

#[test]
fn one_unreachable_server_of_two_is_not_a_failure() {
    let both = format!("{},{}", unused_address(), Kafka::shared().bootstrap());
    wait(async {
        let cluster = Cluster::connect(&config(&both, &[])).await.expect("one broker answers");
        assert_eq!(cluster.brokers().len(), 1);
    });
}

#[test]
fn topic_description_has_its_explicit_configuration() {
    let bootstrap = Kafka::shared().bootstrap();
    let (there, missing) = (topic_name("there"), topic_name("missing"));
    create_topic_with(bootstrap, &there, 3, 1, &[("retention.ms", "86400000")]);
    wait(async {
        let cluster = Cluster::connect(&config(bootstrap, &[])).await.expect("a cluster");
        let described = cluster.describe(&[there.clone(), missing.clone()]).await.expect("an answer");
        assert_eq!(described[&missing], Described::Missing);
        let Described::Found(topic) = &described[&there] else { panic!("{:?}", described[&there]) };
        let brokers = cluster.brokers();
        let leader = brokers[0].id;
        let ids: Vec<i32> = topic.partitions.iter().map(|partition| partition.id).collect();
        assert_eq!(ids, [0, 1, 2]);
        for partition in &topic.partitions {
            assert_eq!(partition.leader, Some(leader));
            assert_eq!((&partition.replicas[..], &partition.in_sync[..]), (&[leader][..], &[leader][..]));
        }
        let config = topic.config.as_ref().expect("a config");
        let set: Vec<_> = config.iter().filter(|(_, value)| value.origin == ConfigOrigin::Topic).collect();
        assert_eq!(set.len(), 1, "{set:?}");
        assert_eq!(config["retention.ms"].value.as_deref(), Some("86400000"));
        assert_eq!(config["cleanup.policy"].origin, ConfigOrigin::Default);
        assert_eq!(format!("127.0.0.1:{}", brokers[0].port), bootstrap);
        let broker = cluster.broker_config(leader).await.expect("a broker's config");
        assert_eq!(broker["auto.create.topics.enable"].value.as_deref(), Some("false"));
    });
}

#[test]
fn topic_changes_keep_properties_set_by_others() {
    let bootstrap = Kafka::shared().bootstrap();
    let name = topic_name("changed");
    wait(async {
        let cluster = Cluster::connect(&config(bootstrap, &[])).await.expect("a cluster");
        let wanted = topics_config(Some(2), &[("retention.ms", "1000"), ("segment.bytes", "2097152")]);
        assert!(cluster.create_topic(&name, &wanted).await.expect("the topic is created"));
        assert!(
            !cluster.create_topic(&name, &wanted).await.expect("the topic exists"),
            "the topic was created twice"
        );
        cluster.add_partitions(&name, 4).await.expect("partitions are added");
        let shrink = cluster.add_partitions(&name, 3).await.expect_err("Kafka cannot shrink");
        assert!(matches!(shrink, Error::Refused(_)), "{shrink:?}");
        let changes = BTreeMap::from([("retention.ms".to_owned(), "5000".to_owned())]);
        cluster.set_topic_config(&name, &changes).await.expect("the configuration is changed");
        let nonsense = BTreeMap::from([("retention.ms".to_owned(), "soon".to_owned())]);
        let refused = cluster.set_topic_config(&name, &nonsense).await.expect_err("no number");
        assert!(matches!(refused, Error::Refused(_)), "{refused:?}");
    });
    let config = topic_config(bootstrap, &name);
    assert_eq!((config["retention.ms"].as_str(), config["segment.bytes"].as_str()), ("5000", "2097152"));
    assert_eq!(crate::kit::consume::topic_partitions(bootstrap, &name), Some(4));
}
