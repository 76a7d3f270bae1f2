use super::chart::{Rendered, render};
use super::image::can_contain;
use super::pod::{Node, Pod};
use super::project;
use super::tools::CHART;
use crate::kit::bridge::{PATH, until};
use crate::kit::consume;
use crate::kit::http;
use crate::kit::kafka::{Kafka, Options};
use crate::kit::load::{Answer, Load, Shape};
use crate::kit::verdict::{HEADING, await_contents, judge};
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::TcpListener;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

const SHAPE: Shape = Shape { senders: 4, pause: Duration::from_millis(5), body_bytes: 600 };

/// The Service still sends to a deleted pod.
const ENDPOINT_REMOVAL_DELAY: Duration = Duration::from_secs(2);

/// Avoids the range of outgoing connections.
pub(super) fn ports() -> [u16; 4] {
    let random = RandomState::new();
    let candidates =
        (0..1000_u32).map(|n| 12_000 + u16::try_from(random.hash_one(n) % 7_000).expect("a port number"));
    let mut held: Vec<(u16, TcpListener)> = Vec::new();
    for port in candidates {
        if let Ok(listener) = TcpListener::bind(("0.0.0.0", port)) {
            held.push((port, listener));
        }
        if held.len() == 4 {
            return [0, 1, 2, 3].map(|at: usize| held[at].0);
        }
    }
    panic!("no free ports");
}

/// Pods share a host here, so each has a chart of its own.
fn chart(folder: &Path, kafka: &Kafka, ports: &[u16], settings: &[&str]) -> Rendered {
    let own = [
        format!("kafka.bootstrapServers={}", kafka.bootstrap()),
        format!("containerPorts.http={},containerPorts.admin={}", ports[0], ports[1]),
        "source.signature.required=false".to_owned(),
        "settings.topics.partitions=6,settings.topics.replication_factor=1".to_owned(),
        "settings.shutdown.delay=4s".to_owned(),
    ];
    let all: Vec<&str> = own.iter().map(String::as_str).chain(settings.iter().copied()).collect();
    render(folder, project(CHART).join("ci/least-values.yaml"), &all)
}

fn delete(mut pod: Pod, load: &Load, other: &Pod) {
    pod.terminate();
    sleep(ENDPOINT_REMOVAL_DELAY);
    load.set_target(Some(other.ingress));
    let status = pod.wait_end();
    assert!(status.success(), "the pod ended with {status}");
}

#[test]
fn rollout_under_load_loses_no_event_with_or_without_kafka() {
    if !can_contain("that pods as the chart has them lose no event when they are rolled") {
        return;
    }
    let kafka = Kafka::start(Options::default());
    let node = Node::new();
    node.project("justcall", 0o440, &[("api-secret", "the-secret-of-an-account\n")]);
    let folders = [(), ()].map(|()| tempfile::tempdir().expect("a temporary folder"));
    let ports = ports();
    let first = chart(folders[0].path(), &kafka, &ports[..2], &["fullnameOverride=first"]);
    let second = chart(folders[1].path(), &kafka, &ports[2..], &["fullnameOverride=second"]);
    node.configure(&first);
    node.configure(&second);
    let start = |set: &Rendered, ordinal| node.start(set, ordinal);
    let (pod_0, pod_1) = (start(&first, 0), start(&second, 1));
    let load = Load::start(pod_1.ingress, SHAPE);
    until("acknowledged events", || load.answered(Answer::Acked) > 200);

    delete(pod_1, &load, &pod_0);
    let pod_1 = start(&second, 1);
    kafka.freeze();
    until("spooled events", || load.answered(Answer::Spooled) > 50);
    assert!(pod_0.is_ready(), "the spool cannot accept events");
    delete(pod_0, &load, &pod_1);
    let spooled = load.answered(Answer::Spooled);
    until("events in the other's spool", || load.answered(Answer::Spooled) > spooled + 50);
    let pod_0 = start(&first, 0);
    let status = ["/usr/local/bin/justcall-bridge", "spool", "status", "--directory", SPOOL, "--json"];
    let waiting = |set, ordinal| {
        let output: serde_json::Value =
            serde_json::from_str(&node.exec(set, ordinal, &status)).expect("JSON");
        output["records"].as_u64().expect("a number")
    };
    assert!(waiting(&first, 0) > 0, "the volume has outlived its pod");
    kafka.thaw();
    until("spools to run dry", || waiting(&first, 0) + waiting(&second, 1) == 0);
    let lifted = load.now();
    let acked = load.answered(Answer::Acked);
    until("acknowledged events", || load.answered(Answer::Acked) > acked + 50);
    let (sent, _) = load.finish();

    new_route_applies(&node, folders[0].path(), &kafka, &first, &ports, &pod_0);
    let contents = await_contents(kafka.bootstrap(), "justcall.", &sent, &[]);
    let verdict = judge(&sent, &contents, &[], lifted);
    eprintln!("{HEADING}\n{verdict}");
    assert_eq!(verdict.lost, Vec::<String>::new());
    assert_eq!(verdict.broken, 0, "a connection was refused");
    for mut pod in [pod_0, pod_1] {
        pod.terminate();
        assert!(pod.wait_end().success());
    }
}

const SPOOL: &str = "/var/lib/justcall-bridge/spool";

fn new_route_applies(node: &Node, folder: &Path, kafka: &Kafka, before: &Rendered, ports: &[u16], pod: &Pod) {
    let route = "settings.routes[0].match=contact.*,settings.routes[0].topics=justcall.people";
    let after = chart(folder, kafka, &ports[..2], &["fullnameOverride=first", route]);
    assert_eq!(after.workload(), before.workload(), "a new route must not roll the pods");
    let taken = || pod.metric(r#"config_reloads_total{result="success"}"#).unwrap_or_default();
    let count = taken();
    node.configure(&after);
    until("the new settings", || taken() > count);
    let body = br#"{"event":"contact.created","timestamp":"2026-03-12T14:32:00Z","data":{"contact_id":7}}"#;
    let answer = http::post(pod.ingress, PATH, &[("connection", "close")], body).expect("an answer");
    assert_eq!((answer.status, &answer.json()["outcome"]), (200, &"acked".into()), "{}", answer.text());
    let healthy =
        ["/usr/local/bin/justcall-bridge", "healthcheck", "--config", "/etc/justcall-bridge/bridge.yaml"];
    node.exec(&after, 0, &healthy);
    let found = consume::read_topic(kafka.bootstrap(), "justcall.people", 1, Duration::from_secs(60));
    assert_eq!(found.len(), 1);
}
