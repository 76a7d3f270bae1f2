pub(crate) mod authority;
mod client;

use crate::kit::bridge::{Bridge, PATH, until};
use crate::kit::process::Process;
use crate::kit::topic_name;
use authority::{Authority, Mounted, Pair};
use client::{Client, client_config, client_hello, default_config, exchange, plain, read_until_closed};
use rdkafka::mocking::MockCluster;
use rustls::ProtocolVersion::{TLSv1_2, TLSv1_3};
use rustls::version::{TLS12, TLS13};
use std::io::Write;
use std::time::{Duration, Instant};

const EVENT: &[u8] = br#"{"event":"call.missed","timestamp":"2026-03-12T14:32:00Z","data":{"call_id":"c1"}}"#;
const PROBE: &[u8] = b"GET /webhooks/justcall HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// First byte of a record.
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

struct TlsBridge {
    authority: Authority,
    pair: Pair,
    mounted: Mounted,
    bridge: Bridge,
}

impl TlsBridge {
    fn start(settings: &[&str]) -> Self {
        Self::start_at("127.0.0.1:9", settings)
    }

    fn start_at(bootstrap: &str, settings: &[&str]) -> Self {
        let authority = Authority::new();
        let pair = authority.pair();
        let mounted = Mounted::with(&pair);
        let tls = mounted.settings();
        let settings: Vec<&str> = tls.iter().map(String::as_str).chain(settings.iter().copied()).collect();
        let bridge = Bridge::start(bootstrap, &settings);
        Self { authority, pair, mounted, bridge }
    }

    fn connect(&self) -> Client {
        Client::connect(self.bridge.ingress, &default_config(&self.authority)).expect("a handshake")
    }

    fn serves(&self, pair: &Pair) -> bool {
        self.connect().certificate() == pair.der
    }

    fn warnings(&self) -> usize {
        let lines = [self.bridge.process.stdout(), self.bridge.process.stderr()].concat();
        lines.iter().filter(|line| line.contains("keeping the previous content")).count()
    }
}

#[test]
fn tls_1_3_and_1_2_are_accepted_and_logged() {
    let mock = MockCluster::new(1).expect("a mock cluster");
    let prefix = format!("{}.", topic_name("tls"));
    mock.create_topic(&format!("{prefix}call.missed"), 1, 1).expect("a topic");
    let server = TlsBridge::start_at(&mock.bootstrap_servers(), &[&format!("topics.prefix={prefix}")]);
    server.bridge.wait_ready(true);
    for (version, wanted) in [(&TLS13, TLSv1_3), (&TLS12, TLSv1_2)] {
        let config = client_config(&server.authority, &[version], &[]);
        let mut client = Client::connect(server.bridge.ingress, &config).expect("a handshake");
        assert_eq!((client.version(), client.post(PATH, EVENT)), (Some(wanted), 200));
    }
    assert_eq!(server.connect().version(), Some(TLSv1_3), "the newest common version");
    let line = server.bridge.process.wait_for_line("\"serving\"", Duration::from_secs(1));
    assert!(line.contains("\"tls\":true"), "{line}");
    assert_eq!(server.bridge.metric("certificate_expires_timestamp_seconds"), 3_786_912_000);
}

#[test]
fn versions_before_tls_1_2_are_refused() {
    let server = TlsBridge::start(&[]);
    let mut stream = plain(server.bridge.ingress);
    stream.write_all(&client_hello([3, 3])).expect("a writable connection");
    let mut first = [0];
    std::io::Read::read_exact(&mut stream, &mut first).expect("an answer");
    assert_eq!(first, [HANDSHAKE]);
    for version in [[3, 2], [3, 1], [3, 0]] {
        let received = exchange(server.bridge.ingress, &client_hello(version));
        // Fatal: protocol_version.
        assert_eq!((received[0], &received[5..]), (ALERT, [2, 70].as_slice()), "{version:?}");
    }
}

#[test]
fn alpn_selects_http_1_1_and_refuses_h2_alone() {
    let server = TlsBridge::start(&[]);
    let mut client = server.connect();
    assert_eq!(client.protocol(), Some(b"http/1.1".as_slice()));
    client.send(PROBE);
    assert_eq!(client.answer(), 200);
    let connect = |protocols: &[&str]| {
        Client::connect(
            server.bridge.ingress,
            &client_config(&server.authority, rustls::ALL_VERSIONS, protocols),
        )
    };
    let mut silent = connect(&[]).expect("a handshake");
    assert_eq!(silent.protocol(), None);
    silent.send(PROBE);
    assert_eq!(silent.answer(), 200);
    let refused = connect(&["h2"]).err().expect("no protocol in common");
    assert!(refused.to_string().contains("NoApplicationProtocol"), "{refused}");
}

#[test]
fn new_certificate_applies_within_seconds_and_open_connections_stay() {
    let server = TlsBridge::start(&[]);
    let mut early = server.connect();
    let half = [PROBE, b"POST /webhooks/justcall HTTP/1.1\r\nhost: localhost\r\n"].concat();
    early.send(&half);
    assert_eq!(early.answer(), 200);
    assert!(server.serves(&server.pair));
    let renewed = server.authority.pair();
    let since = Instant::now();
    server.mounted.swap_in(&renewed);
    until("the new certificate", || server.serves(&renewed));
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    early.send(b"content-length: 0\r\n\r\n");
    assert_eq!(early.answer(), 200, "a request in flight");
    assert!(early.certificate() == server.pair.der);
    assert_eq!((server.warnings(), server.bridge.metric("file_reloads_total")), (0, 1));
}

#[test]
fn certificate_and_key_changed_separately_apply_once_they_match() {
    let server = TlsBridge::start(&[]);
    let renewed = server.authority.pair();
    server.mounted.write("tls.crt", &renewed.certificate);
    server.bridge.wait_for_metric("watched_files_invalid", 1);
    // The file is read again, which must not log again.
    std::thread::sleep(Duration::from_millis(2500));
    assert!(server.serves(&server.pair));
    assert_eq!(server.warnings(), 1);
    server.mounted.write("tls.key", &renewed.key);
    until("the new certificate", || server.serves(&renewed));
    server.bridge.wait_for_metric("watched_files_invalid", 0);
    assert_eq!(server.warnings(), 1);
}

#[test]
fn expired_invalid_or_missing_files_keep_the_old_certificate() {
    let server = TlsBridge::start(&[]);
    let spoil: [(&str, &dyn Fn()); 3] = [
        ("expired at", &|| server.mounted.swap_in(&server.authority.pair_until(2021))),
        ("holds no certificate", &|| server.mounted.write("tls.crt", "garbage")),
        ("entity not found", &|| server.mounted.remove("tls.key")),
    ];
    for (reason, spoil) in spoil {
        spoil();
        let line = server.bridge.process.wait_for_line(reason, Duration::from_secs(20));
        assert!(line.contains("server.tls"), "{line}");
        assert!(server.serves(&server.pair), "{reason}");
        assert_eq!(server.bridge.metric("file_reloads_total"), 0, "{reason}");
    }
    let printed = [server.bridge.process.stdout(), server.bridge.process.stderr()].concat().join("\n");
    assert!(server.pair.key.lines().all(|line| !printed.contains(line)), "the key is in the log");
}

/// 600 connections exceed actix's own limit of 256 handshakes for each of two workers.
#[test]
fn unfinished_handshakes_block_no_client_and_time_out() {
    let server = TlsBridge::start(&["server.header_timeout=5s"]);
    let since = Instant::now();
    let client_hello = client_hello([3, 3]);
    let beginnings = [b"".as_slice(), &client_hello[..1], &client_hello[..20], &client_hello];
    let mut idle: Vec<_> = (0..600)
        .map(|number| {
            let mut stream = plain(server.bridge.ingress);
            stream.write_all(beginnings[number % beginnings.len()]).expect("a writable connection");
            stream
        })
        .collect();
    for _ in 0..20 {
        let mut honest = server.connect();
        honest.send(PROBE);
        assert_eq!(honest.answer(), 200);
    }
    assert!(since.elapsed() < Duration::from_secs(5), "before any was cut off: {:?}", since.elapsed());
    for stream in &mut idle {
        read_until_closed(stream);
    }
    let cut_off = since.elapsed().as_secs();
    assert!((5..15).contains(&cut_off), "cut off after {cut_off} s");
}

#[test]
fn silent_connection_after_its_handshake_times_out() {
    let server = TlsBridge::start(&["server.header_timeout=1s"]);
    let since = Instant::now();
    let mut silent = server.connect();
    let mut slow = server.connect();
    slow.send(b"POST /webhooks/justcall HTTP/1.1\r\nhost:");
    assert!(slow.rest().expect("a clean end").starts_with(b"HTTP/1.1 503"));
    silent.rest().expect("a clean end");
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
}

#[test]
fn plain_http_and_garbage_get_an_alert_at_once() {
    let server = TlsBridge::start(&["server.header_timeout=1m"]);
    let since = Instant::now();
    for bytes in [PROBE, &[0; 64], &[0xff; 64], &[22, 3, 1, 0xff, 0xff, 1, 0, 0, 0, 0]] {
        let received = exchange(server.bridge.ingress, bytes);
        assert!(received.first().is_none_or(|first| *first == ALERT), "{received:?}");
    }
    assert!(since.elapsed() < Duration::from_secs(30), "{:?}", since.elapsed());
    assert!(server.serves(&server.pair));
}

#[test]
fn open_connections_do_not_prevent_the_stop() {
    let server = TlsBridge::start(&[]);
    let mut idle = server.connect();
    idle.send(PROBE);
    assert_eq!(idle.answer(), 200);
    let handshaking = plain(server.bridge.ingress);
    let since = Instant::now();
    assert!(server.bridge.stop().success());
    assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
    drop(handshaking);
}

#[test]
fn certificate_and_key_that_do_not_match_stop_the_start_with_a_remedy() {
    let authority = Authority::new();
    let mounted = Mounted::with(&authority.pair());
    mounted.write("tls.key", &authority.pair().key);
    let [certificate, key] = mounted.settings();
    let mut process = Process::bridge(&["serve", "--set", &certificate, "--set", &key], &[]);
    assert_eq!(process.wait_exit(Duration::from_secs(60)).code(), Some(78));
    let stderr = process.stderr().join("\n");
    assert!(
        stderr.contains("server.tls.key = ") && stderr.contains("set two files that were issued together"),
        "{stderr}"
    );
}

#[test]
fn send_accepts_a_private_authority_from_a_file() {
    let mock = MockCluster::new(1).expect("a mock cluster");
    let prefix = format!("{}.", topic_name("tls"));
    mock.create_topic(&format!("{prefix}call.completed"), 1, 1).expect("a topic");
    let server = TlsBridge::start_at(&mock.bootstrap_servers(), &[&format!("topics.prefix={prefix}")]);
    server.bridge.wait_ready(true);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("ca.crt");
    let url = format!("https://localhost:{}{PATH}", server.bridge.ingress.port());
    let send = |text: &str| {
        std::fs::write(&file, text).expect("a file");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_justcall-bridge"));
        command.args(["send", "--to", &url, "--address", "127.0.0.1", "--ca-file"]).arg(&file);
        command.output().expect("send starts")
    };
    let sent = send(&server.authority.certificate);
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    assert!(!send(&Authority::new().certificate).status.success(), "another authority");
    let empty = send("no certificate");
    assert!(String::from_utf8_lossy(&empty.stderr).contains("--ca-file"), "{empty:?}");
}
