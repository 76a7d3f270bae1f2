use super::*;
use justcall_events::{Dialect, samples};
use serde_json::Value;
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// Reaction of a [`Server`] to the request with that number.
type Script = fn(usize) -> Reply;

enum Reply {
    Answer(u16, &'static str),
    Late(Duration),
    HangUp,
}

/// Its threads end with the client's connections.
struct Server {
    url: Url,
    bodies: Receiver<Vec<u8>>,
}

impl Server {
    fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("http://{}/hook", listener.local_addr().unwrap())).unwrap();
        let (sender, bodies) = channel();
        let number = Arc::new(AtomicU64::new(0));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (sender, number) = (sender.clone(), Arc::clone(&number));
                thread::spawn(move || serve(stream, script, &sender, &number));
            }
        });
        Self { url, bodies }
    }

    fn bodies(&self) -> Vec<Vec<u8>> {
        self.bodies.try_iter().collect()
    }
}

fn serve(stream: TcpStream, script: Script, bodies: &Sender<Vec<u8>>, number: &AtomicU64) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some(body) = read_request(&mut reader) {
        let _ = bodies.send(body);
        let (status, answer) = match script(number.fetch_add(1, Ordering::SeqCst) as usize) {
            Reply::Answer(status, answer) => (status, answer),
            Reply::Late(delay) => {
                thread::sleep(delay);
                (200, r#"{"outcome":"acked"}"#)
            }
            Reply::HangUp => return,
        };
        let length = answer.len();
        // One write, because several small ones would each wait for an acknowledgement.
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{answer}");
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.is_empty() {
            let mut body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
            return Some(body);
        }
    }
}

fn acked(_: usize) -> Reply {
    Reply::Answer(200, r#"{"id":"x","outcome":"acked"}"#)
}

fn plan(to: &Url, rounds: u64) -> SendPlan {
    let bodies = samples(Dialect::Documented)
        .chain(samples(Dialect::Live))
        .map(|(_, sample)| Body::Fresh(Template::parse(sample, "http://a.example").unwrap()))
        .collect();
    let credentials = RequestCredentials::default();
    SendPlan { to: to.clone(), address: None, authorities: None, credentials, bodies, rounds, concurrency: 4 }
}

fn one_body(to: &Url, rounds: u64) -> SendPlan {
    SendPlan { bodies: vec![Body::Exact(bytes::Bytes::from_static(b"{}"))], ..plan(to, rounds) }
}

fn carry_out(plan: SendPlan) -> Result<SendSummary, SendError> {
    carry_out_until(plan, std::future::pending())
}

fn carry_out_until(plan: SendPlan, stop: impl Future<Output = ()>) -> Result<SendSummary, SendError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(send(plan, Box::new(|| {}), stop))
}

fn counts(summary: &SendSummary) -> Vec<(Value, Value, Value)> {
    let summary = summary.json();
    let answers = summary["answers"].as_array().unwrap().iter();
    answers.map(|each| (each["status"].clone(), each["outcome"].clone(), each["count"].clone())).collect()
}

#[test]
fn each_round_sends_every_event_with_a_unique_body() {
    let server = Server::start(acked);
    let kinds = plan(&server.url, 1).bodies.len();
    let summary = carry_out(plan(&server.url, 30)).unwrap();
    let bodies = server.bodies();
    assert_eq!(bodies.len(), 30 * kinds);
    assert!(bodies.iter().all(|body| serde_json::from_slice::<Value>(body).is_ok()));
    assert_eq!(bodies.iter().collect::<HashSet<_>>().len(), bodies.len());
    let of_live = bodies.iter().filter(|body| body.windows(12).any(|at| at == b"\"request_id\"")).count();
    assert_eq!(of_live, 30 * samples(Dialect::Live).count());
    assert!(summary.is_success());
    assert_eq!(counts(&summary), [(200.into(), "acked".into(), (30 * kinds).into())]);
}

#[test]
fn exact_body_is_sent_unchanged() {
    let server = Server::start(acked);
    carry_out(one_body(&server.url, 3)).unwrap();
    assert_eq!(server.bodies(), [b"{}", b"{}", b"{}"]);
}

#[test]
fn explicit_address_overrides_name_resolution() {
    let server = Server::start(acked);
    let mut to = server.url.clone();
    to.set_host(Some("bridge.invalid")).unwrap();
    assert!(carry_out(one_body(&to, 1)).is_err(), "the name leads nowhere");
    let address = Some("127.0.0.1".parse().unwrap());
    assert!(carry_out(SendPlan { address, ..one_body(&to, 1) }).unwrap().is_success());
}

#[test]
fn answers_are_counted_by_status_and_outcome() {
    let server = Server::start(|number| match number {
        0 => Reply::Answer(200, r#"{"outcome":"acked"}"#),
        1 => Reply::Answer(200, r#"{"outcome":"duplicate"}"#),
        2 => Reply::Answer(503, r#"{"title":"not durable"}"#),
        3 => Reply::Answer(422, ""),
        _ => Reply::HangUp,
    });
    let summary = carry_out(one_body(&server.url, 5)).unwrap();
    assert!(!summary.is_success());
    assert_eq!(
        counts(&summary),
        [
            (Value::Null, "broken".into(), 1.into()),
            (200.into(), "acked".into(), 1.into()),
            (200.into(), "duplicate".into(), 1.into()),
            (422.into(), "rejected".into(), 1.into()),
            (503.into(), "refused".into(), 1.into()),
        ]
    );
    assert!(summary.to_string().contains("not durable"));
}

#[test]
fn missing_answer_is_counted_and_the_run_continues() {
    let server = Server::start(|number| if number == 0 { Reply::HangUp } else { acked(number) });
    let summary = carry_out(SendPlan { concurrency: 1, ..one_body(&server.url, 3) }).unwrap();
    assert_eq!(
        counts(&summary),
        [(Value::Null, "broken".into(), 1.into()), (200.into(), "acked".into(), 2.into())]
    );
}

#[test]
fn events_in_flight_are_limited() {
    static IN_FLIGHT: AtomicU64 = AtomicU64::new(0);
    static MOST: AtomicU64 = AtomicU64::new(0);
    let server = Server::start(|_| {
        MOST.fetch_max(IN_FLIGHT.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(30));
        IN_FLIGHT.fetch_sub(1, Ordering::SeqCst);
        Reply::Answer(200, "")
    });
    carry_out(SendPlan { concurrency: 3, ..one_body(&server.url, 12) }).unwrap();
    assert_eq!(MOST.load(Ordering::SeqCst), 3);
}

#[test]
fn stop_ends_the_run_with_a_partial_summary() {
    let server = Server::start(|number| match number {
        0 => acked(number),
        _ => Reply::Late(Duration::from_secs(600)),
    });
    let plan = SendPlan { concurrency: 1, ..one_body(&server.url, 100) };
    let summary =
        carry_out_until(plan, async { tokio::time::sleep(Duration::from_millis(300)).await }).unwrap();
    assert_eq!(counts(&summary), [(200.into(), "acked".into(), 1.into())]);
    assert!(!summary.is_success());
}

#[test]
fn later_connection_failure_is_counted_and_not_fatal() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/hook", listener.local_addr().unwrap())).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        drop(listener);
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        read_request(&mut reader).unwrap();
        write!(stream, "HTTP/1.1 200 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
    });
    let summary = carry_out(SendPlan { concurrency: 1, ..one_body(&url, 3) }).unwrap();
    assert_eq!(
        counts(&summary),
        [(Value::Null, "unreachable".into(), 2.into()), (200.into(), "unexpected".into(), 1.into())]
    );
}
