use crate::kit::process::bridge_command;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(60);

const UNUSED_URL: &str = "http://127.0.0.1:1/webhooks/justcall";

const OPEN: [&str; 2] = ["--set", "sources.main.signature.required=false"];

fn ended(what: &str, mut child: Child) -> (Option<i32>, String, String) {
    let deadline = Instant::now() + TIMEOUT;
    while child.try_wait().expect("a state").is_none() {
        if Instant::now() > deadline {
            child.kill().expect("killed");
            panic!("{what} runs on");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().expect("ended");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn command(args: &[&str]) -> Command {
    let mut command = bridge_command();
    command.args(args).current_dir("/").stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(args: &[&str]) -> (Option<i32>, String, String) {
    ended(&format!("{args:?}"), command(args).spawn().expect("it starts"))
}

fn fifo(folder: &Path) -> String {
    let path = folder.join("fifo");
    assert!(Command::new("mkfifo").arg(&path).status().expect("it starts").success());
    path.display().to_string()
}

#[test]
fn fifo_device_or_folder_is_refused_by_every_command_that_reads_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let events = folder.path().join("events.ndjson").display().to_string();
    fs::write(&events, "{}\n").expect("a file");
    let fifo = fifo(folder.path());
    let folder = folder.path().display().to_string();
    for file in [fifo.as_str(), "/dev/zero", &folder] {
        let secrets = format!("sources.main.signature.secrets_file={file}");
        let (certificate, key) =
            (format!("server.tls.certificate_file={file}"), format!("server.tls.key_file={file}"));
        let properties = format!("kafka.properties_files.sasl.password={file}");
        for (args, code) in [
            (vec!["replay", file, "--dry-run"], 1),
            (vec!["replay", file, "--dry-run", "--records"], 1),
            (vec!["replay", file, "--dry-run", "--body"], 1),
            (vec!["replay", &events, "--dry-run", "--resume-file", file], 1),
            (vec!["route", file], 1),
            (vec!["route", "--body", file], 1),
            (vec!["route", "--expect", file], 1),
            (vec!["route", &events, "--expect", file, "--update"], 1),
            (vec!["check", "--offline", "--config", file], 78),
            (vec!["spool", "status", "--config", file], 78),
            (vec!["serve", "--set", &secrets], 78),
            (vec!["serve", "--set", &certificate, "--set", &key], 78),
            (vec!["tail", "--set", &properties], 78),
        ] {
            let args = if args[0] == "spool" { args } else { [&args[..], &OPEN].concat() };
            let (ended, stdout, stderr) = run(&args);
            assert_eq!(ended, Some(code), "{args:?}: {stdout}{stderr}");
            assert!(
                (stdout + &stderr).contains("regular file") || args.contains(&certificate.as_str()),
                "{args:?}: {stderr}"
            );
        }
        for args in [
            vec!["send", "--file", file],
            vec!["send", "--secrets-file", file, "--dialect", "live"],
            vec!["send", "--token-file", file],
            vec!["send", "--ca-file", file],
        ] {
            let (ended, _, stderr) = run(&[&args[..], &["--to", UNUSED_URL]].concat());
            assert_eq!(ended, Some(1), "{args:?}: {stderr}");
            assert!(stderr.contains("regular file"), "{args:?}: {stderr}");
        }
    }
}

#[test]
fn fifo_or_device_of_a_kafka_property_is_refused_before_librdkafka_opens_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let fifo = fifo(folder.path());
    for (name, file) in [
        ("ssl.ca.location", fifo.as_str()),
        ("ssl.key.location", &fifo),
        ("ssl.certificate.location", &fifo),
        ("ssl.keystore.location", &fifo),
        ("ssl.ca.location", "/dev/zero"),
        ("ssl.key.location", "/"),
    ] {
        let property = format!("kafka.properties.{name}={file}");
        let tls = ["--set", "kafka.properties.security.protocol=ssl", "--set", &property];
        for args in [["serve"], ["check"], ["tail"]] {
            let (ended, stdout, stderr) = run(&[&args[..], &tls, &OPEN].concat());
            let printed = stdout + &stderr;
            assert_eq!(ended, Some(78), "{args:?} {name}: {printed}");
            let named = printed.lines().any(|line| line.contains(name) && line.contains("regular file"));
            assert!(named, "{args:?} {name}: {printed}");
        }
    }
}

#[test]
fn pipe_of_a_shell_is_read_like_standard_input() {
    let event = r#"{"event":"call.completed","timestamp":"2026-03-12T14:30:00Z","data":{"call_id":"c"}}"#;
    for file in ["/dev/stdin", "-"] {
        let mut child = command(&[&["route", file][..], &OPEN].concat())
            .stdin(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        std::thread::sleep(Duration::from_millis(200));
        std::io::Write::write_all(&mut stdin, event.as_bytes()).expect("written");
        drop(stdin);
        let (code, stdout, stderr) = ended(file, child);
        assert_eq!(code, Some(0), "{stderr}");
        assert!(stdout.contains("justcall.call.completed"), "{stdout}");
    }
}

/// Before, SIGTERM would kill the process.
fn wait_for_signal_handler(process: u32) {
    let deadline = Instant::now() + TIMEOUT;
    let caught = || {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    };
    while caught().is_none_or(|mask| mask >> 14 & 1 == 0) {
        assert!(Instant::now() < deadline, "the process handles no signal");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn one_signal_ends_a_replay_that_waits_for_standard_input() {
    let mut child = command(&[&["replay", "-", "--dry-run"][..], &OPEN].concat())
        .stdin(Stdio::piped())
        .spawn()
        .expect("it starts");
    let _stdin = child.stdin.take();
    wait_for_signal_handler(child.id());
    std::thread::sleep(Duration::from_millis(500));
    let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("it starts");
    assert!(sent.success());
    let (code, _, stderr) = ended("replay -", child);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("stopped before the end"), "{stderr}");
}
