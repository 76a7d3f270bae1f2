//! Kafka may refuse the first record of a topic that is some milliseconds old with NOT_LEADER_OR_FOLLOWER and accept
//! the second, despite the gap in the sequence. librdkafka then reports both as delivered. Here a relay before a real
//! broker refuses.

use crate::kit::bridge::{Bridge, until};
use crate::kit::consume;
use crate::kit::kafka::{Kafka, Options};
use crate::kit::topic_name;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const LISTENER: &str = "RELAYED";
const PRODUCE: [u8; 2] = [0, 0];

#[test]
fn record_refused_by_a_late_leader_does_not_count_as_written() {
    let relay = Relay::listen();
    let port = relay.listener.local_addr().expect("an address").port();
    let kafka = Kafka::start(Options {
        listeners: vec![(LISTENER, "PLAINTEXT")],
        advertised: Some((LISTENER, vec![port])),
        ..Options::default()
    });
    let holding = relay.start(kafka.broker(0).address(LISTENER));
    let spool = tempfile::tempdir().expect("a directory");
    let spool = format!("spool.directory={}", spool.path().display());
    let prefix = topic_name("late");
    // Otherwise the broker itself may be a late leader, and refuse the second record as well.
    consume::create_topic(kafka.bootstrap(), &format!("{prefix}.call.missed"), 6);
    let prefix = format!("topics.prefix={prefix}.");
    let bridge = Bridge::serve(&format!("127.0.0.1:{port}"), &[&spool, &prefix]);

    let [first, second] = [1, 2].map(|ring| {
        format!(
            r#"{{"event":"call.missed","timestamp":"2026-03-12T14:32:00Z","data":{{"call_id":"call_1","ring_duration":{ring}}}}}"#
        )
        .into_bytes()
    });
    let status = std::thread::scope(|scope| {
        let answer = scope.spawn(|| bridge.post(&first).status);
        until("the first record to be held back", || holding.load(Ordering::SeqCst));
        assert_eq!(bridge.post(&second).status, 200);
        answer.join().expect("an answer")
    });
    assert_eq!(status, 200);
    let stand =
        consume::read_topic(kafka.bootstrap(), &bridge.topic("call.missed"), 2, Duration::from_secs(60));
    let values: Vec<_> = stand.iter().map(|record| &record.value).collect();
    assert_eq!(values.len(), 2);
    assert!(values.contains(&&first) && values.contains(&&second));
    let refusals = r#"kafka_delivery_errors_total{kind="unproved"}"#;
    assert_eq!(bridge.metric(refusals), 1, "librdkafka no longer confuses the two records");
}

struct Relay {
    listener: TcpListener,
}

impl Relay {
    fn listen() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").expect("a port") }
    }

    /// The flag is set while the first record is delayed.
    fn start(self, target: String) -> Arc<AtomicBool> {
        let holding = Arc::new(AtomicBool::new(false));
        let returned = Arc::clone(&holding);
        std::thread::spawn(move || {
            for client in self.listener.incoming().map_while(Result::ok) {
                let (target, holding) = (target.clone(), Arc::clone(&holding));
                std::thread::spawn(move || drop(relay(client, &target, &holding)));
            }
        });
        returned
    }
}

fn relay(client: TcpStream, target: &str, holding: &AtomicBool) -> io::Result<()> {
    let broker = TcpStream::connect(target)?;
    let (mut requests, mut answers) = (client.try_clone()?, broker.try_clone()?);
    // Two threads write answers, each as a whole.
    let client = Arc::new(Mutex::new(client));
    let to_client = Arc::clone(&client);
    std::thread::spawn(move || {
        while let Ok(answer) = frame(&mut answers) {
            let mut client = to_client.lock().unwrap_or_else(PoisonError::into_inner);
            if client.write_all(&answer).is_err() {
                return;
            }
        }
    });
    let (mut broker, mut refusal) = (broker, None);
    loop {
        let request = frame(&mut requests)?;
        if request[4..6] == PRODUCE {
            if !holding.swap(true, Ordering::SeqCst) {
                refusal = Some(refuse(&request));
                continue;
            }
            if let Some(refusal) = refusal.take() {
                client.lock().unwrap_or_else(PoisonError::into_inner).write_all(&refusal)?;
            }
        }
        broker.write_all(&request)?;
    }
}

fn frame(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    from.read_exact(&mut frame)?;
    let length = u32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]]);
    frame.resize(4 + usize::try_from(length).expect("32 bits"), 0);
    from.read_exact(&mut frame[4..])?;
    Ok(frame)
}

/// Answers librdkafka's produce request, version 9 or 10, of one partition.
fn refuse(request: &[u8]) -> Vec<u8> {
    let (version, correlation) = (&request[6..8], &request[8..12]);
    assert!(matches!(version, [0, 9 | 10]), "produce requests of version {version:?} have another layout");
    let client_id = usize::from(u16::from_be_bytes([request[12], request[13]]));
    // After the client's id: tags, transactional id, acks, timeout, one topic.
    let topic = 14 + client_id + 1 + 1 + 2 + 4 + 1;
    let name = usize::from(request[topic]);
    assert!(name < 128, "a topic of that length has a longer length");
    // Compact lengths are one higher. Then one partition with its index.
    let name = &request[topic..topic + name];
    let partition = topic + name.len() + 1;
    let index = &request[partition..partition + 4];
    let mut answer = [correlation, &[0, 2], name, &[2], index].concat();
    answer.extend(6_i16.to_be_bytes());
    // Offset, time and start of the log are unknown; no record errors, no message; tags.
    answer.extend([-1_i64; 3].map(i64::to_be_bytes).concat());
    answer.extend([1, 0, 0, 0]);
    // No throttling; tags.
    answer.extend([0; 5]);
    let length = u32::try_from(answer.len()).expect("a short answer").to_be_bytes();
    [length.as_slice(), &answer].concat()
}
