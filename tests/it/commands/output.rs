use crate::kit::bridge::Bridge;
use crate::kit::consume::{create_topic, read_committed};
use crate::kit::kafka::Kafka;
use crate::kit::process::bridge_command;
use crate::kit::topic_name;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::path::Path;
use std::process::{ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(120);

/// C0, DEL, C1, bidirectional controls and separators, in JSON escapes.
const HOSTILE: &str =
    r"a\u001b[2J\r\n\u0007\u007f\u009b31m\u0085\u200e\u200f\u061c\u202e\u2066\u2069\u2028\u2029z";

/// The same unescaped, as far as JSON allows.
const RAW: &str = "b\u{7f}\u{9b}31m\u{85}\u{200e}\u{61c}\u{202e}\u{2066}\u{2028}\u{2029}z";

/// Becomes a key, although terminals interpret its characters.
const ACCEPTED_ID: &str = "a\u{200e}\u{61c}\u{202e}\u{2066}\u{2028}\u{2029}z";

fn command(args: &[&str]) -> Command {
    let mut command = bridge_command();
    command.args(args).stdin(Stdio::null()).current_dir("/");
    command
}

fn assert_harmless(what: &str, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
    let is_obeyed = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if let Some(found) = text.chars().find(|c| is_obeyed(*c)) {
        panic!("{what} wrote {found:?}: {text:?}");
    }
}

fn harmless(args: &[&str]) -> Output {
    let output = command(args).stdin(Stdio::null()).output().expect("it starts");
    assert_harmless(&format!("{args:?}: stdout"), &output.stdout);
    assert_harmless(&format!("{args:?}: stderr"), &output.stderr);
    output
}

fn event(id: &str) -> String {
    format!(
        r#"{{"event":"call.completed","{RAW}":1,"timestamp":"2026-03-12T14:30:00Z","data":{{"call_id":"{id}","name":"{RAW}{HOSTILE}","{RAW}":"{HOSTILE}"}}}}"#
    )
}

#[test]
fn hostile_event_shows_no_raw_control_character_in_any_command() {
    let kafka = Kafka::shared().bootstrap();
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let prefix = format!("{}.", topic_name("hostile"));
    let set = [
        format!("topics.prefix={prefix}"),
        "topics.partitions=1".into(),
        "topics.replication_factor=1".into(),
        "sources.main.signature.required=false".into(),
    ];
    let bodies = [event("plain"), event(HOSTILE), event(RAW), format!("no JSON {RAW}"), event(ACCEPTED_ID)];
    let file = path("event.json");
    fs::write(&file, &bodies[2]).expect("a file");
    let lines = path("events.ndjson");
    fs::write(&lines, bodies.join("\n")).expect("a file");
    let record = path("records.ndjson");
    let exported = format!(
        r#"{{"headers":{{"ce_type":"{RAW}","h{RAW}":"{HOSTILE}"}},"key":"{RAW}{HOSTILE}","timestamp":5,"topic":"{prefix}unknown","value":"{RAW}{HOSTILE}"}}"#
    );
    fs::write(&record, exported + "\n").expect("a file");
    let case = path("cases.ndjson");
    fs::write(&case, format!("{{\"name\":\"{RAW}\",\"event\":{},\"key\":\"{RAW}\"}}\n", bodies[2]))
        .expect("a file");

    let spool = path("spool");
    let settings: Vec<&str> = set.iter().map(String::as_str).collect();
    let bridge = Bridge::serve(kafka, &settings);
    let statuses: Vec<_> = bodies.iter().map(|body| bridge.post(body.as_bytes()).status).collect();
    assert_eq!(statuses, [200, 422, 422, 400, 200]);
    assert!(bridge.stop().success());
    let spooling = format!("spool.directory={spool}");
    let bridge =
        Bridge::serve("127.0.0.1:1", &[&settings[..], &[&spooling, "kafka.ack_deadline=200ms"]].concat());
    for body in &bodies {
        bridge.post(body.as_bytes());
    }
    assert!(bridge.stop().success());

    let servers = format!("kafka.bootstrap_servers={kafka}");
    let with = |args: &[&str]| {
        let mut args = args.to_vec();
        for setting in set.iter().chain([&servers]) {
            args.extend(["--set", setting]);
        }
        harmless(&args)
    };
    with(&["replay", &record, "--records"]);
    with(&["replay", &lines, "--rejects", &path("rejects")]);
    for more in [&[][..], &["--json"], &["--show-personal-data"], &["--json", "--show-personal-data"]] {
        let tail = ["tail", "--from", "beginning", "--until-end"];
        assert!(!with(&[&tail[..], more].concat()).stdout.is_empty());
        let list = with(&["dead-letters", "list", "--each"]);
        assert!(list.status.success(), "{list:?}");
        let stderr = String::from_utf8_lossy(&list.stderr).into_owned();
        let list = String::from_utf8(list.stdout).expect("text");
        let id = list
            .split_whitespace()
            .find(|word| word.starts_with("0-"))
            .unwrap_or_else(|| panic!("a letter: {list} {}", stderr));
        assert!(!with(&[&["dead-letters", "show", id][..], more].concat()).stdout.is_empty());
    }
    with(&["dead-letters", "list"]);
    with(&["dead-letters", "list", "--json"]);
    with(&["dead-letters", "replay", "--all", "--dry-run"]);
    for more in [&[][..], &["--json"]] {
        assert!(!with(&[&["route", &file][..], more].concat()).stdout.is_empty());
        assert!(!with(&[&["route", &lines][..], more].concat()).stdout.is_empty());
        assert!(!with(&[&["route", "--expect", &case][..], more].concat()).stdout.is_empty());
        harmless(&[&["spool", "status", "--directory", &spool][..], more].concat());
    }
    let export = harmless(&["spool", "export", "--directory", &spool]).stdout;
    assert_eq!(String::from_utf8(export).expect("text").lines().count(), bodies.len());

    // The escapes are JSON's own: the exported values are the bodies.
    let export = command(&["spool", "export", "--directory", &spool]).output().expect("it starts").stdout;
    let values: Vec<String> = String::from_utf8(export)
        .expect("text")
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON")["value"]
                .as_str()
                .expect("text")
                .into()
        })
        .collect();
    assert!(bodies.iter().all(|body| values.contains(body)), "{values:?}");
}

#[test]
fn hostile_event_shows_no_raw_control_character_in_dev() {
    let mut dev = command(&["dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut out = dev.stdout.take().expect("a pipe");
    let mut seen = Vec::new();
    let read_until = |out: &mut ChildStdout, part: &str, seen: &mut Vec<u8>| {
        let mut bytes = [0; 4096];
        while !String::from_utf8_lossy(seen).contains(part) {
            let read = out.read(&mut bytes).expect("output");
            assert!(read > 0, "the output ended before {part}");
            seen.extend_from_slice(&bytes[..read]);
        }
    };
    read_until(&mut out, "Records appear here", &mut seen);
    let text = String::from_utf8_lossy(&seen).into_owned();
    let url = text.split_whitespace().find(|word| word.starts_with("http://")).expect("an address");
    let address = url.trim_start_matches("http://").split('/').next().expect("an address");
    for body in [event("plain"), event(HOSTILE), event(RAW), format!("no JSON {RAW}")] {
        let mut stream = std::net::TcpStream::connect(address).expect("a connection");
        let head = format!(
            "POST /webhooks/justcall HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        std::io::Write::write_all(&mut stream, &[head.as_bytes(), body.as_bytes()].concat()).expect("sent");
        stream.read_to_end(&mut Vec::new()).expect("an answer");
    }
    read_until(&mut out, "not_json", &mut seen);
    let sent = Command::new("kill").args(["-INT", &dev.id().to_string()]).status().expect("it starts");
    assert!(sent.success());
    out.read_to_end(&mut seen).expect("output");
    let ended = dev.wait_with_output().expect("ended");
    let logged = String::from_utf8_lossy(&ended.stderr);
    assert!(!logged.contains("Kafka is down"), "the broker ended before the bridge: {logged}");
    assert_harmless("dev", &seen);
}

/// Returns every command that writes to stdout without a cluster.
fn commands(folder: &Path) -> Vec<Vec<String>> {
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let event = file(
        "event.json",
        r#"{"event":"call.completed","timestamp":"2026-03-12T14:30:00Z","data":{"call_id":"c"}}"#,
    );
    let cases = file("cases.ndjson", "{\"sample\":\"call.completed\",\"outcome\":\"routed\"}\n");
    let spool = folder.join("spool").display().to_string();
    let open = ["--set", "sources.main.signature.required=false"];
    let list: Vec<Vec<&str>> = vec![
        vec!["--help"],
        vec!["--version"],
        vec!["serve", "--help"],
        [&["serve", "--print-config"][..], &open].concat(),
        [&["check", "--offline"][..], &open].concat(),
        [&["check", "--offline", "--json"][..], &open].concat(),
        vec!["route", &event],
        vec!["route", &event, "--json"],
        vec!["route", "--expect", &cases],
        vec!["route", "--expect", &cases, "--json"],
        vec!["topics", "export", "--format", "strimzi", "--cluster", "c"],
        vec!["topics", "export", "--format", "kafka-topics"],
        vec!["replay", &event, "--dry-run"],
        vec!["replay", &event, "--dry-run", "--json"],
        vec!["spool", "status", "--directory", &spool],
        vec!["spool", "status", "--directory", &spool, "--json"],
        vec!["spool", "export", "--directory", &spool],
        vec!["schema", "events"],
        vec!["schema", "events", "--yaml"],
        vec!["schema", "asyncapi"],
        vec!["schema", "openapi"],
        vec!["completions", "bash"],
        vec!["completions", "zsh"],
        vec!["dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"],
    ];
    list.into_iter().map(|args| args.into_iter().map(str::to_owned).collect()).collect()
}

fn fill_spool(folder: &Path) {
    let spool = format!("spool.directory={}", folder.join("spool").display());
    let bridge = Bridge::serve(
        "127.0.0.1:1",
        &[&spool, "kafka.ack_deadline=200ms", "sources.main.signature.required=false"],
    );
    for number in 0..20 {
        let answer = bridge.post(event(&format!("id{number}")).as_bytes());
        assert_eq!(answer.status, 200);
    }
    assert!(bridge.stop().success());
}

fn ended(args: &[String], stdout: Stdio) -> (Option<i32>, String) {
    let mut child = command(&[]).args(args).stdout(stdout).stderr(Stdio::piped()).spawn().expect("it starts");
    let deadline = Instant::now() + TIMEOUT;
    while child.try_wait().expect("a state").is_none() {
        if Instant::now() > deadline {
            child.kill().expect("killed");
            panic!("{args:?} runs on");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().expect("ended");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").expect("a full device").into()
}

fn read_only() -> Stdio {
    File::open("/dev/null").expect("null").into()
}

fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

#[test]
fn every_command_fails_on_a_full_disk_and_ends_quietly_on_a_closed_pipe() {
    let folder = tempfile::tempdir().expect("a folder");
    fill_spool(folder.path());
    for args in commands(folder.path()) {
        let null = File::create("/dev/null").expect("null");
        if args[0] != "dev" {
            let (code, stderr) = ended(&args, null.into());
            assert_eq!(code, Some(0), "{args:?}: {stderr}");
        }
        for (code, stderr) in [ended(&args, full()), ended(&args, read_only())] {
            assert_eq!(code, Some(1), "{args:?}: {stderr}");
            assert!(stderr.contains("cannot write the output"), "{args:?}: {stderr}");
        }
        let (code, stderr) = ended(&args, closed_pipe());
        assert_eq!(code, Some(0), "{args:?}: {stderr}");
        assert!(!stderr.contains("panicked") && !stderr.contains("error:"), "{args:?}: {stderr}");
    }
}

#[test]
fn command_that_prints_nothing_needs_no_stdout() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("schemas").display().to_string();
    let args: Vec<String> = ["schema", "events", "--out", &out].into_iter().map(str::to_owned).collect();
    let (code, stderr) = ended(&args, read_only());
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn invalid_command_line_is_quoted_without_control_characters() {
    let hostile = format!("x{RAW}\u{1b}[2J\nerror: FAKE");
    let option = format!("--{hostile}");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("events").display().to_string();
    fs::write(&file, "{}").expect("a file");
    for args in [
        &[hostile.as_str()][..],
        &["check", &option],
        &["check", &hostile],
        &["tail", "--format", &hostile],
        &["send", "--count", &hostile],
        &["replay", &file, "--dry-run", "--source", &hostile],
    ] {
        let output = harmless(args);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(
            stderr.contains("FAKE") && !stderr.lines().any(|line| line.starts_with("error: FAKE")),
            "{stderr}"
        );
    }
}

#[test]
fn line_feed_in_a_name_begins_no_line_of_a_report_or_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = "x\nFAKE y";
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (there, missing) = (path(name), path("no\nFAKE y"));
    fs::write(&there, "{\"sample\":\"call.missed\",\"outcome\":\"dropped\"}\n").expect("a file");
    let yaml = path("key.yaml");
    fs::write(&yaml, "\"a\\nFAKE y\": 1\nkafka: { \"b\\nFAKE y\": 1 }\n").expect("a file");
    let settings = path("settings\nFAKE y");
    fs::write(&settings, "nonsense: 1\n").expect("a file");
    let open = ["--set", "sources.main.signature.required=false"];
    let spool = format!("spool.directory={missing}");
    let servers = format!("kafka.bootstrap_servers={name}:1");
    let key = format!("{name}=1");
    let token = format!("sources.main.token_file={missing}");
    let own = "kafka.bootstrap_servers=127.0.0.1:1";
    for args in [
        [&["check", "--set", &spool, "--set", own][..], &open].concat(),
        [&["check", "--set", &servers][..], &open].concat(),
        [&["check", "--offline", "--set", &key][..], &open].concat(),
        [&["check", "--set", &token][..], &open].concat(),
        vec!["check", "--offline", "--config", &yaml],
        vec!["check", "--offline", "--config", &settings],
        vec!["check", "--offline", "--config", &missing],
        vec!["serve", "--config", &yaml],
        vec!["serve", "--config", &settings],
        vec!["serve", "--set", &token],
        vec!["tail", "--set", &servers, "--set", &key],
        vec!["topics", "plan", "--config", &missing],
        vec!["replay", &missing, "--dry-run"],
        [&["replay", &yaml, "--dry-run", "--resume-file", &there][..], &open].concat(),
        vec!["route", &missing],
        vec!["route", &there],
        vec!["route", "--expect", &missing],
        vec!["route", "--expect", &there],
        vec!["route", "--expect", &there, "--update"],
        vec!["spool", "status", "--directory", &there],
        vec!["spool", "export", "--directory", &there],
        vec!["send", "--file", &missing],
        vec!["send", "--ca-file", &there],
        vec!["schema", "events", "--out", &there],
    ] {
        assert_begins_no_line(&args, &command(&args).output().expect("it starts"));
    }
    let mut environment = command(&["check", "--offline"]);
    environment.env("JUSTCALL_BRIDGE__X\nFAKE y", "1");
    assert_begins_no_line(&["environment"], &environment.output().expect("it starts"));
}

#[test]
fn advice_has_a_line_of_its_own() {
    let output = harmless(&["send", "--to", "http://127.0.0.1:1/webhooks/justcall"]);
    let stderr = String::from_utf8(output.stderr).expect("text");
    let lines: Vec<_> = stderr.lines().collect();
    let [error, advice] = lines[..] else { panic!("two lines: {stderr}") };
    assert!(
        error.starts_with("error: cannot reach") && advice.starts_with("Is a bridge running"),
        "{stderr}"
    );
}

fn assert_begins_no_line(args: &[&str], output: &Output) {
    let text = [&output.stdout[..], &output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(text.to_ascii_uppercase().contains("FAKE"), "{args:?}: the name is not printed: {text}");
    let is_forged = |line: &str| line.to_ascii_uppercase().starts_with("FAKE");
    assert!(!text.lines().any(is_forged), "{args:?}: {text}");
}

#[test]
fn commands_about_a_cluster_fail_on_a_full_disk_and_end_quietly_on_a_closed_pipe() {
    let kafka = Kafka::shared().bootstrap();
    let prefix = format!("{}.", topic_name("full"));
    let bridge = Bridge::serve(kafka, &[&format!("topics.prefix={prefix}")]);
    bridge.post(b"no JSON");
    let url = format!("http://{}/webhooks/justcall", bridge.ingress);
    create_topic(kafka, &format!("{prefix}other"), 1);
    assert_eq!(read_committed(kafka, &format!("{prefix}dead-letter")).len(), 1);
    let list = command(&[
        "dead-letters",
        "list",
        "--each",
        "--set",
        &format!("kafka.bootstrap_servers={kafka}"),
        "--set",
        &format!("topics.prefix={prefix}"),
    ])
    .output()
    .expect("it starts");
    assert!(list.status.success(), "{list:?}");
    let stderr = String::from_utf8_lossy(&list.stderr).into_owned();
    let list = String::from_utf8(list.stdout).expect("text");
    let is_id = |word: &&str| {
        word.split_once('-').is_some_and(|(a, b)| a.parse::<u32>().is_ok() && b.parse::<u32>().is_ok())
    };
    let id = list
        .split_whitespace()
        .find(is_id)
        .unwrap_or_else(|| panic!("a letter: {list} {}", stderr))
        .to_owned();
    for args in [
        &["tail", "--from", "beginning", "--until-end"][..],
        &["tail", "--from", "beginning", "--until-end", "--json"],
        &["dead-letters", "list"],
        &["dead-letters", "list", "--json"],
        &["dead-letters", "list", "--each"],
        &["dead-letters", "show", &id],
        &["dead-letters", "show", &id, "--json"],
        &["dead-letters", "show", &id, "--raw"],
        &["dead-letters", "replay", "--all", "--dry-run"],
        &["dead-letters", "replay", "--all", "--dry-run", "--json"],
        &["topics", "plan"],
        &["topics", "plan", "--json"],
        &["topics", "apply", "--yes"],
        &["send", "--to", &url],
        &["send", "--to", &url, "--json"],
    ] {
        let mut args: Vec<String> = args.iter().map(ToString::to_string).collect();
        if args[0] != "send" {
            args.extend(["--set".into(), format!("kafka.bootstrap_servers={kafka}")]);
            args.extend(["--set".into(), format!("topics.prefix={prefix}")]);
            args.extend(["--set".into(), "topics.replication_factor=1".into()]);
        }
        let (code, stderr) = ended(&args, full());
        assert_eq!(code, Some(1), "{args:?}: {stderr}");
        assert!(stderr.contains("cannot write the output"), "{args:?}: {stderr}");
        let (code, stderr) = ended(&args, closed_pipe());
        let replay = args.contains(&"replay".to_owned());
        assert_eq!(code, Some(i32::from(replay)), "{args:?}: {stderr}");
        assert!(!stderr.contains("panicked") && !stderr.contains("error:"), "{args:?}: {stderr}");
    }
    assert!(bridge.stop().success());
}

fn stalled_pipe() -> (std::io::PipeReader, Stdio) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    std::io::Write::write_all(&mut writer, &[b'x'; 64 * 1024]).expect("room for it");
    (reader, writer.into())
}

#[test]
fn every_command_ends_with_its_exit_code_when_stderr_is_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let rejected = folder.path().join("rejected.ndjson").display().to_string();
    fs::write(&rejected, "no JSON\n".repeat(40)).expect("a file");
    let open = ["--set", "sources.main.signature.required=false"];
    for (args, code) in [
        (vec![], 2),
        (vec!["brew"], 2),
        (vec!["send", "--count", "none"], 2),
        (vec!["topics", "apply"], 2),
        (vec!["dev", "--listen", "nowhere"], 2),
        (vec!["replay", "-", "--resume-file", "r"], 2),
        (vec!["replay", "/nowhere/at/all"], 1),
        ([&["replay", &rejected, "--dry-run"][..], &open].concat(), 1),
        (vec!["send", "--to", "http://127.0.0.1:1/"], 1),
        (vec!["dead-letters", "list", "--set", "kafka.bootstrap_servers=127.0.0.1:1"], 1),
        (vec!["healthcheck", "--url", "http://127.0.0.1:1/"], 2),
        (vec!["tail", "--set", "a"], 78),
        (vec!["serve", "--set", "a"], 78),
    ] {
        let (_reader, stderr) = stalled_pipe();
        let mut child = command(&args).stdout(Stdio::null()).stderr(stderr).spawn().expect("it starts");
        let deadline = Instant::now() + Duration::from_secs(60);
        let status = loop {
            if let Some(status) = child.try_wait().expect("a state") {
                break status;
            }
            if Instant::now() > deadline {
                child.kill().expect("killed");
                panic!("{args:?} runs on");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(status.code(), Some(code), "{args:?}");
    }
}

#[test]
fn dev_ends_at_a_signal_when_stdout_is_not_read() {
    let (_reader, stdout) = stalled_pipe();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let admin = free.local_addr().expect("an address");
    drop(free);
    let mut dev = command(&["dev", "--listen", "127.0.0.1:0", "--admin-listen", &admin.to_string()])
        .stdout(stdout)
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let deadline = Instant::now() + TIMEOUT;
    while std::net::TcpStream::connect(admin).is_err() {
        assert!(Instant::now() < deadline, "dev does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    // Time for the banner.
    std::thread::sleep(Duration::from_secs(1));
    let sent = Command::new("kill").args(["-TERM", &dev.id().to_string()]).status().expect("it starts");
    assert!(sent.success());
    let deadline = Instant::now() + Duration::from_secs(60);
    while dev.try_wait().expect("a state").is_none() {
        if Instant::now() > deadline {
            dev.kill().expect("killed");
            panic!("dev does not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(dev.wait().expect("ended").code(), Some(0));
}
