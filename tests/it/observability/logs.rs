use crate::kit::bridge::{Bridge, PATH, UNSIGNED, until};
use crate::kit::http;
use crate::kit::kafka::Kafka;
use crate::kit::process::{Process, bridge_command};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn lines(bridge: &Bridge, message: &str) -> Vec<Value> {
    let log = bridge.process.stderr().into_iter();
    let log = log.filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    log.filter(|line| line["message"].as_str().is_some_and(|it| it.starts_with(message))).collect()
}

fn call(id: &str) -> Vec<u8> {
    format!(r#"{{"event":"call.missed","timestamp":"2026-03-12T14:32:00Z","data":{{"call_id":"{id}"}}}}"#)
        .into_bytes()
}

fn unused_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port")
}

#[test]
fn stalled_reader_of_stderr_delays_no_event() {
    let bridge = Bridge::serve(Kafka::shared().bootstrap(), &["telemetry.log_filter=trace"]);
    bridge.process.stall_stderr(true);
    let dropped = || bridge.metric("log_lines_dropped_total");
    for n in 0..3000 {
        assert_eq!(bridge.post(&call(&format!("call_{n}"))).status, 200);
        if n % 100 == 0 && dropped() > 0 {
            break;
        }
    }
    assert!(dropped() > 0, "the queue and the pipe were never full");
    assert_eq!(bridge.admin("/readyz").status, 200);
    // The queue has room again, so the dropped lines are final.
    bridge.process.stall_stderr(false);
    let reported = || {
        let lines = lines(&bridge, "log lines were dropped");
        lines.iter().filter_map(|line| line["lines"].as_u64()).max().unwrap_or(0)
    };
    until("a line with the number of dropped lines", || reported() > 0 && reported() >= dropped());
    assert!(bridge.stop().success());
}

#[test]
fn each_rejected_event_is_logged_within_the_rate_limit() {
    let bridge = Bridge::serve(Kafka::shared().bootstrap(), &["dead_letter.max_spool_rate=10000"]);
    let answer =
        bridge.post(br#"{"event":"call.missed","timestamp":"2026-03-12T14:32:00Z","data":{"call_id":[]}}"#);
    until("the first line", || lines(&bridge, "event rejected").len() == 1);
    let line = &lines(&bridge, "event rejected")[0];
    let text_of = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
    assert_eq!(line["event_id"], answer.json()["event_id"], "{line}");
    assert_eq!(text_of("reason"), "contract_violation");
    assert_eq!((text_of("source"), text_of("event_type")), ("main".into(), "call.missed".into()));

    let since = Instant::now();
    for n in 0..400 {
        assert_eq!(bridge.post(format!("no JSON {n}").as_bytes()).status, 400);
    }
    let most = 100 + 10 * (since.elapsed().as_secs() as usize + 1);
    let some = lines(&bridge, "event rejected").len();
    assert!(some <= most + 1, "{some} lines, {most} at most");
    std::thread::sleep(Duration::from_secs(1));
    bridge.post(b"the last one");
    let logged_events = || {
        let lines = lines(&bridge, "event rejected");
        lines.len() as u64 + lines.iter().filter_map(|line| line["left_out"].as_u64()).sum::<u64>()
    };
    until("a line for each event, or its number", || logged_events() == 402);
    assert_eq!(bridge.metric_sum("rejected_total"), 402.0);
}

#[test]
fn each_refused_event_is_logged() {
    let bridge = Bridge::start(&unused_address().to_string(), &["kafka.ack_deadline=100ms"]);
    for n in 0..3 {
        assert_eq!(bridge.post(&call(&format!("c{n}"))).status, 503);
    }
    until("three lines", || lines(&bridge, "event refused").len() == 3);
    for line in lines(&bridge, "event refused") {
        assert_eq!(line["event_id"].as_str().map(str::len), Some(32), "{line}");
        assert_eq!((&line["source"], &line["event_type"]), (&"main".into(), &"call.missed".into()), "{line}");
        assert!(["ack_deadline", "held_up"].contains(&line["reason"].as_str().expect("a reason")), "{line}");
    }
}

#[test]
fn one_in_log_sample_successful_events_is_logged() {
    let bridge = Bridge::serve(Kafka::shared().bootstrap(), &["telemetry.log_sample=3"]);
    for n in 0..7 {
        assert_eq!(bridge.post(&call(&format!("c{n}"))).status, 200);
    }
    until("every third event's line", || lines(&bridge, "event accepted").len() == 3);
    assert_eq!(lines(&bridge, "event accepted")[0]["outcome"], "acked");

    let silent = Bridge::serve(Kafka::shared().bootstrap(), &[]);
    silent.post(&call("c"));
    silent.post(b"no JSON");
    until("a later line", || lines(&silent, "event rejected").len() == 1);
    assert_eq!(lines(&silent, "event accepted").len(), 0);
}

#[test]
fn failed_start_ends_when_stderr_is_not_read() {
    for (settings, code) in [
        (&["spool.max_bytes=nonsense"][..], 78),
        (
            &["spool.directory=/proc/no/such/place", "server.listen=127.0.0.1:0", "admin.listen=127.0.0.1:0"],
            1,
        ),
    ] {
        let (_reader, mut writer) = std::io::pipe().expect("a pipe");
        // Capacity of a pipe.
        std::io::Write::write_all(&mut writer, &[b'x'; 64 * 1024]).expect("room");
        let mut command = bridge_command();
        command.args(["serve", "--set", UNSIGNED]).args(settings.iter().flat_map(|it| ["--set", *it]));
        let mut bridge = Killed(command.stderr(writer).spawn().expect("it starts"));
        until("the end", || bridge.0.try_wait().expect("the child's state").is_some());
        assert_eq!(bridge.0.wait().expect("it has ended").code(), Some(code), "{settings:?}");
    }
}

#[test]
fn logs_at_a_terminal_are_coloured_without_no_color() {
    // The address is not one of this machine.
    let line = "\"$0\" serve --set sources.main.signature.required=false --set server.listen=192.0.2.1:1";
    let log = |no_color: &str| {
        let mut command = Command::new("script");
        let line = line.replace("$0", bridge_command().get_program().to_str().expect("a path of text"));
        command.args(["-qec", &line, "/dev/null"]).env("NO_COLOR", no_color);
        let mut process = Process::start(&mut command);
        process.wait_exit(Duration::from_secs(30));
        let log = process.stdout().join("\n");
        assert!(log.contains("spool.directory is not set"), "{log}");
        log
    };
    assert!(log("").contains('\u{1b}'));
    assert!(!log("1").contains('\u{1b}'));
}

#[test]
fn every_warning_of_check_is_logged_at_the_start() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "telemetry: { otlp_headers: { authorization: hush } }").expect("settings");
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(file.path(), readable).expect("a mode");
    let file = file.path().to_str().expect("a path of text");
    let settings = [
        UNSIGNED,
        "server.listen=0.0.0.0:0",
        "admin.listen=0.0.0.0:0",
        "telemetry.otlp_endpoint=http://collector.example:4318",
        "kafka.properties.security.protocol=SASL_SSL",
        "kafka.properties.sasl.mechanism=PLAIN",
        "kafka.properties.sasl.username=me",
        "kafka.properties.sasl.password=hush",
        "kafka.properties.enable.ssl.certificate.verification=f",
        "kafka.properties.ssl.endpoint.identification.algorithm=none",
        "kafka.bootstrap_servers=127.0.0.1:1",
        "routes=[{match: \"call.*\", when: {/data/direction: inbound}, topics: calls}]",
    ];
    let arguments = |command: &[&'static str]| -> Vec<String> {
        let settings = settings.iter().flat_map(|setting| ["--set", setting]);
        let all = command.iter().copied().chain(["--config", file]).chain(settings);
        all.map(str::to_owned).collect()
    };
    let run = |command: &[&'static str]| {
        let arguments = arguments(command);
        Process::bridge(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), &[])
    };
    let mut check = run(&["check", "--offline", "--json"]);
    check.wait_exit(Duration::from_secs(30));
    let report: Value = serde_json::from_str(&check.stdout().concat()).expect("a report");
    let findings = report["findings"].as_array().expect("findings");
    let warnings = findings.iter().filter(|finding| finding["level"] == "warning");
    let expected: BTreeSet<_> = warnings.map(|finding| finding["key"].to_string()).collect();
    assert_eq!(expected.len(), 8, "{expected:?}");
    let serve = run(&["serve"]);
    serve.wait_for_line("\"serving\"", Duration::from_secs(30));
    let logged = serve.stderr().into_iter().filter_map(|line| {
        let line: Value = serde_json::from_str(&line).ok()?;
        (line["level"] == "WARN").then(|| line["setting"].as_str().map(|key| format!("\"{key}\"")))?
    });
    assert_eq!(logged.collect::<BTreeSet<_>>(), expected);
}

#[test]
fn unauthenticated_requests_are_logged_once_in_ten_seconds() {
    let secret = "sources.main.signature.secrets=[\"0123456789abcdef\"]";
    let settings = [secret, "sources.main.signature.required=true"];
    let bridge = Bridge::serve(Kafka::shared().bootstrap(), &settings);
    let since = Instant::now();
    for n in 0..30 {
        assert_eq!(bridge.post(&call(&format!("c{n}"))).status, 401);
    }
    let periods = since.elapsed().as_secs() as usize / 10 + 1;
    until("a line", || !lines(&bridge, "unauthenticated events were not kept").is_empty());
    assert!(lines(&bridge, "unauthenticated events were not kept").len() <= periods);
    assert_eq!(lines(&bridge, "unauthenticated events were not kept")[0]["source"], "main");
    assert_eq!(lines(&bridge, "event refused").len(), 0);
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn closed_log_reader_costs_only_log_lines() {
    let kafka = format!("kafka.bootstrap_servers={}", unused_address());
    let own =
        [&kafka, "server.listen=127.0.0.1:0", "admin.listen=127.0.0.1:0", "shutdown.delay=0s", UNSIGNED];
    let mut command = bridge_command();
    command.arg("serve").args(own.iter().chain(&["kafka.ack_deadline=100ms"]).flat_map(|it| ["--set", *it]));
    let mut bridge = Killed(command.stderr(Stdio::piped()).spawn().expect("it starts"));
    let log = BufReader::new(bridge.0.stderr.take().expect("piped above"));
    let serving = log.lines().map_while(Result::ok).find(|line| line.contains("\"serving\""));
    let serving: Value = serde_json::from_str(&serving.expect("a line")).expect("JSON");
    let ingress: SocketAddr = serving["ingress"].as_str().and_then(|it| it.parse().ok()).expect("an address");
    for n in 0..5 {
        let answer = http::post(ingress, PATH, &[("connection", "close")], &call(&format!("c{n}")));
        assert_eq!(answer.expect("an answer").status, 503);
    }
    let pid = bridge.0.id().to_string();
    assert!(Command::new("sh").args(["-c", &format!("kill -TERM {pid}")]).status().expect("sh").success());
    until("the end", || bridge.0.try_wait().expect("the child's state").is_some());
    assert_eq!(bridge.0.wait().expect("it has ended").code(), Some(0));
}
