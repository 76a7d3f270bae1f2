use super::bridge::PATH;
use super::http;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Few, so that each key repeats.
const KEYS: usize = 3;

/// With the field of each key.
pub(crate) const TYPES: [(&str, &str); 4] = [
    ("call.completed", "call_id"),
    ("call.missed", "call_id"),
    ("sms.received", "message_id"),
    ("sms.sent", "message_id"),
];

const RETRIES: usize = 8;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) senders: usize,
    /// After each answer.
    pub(crate) pause: Duration,
    pub(crate) body_bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Acked,
    Spooled,
    Duplicate,
    /// 503: the sender may try again.
    Refused,
    /// The bridge was down or was killed. Not sent again.
    Broken,
}

impl Answer {
    pub(crate) fn promises(self) -> bool {
        matches!(self, Self::Acked | Self::Spooled | Self::Duplicate)
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Try {
    pub(crate) sent: Duration,
    pub(crate) answered: Duration,
    pub(crate) answer: Answer,
}

#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) kind: &'static str,
    pub(crate) key: String,
    pub(crate) body: Vec<u8>,
    pub(crate) tries: Vec<Try>,
}

impl Sent {
    pub(crate) fn promised(&self) -> Option<Duration> {
        self.tries.iter().find(|each| each.answer.promises()).map(|each| each.answered)
    }

    pub(crate) fn first_sent(&self) -> Duration {
        self.tries[0].sent
    }
}

pub(crate) struct Load {
    common: Arc<Common>,
    senders: Vec<JoinHandle<Vec<Sent>>>,
}

struct Common {
    shape: Shape,
    began: Instant,
    /// `None` while the bridge is down.
    ingress: Mutex<Option<SocketAddr>>,
    over: AtomicBool,
    acked: AtomicUsize,
    spooled: AtomicUsize,
    refused: AtomicUsize,
    next: AtomicUsize,
}

impl Load {
    pub(crate) fn start(ingress: SocketAddr, shape: Shape) -> Self {
        let common = Arc::new(Common {
            shape,
            began: Instant::now(),
            ingress: Mutex::new(Some(ingress)),
            over: AtomicBool::new(false),
            acked: AtomicUsize::new(0),
            spooled: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
        });
        let sender = |_| {
            let common = Arc::clone(&common);
            std::thread::spawn(move || common.send_until_over())
        };
        let senders = (0..shape.senders).map(sender).collect();
        Self { common, senders }
    }

    pub(crate) fn set_target(&self, ingress: Option<SocketAddr>) {
        *self.common.ingress.lock().unwrap_or_else(PoisonError::into_inner) = ingress;
    }

    pub(crate) fn now(&self) -> Duration {
        self.common.began.elapsed()
    }

    pub(crate) fn answered(&self, answer: Answer) -> usize {
        self.common.counter(answer).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    pub(crate) fn finish(self) -> (Vec<Sent>, Instant) {
        self.common.over.store(true, Ordering::Relaxed);
        let sent = self.senders.into_iter().flat_map(|sender| sender.join().expect("a sender")).collect();
        (sent, self.common.began)
    }
}

impl Common {
    fn send_until_over(&self) -> Vec<Sent> {
        let (mut sent, mut refused): (Vec<Sent>, Vec<(Instant, usize)>) = (Vec::new(), Vec::new());
        while !self.over.load(Ordering::Relaxed) {
            let index = match refused.first() {
                Some((due, index)) if *due <= Instant::now() => {
                    let index = *index;
                    refused.remove(0);
                    index
                }
                _ => {
                    sent.push(self.event());
                    sent.len() - 1
                }
            };
            let Some(ingress) = self.await_bridge() else { break };
            let tried = self.attempt(ingress, &sent[index].body);
            sent[index].tries.push(tried);
            if tried.answer == Answer::Refused && sent[index].tries.len() <= RETRIES {
                refused.push((Instant::now() + Duration::from_millis(500), index));
            }
            std::thread::sleep(self.shape.pause);
        }
        sent.retain(|event| !event.tries.is_empty());
        sent
    }

    fn await_bridge(&self) -> Option<SocketAddr> {
        while !self.over.load(Ordering::Relaxed) {
            let ingress = *self.ingress.lock().unwrap_or_else(PoisonError::into_inner);
            if ingress.is_some() {
                return ingress;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    fn attempt(&self, ingress: SocketAddr, body: &[u8]) -> Try {
        let sent = self.began.elapsed();
        let response = http::post(ingress, PATH, &[("connection", "close")], body);
        let answered = self.began.elapsed();
        let answer = response.map_or(Answer::Broken, |response| read(&response));
        if let Some(counter) = self.counter(answer) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        if answer == Answer::Broken {
            std::thread::sleep(Duration::from_millis(50));
        }
        Try { sent, answered, answer }
    }

    fn counter(&self, answer: Answer) -> Option<&AtomicUsize> {
        match answer {
            Answer::Acked => Some(&self.acked),
            Answer::Spooled => Some(&self.spooled),
            Answer::Refused => Some(&self.refused),
            Answer::Duplicate | Answer::Broken => None,
        }
    }

    fn event(&self) -> Sent {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (kind, field) = TYPES[number % TYPES.len()];
        let key = format!("key-{}", number / TYPES.len() % KEYS);
        Sent { kind, body: body(kind, field, &key, number, self.shape.body_bytes), key, tries: Vec::new() }
    }
}

pub(crate) fn body(kind: &str, field: &str, key: &str, number: usize, bytes: usize) -> Vec<u8> {
    let head = format!(
        r#"{{"event":"{kind}","timestamp":"2026-03-12T14:32:00Z","data":{{"{field}":"{key}","mark":"mark-{number}-","pad":""#
    );
    let pad = "x".repeat(bytes.saturating_sub(head.len() + 3));
    format!("{head}{pad}\"}}}}").into_bytes()
}

fn read(response: &http::Response) -> Answer {
    match (response.status, response.json()["outcome"].as_str()) {
        (200, Some("acked")) => Answer::Acked,
        (200, Some("spooled")) => Answer::Spooled,
        (200, Some("duplicate")) => Answer::Duplicate,
        (503, _) if response.header("retry-after").is_some() => Answer::Refused,
        _ => panic!("a well-formed event was answered {}: {}", response.status, response.text()),
    }
}
