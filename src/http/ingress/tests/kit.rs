//! Bridge whose ingest acts on keywords in the body, and client for raw bytes.

use super::super::*;
use crate::health::Readiness;
use crate::ingest::{
    DeadLetterConfig, DeduplicationConfig, Denial, Rejection, SignatureConfig, SourceConfig,
};
use justcall_events::{BodyHash, EventId, Malformed, Validation};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, mpsc};
use std::thread;
use tokio::sync::oneshot;

pub(super) const PATH: &str = "/webhooks/justcall";
/// Token of the second source.
pub(super) const TOKEN: &str = "0123456789abcdef";
pub(super) const LIMIT: usize = 20_000;
pub(super) const BUDGET: usize = 100_000;

pub(super) struct Bridge {
    pub(super) addr: SocketAddr,
    pub(super) budget: Arc<Budget>,
    metrics: Arc<Metrics>,
    accepted: Arc<Mutex<Vec<String>>>,
    stop: Option<oneshot::Sender<Duration>>,
    close: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<bool>>,
}

impl Bridge {
    pub(super) fn start() -> Self {
        Self::try_start(|_| ()).unwrap()
    }

    /// Starts a bridge whose deadline for heads is short.
    pub(super) fn start_impatient() -> Self {
        Self::try_start(|config| config.header_timeout = Duration::from_millis(300)).unwrap()
    }

    pub(super) fn try_start(change: impl FnOnce(&mut Config)) -> io::Result<Self> {
        Self::start_with(change, DeadLetterAnswer::Problem)
    }

    pub(super) fn start_with(change: impl FnOnce(&mut Config), answer: DeadLetterAnswer) -> io::Result<Self> {
        let mut config = config();
        change(&mut config);
        let (budget, metrics) = (Budget::new(BUDGET), Arc::new(Metrics::new()));
        let accepted = Arc::new(Mutex::new(Vec::new()));
        let (stop, stopped) = oneshot::channel();
        let (close, closed) = oneshot::channel();
        let (started, start) = mpsc::channel();
        let parts = (Arc::clone(&budget), Arc::clone(&metrics), Arc::clone(&accepted));
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let (budget, metrics, accepted) = parts;
                let accept = async move |arrival| accept(Arc::clone(&accepted), arrival).await;
                match Ingress::bind(
                    &config,
                    &ingest(answer),
                    has_token,
                    accept,
                    budget,
                    metrics,
                    crate::telemetry::Tracer::off(),
                ) {
                    Ok(ingress) => {
                        started.send(Ok(ingress.addr())).unwrap();
                        let mut stopped = stopped;
                        let timeout = tokio::select! {
                            timeout = &mut stopped => timeout,
                            Ok(()) = closed => {
                                ingress.close_connections();
                                stopped.await
                            }
                        };
                        ingress.stop(timeout.unwrap_or_default()).await
                    }
                    Err(error) => {
                        started.send(Err(error)).unwrap();
                        false
                    }
                }
            })
        });
        let addr = start.recv().unwrap()?;
        Ok(Self {
            addr,
            budget,
            metrics,
            accepted,
            stop: Some(stop),
            close: Some(close),
            thread: Some(thread),
        })
    }

    pub(super) fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // Each write is a packet of its own, and none waits for the acknowledgement of the one before.
        stream.set_nodelay(true).unwrap();
        Client { stream, unread: Vec::new() }
    }

    pub(super) fn ask(&self, request: &str) -> RawResponse {
        let mut client = self.connect();
        client.send(request);
        client.answer()
    }

    pub(super) fn accepted(&self) -> Vec<String> {
        self.accepted.lock().unwrap().clone()
    }

    pub(super) fn wait_for(&self, accepted: &str) {
        self.wait_until(|| self.accepted().iter().any(|each| each == accepted));
    }

    pub(super) fn wait_until(&self, holds: impl Fn() -> bool) {
        let since = Instant::now();
        while !holds() {
            assert!(since.elapsed() < Duration::from_secs(20), "waited in vain");
            thread::sleep(Duration::from_millis(1));
        }
    }

    pub(super) fn metrics(&self) -> String {
        self.metrics.render(&Readiness::new(), self.budget.used())
    }

    pub(super) fn in_flight(&self) -> i64 {
        self.metrics.in_flight_requests.get()
    }

    pub(super) fn connections(&self) -> i64 {
        self.metrics.connections.get()
    }

    pub(super) fn begin_delay(&mut self) {
        self.close.take().unwrap().send(()).unwrap();
    }

    pub(super) fn begin_stop(&mut self, timeout: Duration) {
        self.stop.take().unwrap().send(timeout).unwrap();
    }

    /// Waits for the end of the stop. Returns whether everything in flight had an outcome.
    pub(super) fn stopped(&mut self) -> bool {
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        // While a connection is open, actix checks only once a second whether it can stop.
        let since = Instant::now();
        while self.stop.is_some() && self.connections() > 0 && since.elapsed() < Duration::from_millis(500) {
            thread::sleep(Duration::from_millis(1));
        }
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn config() -> Config {
    Config {
        listen: ([127, 0, 0, 1], 0).into(),
        workers: Some(1),
        max_body_bytes: LIMIT,
        max_in_flight: BUDGET,
        request_timeout: Duration::from_millis(300),
        header_timeout: Duration::from_secs(1),
        keep_alive: Duration::from_secs(30),
        tls: crate::http::TlsConfig::default(),
    }
}

fn ingest(answer: DeadLetterAnswer) -> ingest::Config {
    let source = |name: &str, path: &str| SourceConfig {
        name: name.to_owned(),
        path: path.to_owned(),
        validation: Validation::Documented,
        signature: SignatureConfig::default(),
        token: (name == "second").then(|| TOKEN.into()),
        token_file: None,
    };
    ingest::Config {
        sources: vec![source("first", PATH), source("second", "/second/")],
        dead_letter: DeadLetterConfig { topic: "dead".to_owned(), answer },
        deduplication: DeduplicationConfig { window: Duration::ZERO, capacity: 0 },
    }
}

fn has_token(source: usize, token: Option<&Secret>) -> bool {
    source != 1 || token.is_some_and(|token| token.matches(TOKEN))
}

/// Acts on the keyword in the body, then records the event.
async fn accept(accepted: Arc<Mutex<Vec<String>>>, arrival: Box<Arrival>) -> Outcome {
    let Some(body) = &arrival.body else { return Outcome::Denied(Denial::Token) };
    let id = EventId::from_hash(&BodyHash::of(body));
    let body = String::from_utf8_lossy(body).into_owned();
    let mut line = format!("{}:{body}", arrival.source);
    let outcome = match body.as_str() {
        "" => Outcome::Probe,
        "panic" => panic!("told to"),
        "slow panic" => {
            tokio::time::sleep(Duration::from_millis(400)).await;
            panic!("told to")
        }
        "reject" => Outcome::DeadLettered(id, Rejection::Malformed(Malformed::NotJson)),
        "forever" => std::future::pending().await,
        "slow" => {
            tokio::time::sleep(Duration::from_millis(400)).await;
            Outcome::Acked(id)
        }
        "headers" => {
            let trace = arrival.trace.as_ref().map(|trace| trace.context().traceparent());
            line.push_str(&format!(" {:?} {trace:?}", arrival.credentials.signature));
            Outcome::Acked(id)
        }
        "token" => {
            line.push_str(&format!(" {:?}", arrival.credentials.token.as_ref().map(Secret::expose)));
            Outcome::Acked(id)
        }
        _ => Outcome::Acked(id),
    };
    accepted.lock().unwrap().push(line);
    outcome
}

pub(super) struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

pub(super) struct RawResponse {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
}

impl RawResponse {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let named = |line: &&str| line.split(':').next().is_some_and(|it| it.eq_ignore_ascii_case(name));
        self.head.lines().find(named).and_then(|line| line.split_once(": ")).map(|(_, value)| value)
    }
}

impl Client {
    pub(super) fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    /// Sends the text repeatedly and reads nothing. Returns whether the server closes the connection.
    pub(super) fn sends_until_cut(mut self, text: &str) -> bool {
        self.stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
        let cut = (0..100_000).find_map(|_| self.stream.write_all(text.as_bytes()).err());
        cut.is_some_and(|error| error.kind() != io::ErrorKind::WouldBlock)
    }

    pub(super) fn try_send(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes())
    }

    /// Sends no more. A failure means that the bridge has already closed.
    pub(super) fn finish(&self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }

    /// Reads until the end. A reset is an error.
    pub(super) fn try_rest(&mut self) -> io::Result<String> {
        self.stream.read_to_end(&mut self.unread)?;
        Ok(String::from_utf8_lossy(&std::mem::take(&mut self.unread)).into_owned())
    }

    pub(super) fn post_bytes(&mut self, headers: &str, body: &[u8]) {
        self.send(&head(PATH, headers, body.len()));
        self.stream.write_all(body).unwrap();
    }

    /// Reads the next response with its body.
    pub(super) fn answer(&mut self) -> RawResponse {
        let end = self.read_until(|unread| unread.windows(4).position(|it| it == b"\r\n\r\n")) + 4;
        let head = String::from_utf8(self.unread.drain(..end).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = RawResponse { status, head, body: String::new() };
        let length: usize = answer.header("content-length").unwrap_or("0").parse().unwrap();
        self.read_until(|unread| (unread.len() >= length).then_some(length));
        answer.body = String::from_utf8(self.unread.drain(..length).collect()).unwrap();
        answer
    }

    /// Reads until the server closes the connection.
    pub(super) fn rest(&mut self) -> String {
        self.stream.read_to_end(&mut self.unread).unwrap();
        String::from_utf8(std::mem::take(&mut self.unread)).unwrap()
    }

    /// Returns whether the server closes the connection without another byte.
    pub(super) fn is_closed(&mut self) -> bool {
        self.rest().is_empty()
    }

    pub(super) fn wait_for_unread_bytes(&self) {
        assert!(self.stream.peek(&mut [0; 16]).unwrap() > 0);
    }

    fn read_until(&mut self, found: impl Fn(&[u8]) -> Option<usize>) -> usize {
        loop {
            if let Some(at) = found(&self.unread) {
                return at;
            }
            let mut more = [0; 4096];
            let len = self.stream.read(&mut more).unwrap();
            assert!(len > 0, "closed after {:?}", String::from_utf8_lossy(&self.unread));
            self.unread.extend_from_slice(&more[..len]);
        }
    }
}

fn head(path: &str, headers: &str, length: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {length}\r\n\r\n")
}

pub(super) fn post(body: &str) -> String {
    post_to(PATH, "", body)
}

pub(super) fn post_to(path: &str, headers: &str, body: &str) -> String {
    format!("{}{body}", head(path, headers, body.len()))
}

/// Returns the head of a chunked POST.
pub(super) fn chunked() -> String {
    format!("POST {PATH} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
}

pub(super) fn chunk(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n", body.len())
}

pub(super) fn id(body: &str) -> String {
    EventId::from_hash(&BodyHash::of(body.as_bytes())).to_string()
}

pub(super) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}
