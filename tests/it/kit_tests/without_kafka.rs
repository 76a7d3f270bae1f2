use crate::kit::http::{self, Connection};
use crate::kit::java::{major_version, missing};
use crate::kit::process::{Process, bridge_command};
use crate::kit::topic_name;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::thread::JoinHandle;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(60);

#[test]
fn complete_machine_has_no_missing_tools() {
    assert_eq!(missing(Some(17), true, true), None);
    assert_eq!(missing(Some(26), true, true), None);
}

#[test]
fn message_names_what_to_install() {
    let without_java = missing(None, false, true).expect("Java is missing");
    assert!(without_java.contains("needs a Java development kit, 17 or newer on the PATH"), "{without_java}");
    assert!(without_java.contains("found: no Java, no javac, mvn"), "{without_java}");
    let old_java = missing(Some(11), true, true).expect("Java is too old");
    assert!(old_java.contains("17 or newer on the PATH (found: Java 11, javac, mvn)"), "{old_java}");
    let without_compiler = missing(Some(21), false, true).expect("the compiler is missing");
    assert!(without_compiler.contains("Java development kit"), "{without_compiler}");
    let without_maven = missing(Some(21), true, false).expect("Maven is missing");
    assert!(without_maven.contains("needs Maven on the PATH"), "{without_maven}");
    let bare = missing(None, false, false).expect("both are missing");
    assert!(bare.contains("17 or newer, and Maven") && bare.contains("KAFKA_BOOTSTRAP"), "{bare}");
}

#[test]
fn java_versions_are_parsed() {
    assert_eq!(major_version("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime"), Some(17));
    assert_eq!(major_version("openjdk version \"26-ea\" 2026-03-17"), Some(26));
    assert_eq!(major_version("java version \"1.8.0_402\""), Some(1));
    assert_eq!(major_version("command not found"), None);
}

#[test]
fn topic_names_are_unique() {
    assert_ne!(topic_name("same"), topic_name("same"));
}

#[test]
fn output_of_both_streams_is_captured() {
    let mut process = shell("sleep 0.2; echo to stdout; echo to stderr >&2; exit 78");
    assert_eq!(process.wait_for_line("stdout", TIMEOUT), "to stdout");
    assert_eq!(process.wait_exit(TIMEOUT).code(), Some(78));
    assert_eq!((process.stdout(), process.stderr()), (vec!["to stdout".into()], vec!["to stderr".into()]));
}

#[test]
#[should_panic(expected = "no line with \"never said\"")]
fn missing_line_is_a_failure() {
    shell("echo something else; sleep 30").wait_for_line("never said", Duration::from_millis(300));
}

#[test]
fn signals_reach_the_process() {
    let mut process = shell("trap 'echo terminated; exit 3' TERM; echo ready; while :; do sleep 0.05; done");
    process.wait_for_line("ready", TIMEOUT);
    process.signal("TERM");
    assert_eq!(process.wait_exit(TIMEOUT).code(), Some(3));
    assert_eq!(process.stdout(), ["ready", "terminated"]);
}

#[test]
fn process_ends_when_dropped() {
    let process = shell("echo ready; exec sleep 600");
    process.wait_for_line("ready", TIMEOUT);
    let is_alive = format!("kill -0 {}", process.pid());
    let alive = || Command::new("sh").args(["-c", &is_alive]).output().expect("sh starts").status.success();
    assert!(alive());
    drop(process);
    assert!(!alive());
}

#[test]
fn bridge_inherits_no_settings() {
    let command = bridge_command();
    let kept = command.get_envs().filter(|(_, value)| value.is_some()).count();
    assert_eq!(kept, 0);
    assert!(command.get_program().to_string_lossy().contains("justcall-bridge"));
}

#[test]
fn request_and_response_are_unchanged() {
    let (address, server) =
        serve(b"HTTP/1.1 422 Unprocessable\r\nX-Seen: yes\r\nContent-Length: 2\r\n\r\n{}");
    let answer = http::post(address, "/a?b", &[("x-one", "1")], b"\x00body").expect("an answer");
    assert_eq!((answer.status, answer.header("x-seen"), answer.text()), (422, Some("yes"), "{}"));
    assert_eq!(
        server.join().expect("a server"),
        b"POST /a?b HTTP/1.1\r\nhost: bridge\r\ncontent-length: 5\r\nx-one: 1\r\n\r\n\x00body"
    );
}

#[test]
fn pipelined_responses_are_separated() {
    let (address, server) = serve(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n\
          HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n\
          HTTP/1.1 503 Busy\r\n\r\nuntil the end",
    );
    let mut connection = Connection::open(address).expect("a connection");
    connection.send(b"GET / HTTP/1.1\r\n\r\n").expect("sent");
    connection.finish_sending().expect("half closed");
    let mut next = || connection.receive().expect("an answer");
    assert_eq!(next().text(), "abcde");
    assert_eq!(
        (next().status, connection.receive_head().expect("a head").header("content-length")),
        (204, Some("9"))
    );
    assert_eq!(connection.receive().expect("an answer").text(), "until the end");
    assert!(connection.is_closed());
    server.join().expect("a server");
}

#[test]
fn incomplete_response_is_an_error() {
    let (address, server) = serve(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort");
    http::get(address, "/").expect_err("half an answer is none");
    server.join().expect("a server");
}

fn serve(answer: &'static [u8]) -> (SocketAddr, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut seen = vec![0; 4096];
        let length = stream.read(&mut seen).expect("a request");
        seen.truncate(length);
        stream.write_all(answer).expect("answered");
        seen
    });
    (address, server)
}

fn shell(script: &str) -> Process {
    Process::start(Command::new("sh").args(["-c", script]))
}
