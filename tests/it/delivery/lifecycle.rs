use crate::delivery::records::assert_every_type_is_unchanged;
use crate::kit::bridge::{Bridge, PATH, UNSIGNED, until};
use crate::kit::consume;
use crate::kit::http;
use crate::kit::kafka::Kafka;
use crate::kit::process::Process;
use crate::kit::shim;
use justcall_events::{Dialect, samples};
use rdkafka::mocking::MockCluster;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(60);

fn call(id: &str) -> Vec<u8> {
    format!(r#"{{"event":"call.missed","timestamp":"2026-03-12T14:32:00Z","data":{{"call_id":"{id}"}}}}"#)
        .into_bytes()
}

#[test]
fn stop_under_load_keeps_every_answered_event_and_exits_with_zero() {
    let kafka = Kafka::shared().bootstrap();
    let bridge = Bridge::serve(kafka, &["shutdown.delay=300ms"]);
    let topic = bridge.topic("call.missed");
    let (ingress, stopping) = (bridge.ingress, AtomicBool::new(false));
    let answered: usize = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..4)
            .map(|sender| {
                let stopping = &stopping;
                scope.spawn(move || {
                    let mut answered = 0;
                    for n in 0..100_000 {
                        match http::post(
                            ingress,
                            PATH,
                            &[("connection", "close")],
                            &call(&format!("s{sender}n{n}")),
                        ) {
                            Ok(response) if response.status == 200 => answered += 1,
                            Ok(response) => assert_eq!(response.status, 503, "{}", response.text()),
                            Err(_) if stopping.load(Ordering::Acquire) => return answered,
                            Err(error) => panic!("before the stop: {error}"),
                        }
                    }
                    answered
                })
            })
            .collect();
        until("some events", || bridge.metric(r#"events_total{type="call.missed",outcome="acked"}"#) > 50);
        stopping.store(true, Ordering::Release);
        assert!(bridge.stop().success());
        senders.into_iter().map(|sender| sender.join().expect("a sender")).sum()
    });
    let written = consume::read_topic(kafka, &topic, answered, TIMEOUT).len();
    assert!(written >= answered, "{answered} were answered 200, {written} are in the topic");
}

#[test]
fn bridge_serves_but_is_not_ready_during_the_shutdown_delay() {
    let mut bridge = Bridge::serve(Kafka::shared().bootstrap(), &["shutdown.delay=3s"]);
    bridge.process.signal("TERM");
    bridge.wait_ready(false);
    assert_eq!(bridge.admin("/readyz").json()["parts"]["state"], "draining");
    assert_eq!(bridge.post(&call("late")).status, 200, "the Service may still send here");
    assert!(bridge.process.wait_exit(TIMEOUT).success());
}

#[test]
fn second_signal_ends_at_once() {
    let mut bridge = Bridge::serve(Kafka::shared().bootstrap(), &["shutdown.delay=50s"]);
    bridge.process.signal("INT");
    bridge.wait_ready(false);
    let started = Instant::now();
    bridge.process.signal("INT");
    let status = bridge.process.wait_exit(TIMEOUT);
    assert!(started.elapsed() < Duration::from_secs(30), "the second signal did not end the delay");
    assert_eq!(status.code(), Some(1));
}

#[test]
fn records_that_kafka_never_acknowledged_are_reported_and_the_exit_is_not_zero() {
    let mock = MockCluster::new(1).expect("a mock cluster");
    let prefix = format!("{}.", crate::kit::topic_name("left"));
    mock.create_topic(&format!("{prefix}call.missed"), 1, 1).expect("a topic");
    let prefix = format!("topics.prefix={prefix}");
    let settings = [prefix.as_str(), "kafka.ack_deadline=200ms", "shutdown.timeout=1s"];
    let mut bridge = Bridge::serve(&mock.bootstrap_servers(), &settings);
    assert_eq!(bridge.post(&call("first")).status, 200);
    mock.broker_down(1).expect("a dead broker");
    assert_eq!(bridge.post(&call("left")).status, 503);
    bridge.process.signal("TERM");
    let status = bridge.process.wait_exit(TIMEOUT);
    assert_eq!(status.code(), Some(1));
    let log = bridge.process.stderr();
    assert!(log.iter().any(|line| line.contains("\"left\":1")), "{log:#?}");
}

#[test]
fn admin_listener_answers_probes_and_nothing_else() {
    let bridge = Bridge::serve(Kafka::shared().bootstrap(), &[]);
    assert_eq!((bridge.admin("/livez").status, bridge.admin("/livez").text().trim()), (200, "ok"));
    let ready = bridge.admin("/readyz").json();
    assert!(ready["parts"]["kafka"].as_str().is_some_and(|line| line.starts_with("up since ")), "{ready}");
    let metrics = bridge.admin("/metrics");
    assert_eq!(
        metrics.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    assert!(metrics.text().ends_with("# EOF\n"));
    assert_eq!(bridge.admin("/").status, 404);
    assert_eq!(bridge.admin(PATH).status, 404, "the admin listener accepts webhooks");
    assert_eq!(
        http::get(bridge.ingress, "/metrics").expect("an answer").status,
        404,
        "the ingress serves metrics"
    );
}

#[test]
fn invalid_settings_are_all_reported_at_the_start() {
    let args = [
        "serve",
        "--set",
        "kafka.ack_deadline=soon",
        "--set",
        "servr.listen=x",
        "--set",
        "kafka.properties.acks=1",
    ];
    let undecided = "sources.main.signature.required";
    let mut process = Process::bridge(&args, &[("JUSTCALL_BRIDGE__TOPICS__PARTITIONS", "0")]);
    assert_eq!(process.wait_exit(TIMEOUT).code(), Some(78));
    let stderr = process.stderr().join("\n");
    for key in ["kafka.ack_deadline", "servr", "kafka.properties.acks", "topics.partitions", undecided] {
        assert!(stderr.contains(key), "{key} is not named in:\n{stderr}");
    }
}

#[test]
fn port_in_use_is_reported_with_its_setting() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let mut process =
        Process::bridge(&["serve", "--set", &format!("server.listen={address}"), "--set", UNSIGNED], &[]);
    assert_eq!(process.wait_exit(TIMEOUT).code(), Some(1));
    let stderr = process.stderr().join("\n");
    assert!(stderr.contains("server.listen") && stderr.contains(&address), "{stderr}");
}

#[test]
fn effective_settings_are_printed_without_secrets_and_can_be_read_again() {
    let args = [
        "serve",
        "--print-config",
        "--set",
        "kafka.properties.sasl.password=hush-hush",
        "--set",
        "kafka.ack_deadline=3s",
    ];
    let mut process =
        Process::bridge(&args, &[("JUSTCALL_BRIDGE__KAFKA__BOOTSTRAP_SERVERS", "k1:9092,k2:9092")]);
    assert!(process.wait_exit(TIMEOUT).success());
    let printed = process.stdout().join("\n");
    assert!(printed.contains("k1:9092,k2:9092") && printed.contains("ack_deadline: 3s"), "{printed}");
    assert!(printed.contains("sasl.password") && !printed.contains("hush-hush"), "{printed}");
}

fn last_word(line: &str) -> String {
    line.split_whitespace().last().expect("a word").to_owned()
}

#[test]
fn dev_needs_no_other_service_and_shows_every_record_of_send() {
    let mut dev = Process::bridge(&["dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"], &[]);
    let webhook = dev.wait_for_line("webhook", TIMEOUT);
    let url = webhook.split_whitespace().last().expect("a URL").to_owned();
    dev.wait_for_line("Records appear", TIMEOUT);
    for dialect in ["documented", "live"] {
        let mut send = Process::bridge(&["send", "--all", "--dialect", dialect, "--to", &url, "--json"], &[]);
        assert!(send.wait_exit(TIMEOUT).success(), "{:?} {:?}", send.stdout(), send.stderr());
    }
    let expected = Dialect::ALL.into_iter().flat_map(samples).count();
    until("a line for each record", || {
        dev.stdout().iter().filter(|line| line.contains("  key ")).count() == expected
    });
    dev.signal("INT");
    assert!(dev.wait_exit(TIMEOUT).success());
}

/// librdkafka resolves names on threads that a stop cannot interrupt.
#[test]
fn stop_does_not_wait_for_a_name_look_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let library = folder.path().join("dns.so");
    shim::build(include_str!("../kit/dns.c"), &library).expect("a library");
    let preload = library.to_str().expect("a path of text");
    let env = [("LD_PRELOAD", preload)];
    let mut tail = Process::bridge(&["tail", "--set", "kafka.bootstrap_servers=stuck.example:9092"], &env);
    let settings = ["kafka.ack_deadline=300ms", "shutdown.timeout=1s"];
    let mut bridge = Bridge::start_with("stuck.example:9092", &settings, &env);
    let body = br#"{"event":"call.missed","timestamp":"2026-03-12T14:32:00Z","data":{"call_id":"c"}}"#;
    assert_eq!(bridge.post(body).status, 503);
    bridge.process.signal("TERM");
    // A quarter of the time of the look-up.
    let status = bridge.process.wait_exit(Duration::from_secs(75));
    assert!(status.code().is_some(), "{status}");
    tail.signal("TERM");
    assert_eq!(tail.wait_exit(Duration::from_secs(75)).code(), Some(0), "{:?}", tail.stderr());
}

#[test]
fn dev_uses_the_environment_except_for_kafka_and_the_spool() {
    let spool = tempfile::tempdir().expect("a folder");
    let directory = spool.path().join("spool");
    let env = [
        ("JUSTCALL_BRIDGE__TOPICS__PREFIX", "laptop."),
        ("JUSTCALL_BRIDGE__KAFKA__PROPERTIES__SECURITY_PROTOCOL", "ssl"),
        ("JUSTCALL_BRIDGE__SPOOL__DIRECTORY", directory.to_str().expect("a path of text")),
    ];
    let args = ["dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    let dev = Process::bridge(&args, &env);
    let url = last_word(&dev.wait_for_line("webhook", TIMEOUT));
    let bootstrap = format!("kafka.bootstrap_servers={}", last_word(&dev.wait_for_line("kafka  ", TIMEOUT)));
    let mut send = Process::bridge(&["send", "--to", &url], &[]);
    assert!(send.wait_exit(TIMEOUT).success(), "{:?}", send.stderr());
    dev.wait_for_line("laptop.call.completed [", TIMEOUT);
    assert!(!directory.exists());
    // The embedded broker does not look up offsets by time.
    let since =
        ["tail", "--set", &bootstrap, "--set", "topics.prefix=laptop.", "--from", "15m", "--until-end"];
    let mut tail = Process::bridge(&since, &[]);
    assert!(tail.wait_exit(TIMEOUT).success());
    assert!(tail.stdout().iter().any(|line| line.contains("laptop.call.completed")), "{:?}", tail.stdout());
}

#[test]
fn dev_opens_no_spool_however_it_is_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = folder.path().join("spool");
    let spool = serde_json::json!({ "directory": directory }).to_string();
    let args = ["dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    let cluster = r#"{"bootstrap_servers":"127.0.0.1:1","properties":{"security.protocol":"ssl"}}"#;
    let env = [("JUSTCALL_BRIDGE__SPOOL", spool.as_str()), ("JUSTCALL_BRIDGE__KAFKA", cluster)];
    let dev = Process::bridge(&args, &env);
    let url = last_word(&dev.wait_for_line("webhook", TIMEOUT));
    let mut send = Process::bridge(&["send", "--to", &url], &[]);
    assert!(send.wait_exit(TIMEOUT).success(), "{:?}", send.stderr());
    for setting in [
        format!("spool={spool}"),
        format!(" spool.directory={}", directory.display()),
        format!("kafka={cluster}"),
        "kafka.properties.security.protocol=ssl".to_owned(),
    ] {
        let mut dev = Process::bridge(&[&args[..], &["--set", &setting]].concat(), &[]);
        assert_eq!(dev.wait_exit(TIMEOUT).code(), Some(78), "{setting}");
        assert!(dev.stderr().join("\n").contains("cannot be set for `dev`"), "{setting} {:?}", dev.stderr());
    }
    assert!(!directory.exists());
}

#[test]
fn embedded_broker_has_the_same_records_as_kafka() {
    let args = ["dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--partitions", "5"];
    let dev = Process::bridge(&args, &[]);
    let url = last_word(&dev.wait_for_line("webhook", TIMEOUT));
    let bootstrap = last_word(&dev.wait_for_line("kafka  ", TIMEOUT));
    let ingress = url.strip_prefix("http://").and_then(|url| url.split('/').next()).expect("an address");
    assert_every_type_is_unchanged(ingress.parse().expect("an address"), &bootstrap, "justcall.", 5);
}

fn check(flags: &[&str], settings: &[&str]) -> (Option<i32>, serde_json::Value) {
    let args = settings.iter().flat_map(|setting| ["--set", setting]);
    let args: Vec<_> = ["check", "--json"].iter().chain(flags).copied().chain(args).collect();
    let mut process = Process::bridge(&args, &[]);
    let code = process.wait_exit(TIMEOUT).code();
    (code, serde_json::from_str(&process.stdout().join("\n")).expect("a report in JSON"))
}

#[test]
fn check_reports_unauthenticated_sources_and_whether_serve_would_start() {
    let keys = |report: &serde_json::Value, level: &str| -> Vec<String> {
        let findings = report["findings"].as_array().expect("findings").iter();
        findings
            .filter(|finding| finding["level"] == level)
            .map(|finding| finding["key"].as_str().expect("a key").to_owned())
            .collect()
    };
    let (code, report) = check(&["--offline"], &[UNSIGNED, "admin.listen=0.0.0.0:8081"]);
    assert_eq!((code, &report["ok"]), (Some(0), &true.into()));
    assert_eq!(keys(&report, "failure"), [""; 0]);
    for setting in ["sources.main.signature.required", "server.tls", "admin.listen"] {
        assert!(keys(&report, "warning").contains(&setting.to_owned()), "{setting} in {report:#}");
    }
    let bad = ["sources.main.signature.secrets_file=/no/such/file", "spool.directry=/x"];
    let (code, report) = check(&[], &bad);
    assert_eq!((code, &report["ok"]), (Some(78), &false.into()));
    assert_eq!(keys(&report, "failure"), ["spool.directry", "sources.main.signature.secrets_file"]);
    // As in CI, the file with the secret is elsewhere.
    let (code, report) = check(&["--offline"], &bad);
    assert_eq!((code, keys(&report, "failure")), (Some(78), vec!["spool.directry".to_owned()]));
    assert_eq!(check(&["--offline"], &bad[..1]).0, Some(0));
}

#[test]
fn serve_warns_of_each_unauthenticated_source() {
    let bridge = Bridge::start("127.0.0.1:1", &[UNSIGNED, "sources.main.token=0123456789abcdef"]);
    let line = bridge.process.wait_for_line("any client that sees one request can send events", TIMEOUT);
    assert!(line.contains("WARN") && line.contains("sources.main.signature.required"), "{line}");
}
