//! Broker that reports once that there are no brokers, like fenced brokers. It accepts no record. Its answer
//! is long enough that librdkafka still parses it while it drops the known brokers, and then has none.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Numbers of partitions. The order of the first topic's partitions makes librdkafka sort for long.
const TOPICS: [(&str, i32); 2] = [("others", 40_000), ("calls", 2)];
const NEXT: i32 = 7_919;

const PRODUCE: i16 = 0;
const METADATA: i16 = 3;
const API_VERSIONS: i16 = 18;
const INIT_PRODUCER_ID: i16 = 22;

/// With their highest versions.
const UNDERSTOOD: [(i16, i16); 4] = [(PRODUCE, 3), (METADATA, 1), (API_VERSIONS, 3), (INIT_PRODUCER_ID, 0)];

pub(in crate::kafka) struct ForgetfulBroker {
    address: SocketAddr,
    memory: Arc<Memory>,
}

#[derive(Default)]
struct Memory {
    forgets: AtomicBool,
    /// Number of answers that named the broker.
    named: AtomicUsize,
}

impl ForgetfulBroker {
    pub(in crate::kafka) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, memory) = (listener.local_addr().unwrap(), Arc::<Memory>::default());
        let shared = Arc::clone(&memory);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let memory = Arc::clone(&shared);
                std::thread::spawn(move || drop(memory.serve(client, address)));
            }
        });
        Self { address, memory }
    }

    pub(in crate::kafka) fn address(&self) -> String {
        self.address.to_string()
    }

    pub(in crate::kafka) fn named(&self) -> usize {
        self.memory.named.load(Ordering::SeqCst)
    }

    pub(in crate::kafka) fn forget(&self) {
        self.memory.forgets.store(true, Ordering::SeqCst);
    }

    /// Returns whether the answer without brokers was sent.
    pub(in crate::kafka) fn has_forgotten(&self) -> bool {
        !self.memory.forgets.load(Ordering::SeqCst)
    }
}

impl Memory {
    fn serve(&self, mut client: TcpStream, address: SocketAddr) -> io::Result<()> {
        loop {
            let request = frame(&mut client)?;
            let (api, correlation) = (i16::from_be_bytes([request[0], request[1]]), &request[4..8]);
            let body = match api {
                API_VERSIONS => versions(),
                METADATA => self.metadata(address),
                // No throttling, no error, id and epoch.
                INIT_PRODUCER_ID => vec![0; 16],
                _ => continue,
            };
            let answer = [correlation, &body].concat();
            client.write_all(&u32::try_from(answer.len()).unwrap().to_be_bytes())?;
            client.write_all(&answer)?;
        }
    }

    /// Brokers, controller and topics.
    fn metadata(&self, address: SocketAddr) -> Vec<u8> {
        let forgets = self.forgets.swap(false, Ordering::SeqCst);
        let (brokers, leader, error) = if forgets { (0, -1, 5) } else { (1, 1, 0) };
        let mut body = i32::to_be_bytes(brokers).to_vec();
        if !forgets {
            self.named.fetch_add(1, Ordering::SeqCst);
            body.extend(1_i32.to_be_bytes());
            body.extend(text(&address.ip().to_string()));
            body.extend(i32::from(address.port()).to_be_bytes());
            // No rack.
            body.extend((-1_i16).to_be_bytes());
        }
        body.extend([1_i32, 2].map(i32::to_be_bytes).concat());
        for (topic, partitions) in TOPICS {
            body.extend(0_i16.to_be_bytes());
            body.extend(text(topic));
            body.push(0);
            body.extend(partitions.to_be_bytes());
            for index in 0..partitions {
                body.extend(i16::to_be_bytes(error));
                let partition = index * NEXT % partitions;
                // No replicas, no in-sync replicas.
                body.extend([partition, leader, 0, 0].map(i32::to_be_bytes).concat());
            }
        }
        body
    }
}

/// Error code 0, a compact array (its length plus one), tags, no throttling, tags.
fn versions() -> Vec<u8> {
    let each = UNDERSTOOD.iter().flat_map(|(api, version)| {
        [&api.to_be_bytes()[..], &0_i16.to_be_bytes(), &version.to_be_bytes(), &[0]].concat()
    });
    let count = u8::try_from(UNDERSTOOD.len() + 1).unwrap();
    [0, 0, count].into_iter().chain(each).chain([0; 5]).collect()
}

fn text(text: &str) -> Vec<u8> {
    let length = i16::try_from(text.len()).unwrap();
    [&length.to_be_bytes(), text.as_bytes()].concat()
}

/// Reads a request without its length.
fn frame(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut frame = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
    from.read_exact(&mut frame)?;
    Ok(frame)
}
