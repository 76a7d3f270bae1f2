use super::image::{Image, Mount, USER, can_contain};
use super::project;
use super::tools::{compose, printed};
use crate::kit::bridge::until;
use crate::kit::http;
use crate::kit::java::{POM, java};
use crate::kit::kafka::{Kafka, Options};
use crate::kit::process::{Process, bridge_command};
use serde_json::Value;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::process::Command;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(60);

/// Variables that depend on the broker's machine or on its JVM.
const MACHINE_VARIABLES: [&str; 9] = [
    "KAFKA_NODE_ID",
    "KAFKA_CONTROLLER_QUORUM_VOTERS",
    "KAFKA_CONTROLLER_LISTENER_NAMES",
    "KAFKA_LISTENERS",
    "KAFKA_ADVERTISED_LISTENERS",
    "KAFKA_INTER_BROKER_LISTENER_NAME",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP",
    "KAFKA_LOG_DIRS",
    "KAFKA_HEAP_OPTS",
];

fn composed() -> Value {
    let mut read = compose();
    read.args(["-format", "json", "compose.yaml"]).current_dir(project("deploy"));
    serde_json::from_str(&printed(&mut read)).expect("JSON")
}

fn words(value: &Value) -> Vec<String> {
    let words = value.as_array().into_iter().flatten();
    words.map(|word| word.as_str().expect("a word").to_owned()).collect()
}

/// YAML parses some as numbers.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// As the official image derives them from its variables.
fn kafka(environment: &Value) -> Kafka {
    let variables = environment.as_object().expect("variables");
    let mut options = Options::default();
    for (name, value) in variables.iter().filter(|(name, _)| !MACHINE_VARIABLES.contains(&name.as_str())) {
        let property = name.strip_prefix("KAFKA_").expect("Kafka's").to_lowercase().replace('_', ".");
        options = options.property(&property, &text(value));
    }
    Kafka::start(options)
}

fn consumer_prints(consumer: &Value, bootstrap: &str) -> String {
    let command = words(&consumer["command"]);
    assert_eq!(command[0], "/opt/kafka/bin/kafka-console-consumer.sh");
    let mut run = java(&["-Xmx128m"], "org.apache.kafka.tools.consumer.ConsoleConsumer");
    for argument in &command[1..] {
        run.arg(argument.replace("kafka:19092", bootstrap));
    }
    printed(run.args(["--max-messages=1", "--timeout-ms=60000"]))
}

#[test]
fn compose_file_runs_the_kafka_that_the_tests_run() {
    let project = composed();
    for service in ["kafka", "consumer"] {
        let image = project["services"][service]["image"].as_str().expect("an image");
        let version = image.strip_prefix("apache/kafka:").expect("Apache Kafka's own image");
        assert!(POM.contains(&format!("<version>{version}</version>")), "{service}: {version}");
    }
}

#[test]
fn bridge_has_time_to_stop() {
    let bridge = &composed()["services"]["bridge"];
    assert!(
        bridge["environment"]
            .as_object()
            .is_some_and(|all| all.keys().all(|name| !name.contains("SHUTDOWN")))
    );
    let printed = printed(bridge_command().args(["serve", "--print-config"]));
    let (_, shutdown) = printed.split_once("\nshutdown:\n").expect("the section");
    let seconds = |text: &str| text.strip_suffix('s').and_then(|it| it.parse::<u64>().ok()).expect("seconds");
    let default = |name: &str| {
        let line = shutdown.lines().find_map(|line| line.trim().strip_prefix(name)).expect(name);
        seconds(line.trim())
    };
    // The close of a spool on a slow disk takes up to 5 s more. The chart adds the same 10 s.
    let needed = default("delay:") + default("timeout:") + 10;
    assert!(seconds(bridge["stop_grace_period"].as_str().expect("text")) >= needed, "{needed} s");
}

fn ports() -> [u16; 2] {
    let held = [(), ()].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
    held.map(|listener| listener.local_addr().expect("an address").port())
}

#[test]
fn compose_file_starts_a_bridge_that_is_healthy_and_writes_to_its_kafka() {
    let project = composed();
    let (broker, bridge) = (&project["services"]["kafka"], &project["services"]["bridge"]);
    for port in project["services"]
        .as_object()
        .expect("services")
        .values()
        .flat_map(|service| service["ports"].as_array().cloned().unwrap_or_default())
    {
        assert_eq!(port["host_ip"], "127.0.0.1", "ports must not be open on untrusted networks");
    }
    assert_eq!((&bridge["read_only"], &bridge["cap_drop"][0]), (&true.into(), &"ALL".into()));
    if !can_contain("that the compose file's bridge starts") {
        return;
    }
    let kafka = kafka(&broker["environment"]);
    let image = Image::assemble();
    let volume = tempfile::tempdir().expect("a temporary folder");
    let user = USER.split(':').next().and_then(|user| user.parse().ok());
    chown(volume.path(), user, user).expect("tests run as root");
    let place = bridge["volumes"][0]["target"].as_str().expect("a path").to_owned();
    let mounts = [Mount { from: volume.path().into(), to: place, read_only: false }];
    let [ingress, admin] = ports();
    let configured = |command: &mut Command| {
        for (name, value) in bridge["environment"].as_object().expect("variables") {
            command.env(name, text(value));
        }
        // Compose's own network would provide these.
        command.env("JUSTCALL_BRIDGE__KAFKA__BOOTSTRAP_SERVERS", kafka.bootstrap());
        command.env("JUSTCALL_BRIDGE__SERVER__LISTEN", format!("0.0.0.0:{ingress}"));
        command.env("JUSTCALL_BRIDGE__ADMIN__LISTEN", format!("0.0.0.0:{admin}"));
    };
    let mut serve = image.command("65532", &mounts, &["/usr/local/bin/justcall-bridge", "serve"]);
    configured(&mut serve);
    let mut process = Process::start(&mut serve);

    let check = words(&bridge["healthcheck"]["test"]);
    let check: Vec<&str> = check[1..].iter().map(String::as_str).collect();
    let is_healthy = || {
        let mut ask = image.command("65532", &mounts, &check);
        configured(&mut ask);
        ask.output().expect("it starts").status.success()
    };
    until("health", is_healthy);
    let body = br#"{"event":"call.missed","timestamp":"2026-03-12T14:32:00Z","data":{"call_id":"c1"}}"#;
    let answer = http::post(("127.0.0.1", ingress), "/webhooks/justcall", &[("connection", "close")], body);
    assert_eq!(answer.expect("an answer").json()["outcome"], "acked");
    let output = consumer_prints(&project["services"]["consumer"], kafka.bootstrap());
    assert!(output.contains("ce_type:call.missed") && output.contains(r#"{"call_id":"c1"}"#), "{output}");

    process.signal("TERM");
    until("a no once it ends", || !is_healthy());
    assert!(process.wait_exit(TIMEOUT).success());
}
