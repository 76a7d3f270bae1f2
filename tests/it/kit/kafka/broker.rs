use super::Options;
use crate::kit::java::java;
use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;

pub(super) const PLAIN_LISTENER: &str = "PLAIN";
const CONTROLLER_LISTENER: &str = "CONTROLLER";

/// Arbitrary sixteen bytes in URL-safe Base64, as Kafka requires.
const CLUSTER_ID: &str = "justcall-bridge-kit-0w";

/// Below the ports of outgoing connections, so that none takes a stopped broker's port.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

pub(crate) struct Broker {
    folder: TempDir,
    ports: BTreeMap<&'static str, u16>,
    format: Vec<String>,
    jvm: &'static [&'static str],
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    process: Option<Child>,
    /// Stops the broker until standard input ends, at the latest with the test process.
    freezer: Option<Child>,
}

impl Broker {
    pub(super) fn prepare(options: &Options) -> Vec<Self> {
        let mut names = vec![PLAIN_LISTENER, CONTROLLER_LISTENER];
        names.extend(options.listeners.iter().map(|(name, _)| *name));
        let free = free_ports(names.len() * options.brokers);
        let ports: Vec<BTreeMap<_, _>> = free
            .chunks(names.len())
            .map(|ports| names.iter().copied().zip(ports.iter().copied()).collect())
            .collect();
        let voters: Vec<String> = (1..)
            .zip(&ports)
            .map(|(id, ports)| format!("{id}@127.0.0.1:{}", ports[CONTROLLER_LISTENER]))
            .collect();
        (1..)
            .zip(ports)
            .map(|(id, ports)| {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let mut properties = properties(id, &ports, options);
                properties.insert("controller.quorum.voters".into(), voters.join(","));
                properties.insert("log.dirs".into(), folder.path().join("data").display().to_string());
                properties.extend(options.properties.iter().cloned());
                let lines: Vec<String> =
                    properties.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
                fs::write(folder.path().join("server.properties"), lines.concat())
                    .expect("server.properties");
                Self {
                    folder,
                    ports,
                    format: options.format.clone(),
                    jvm: options.jvm,
                    state: Mutex::default(),
                }
            })
            .collect()
    }

    pub(crate) fn address(&self, listener: &str) -> String {
        format!("127.0.0.1:{}", self.ports[listener])
    }

    pub(crate) fn start(&self) {
        let log = File::options().create(true).append(true).open(self.folder.path().join("broker.log"));
        let log = log.expect("broker.log");
        let mut command = java(self.jvm, "KitBroker");
        command.arg(self.folder.path()).args(["--cluster-id", CLUSTER_ID]).args(&self.format);
        command.stdout(log.try_clone().expect("a second handle")).stderr(log);
        // The broker ends with this pipe.
        command.stdin(Stdio::piped());
        self.state().process = Some(command.spawn().expect("java starts"));
    }

    pub(crate) fn freeze(&self) {
        let mut state = self.state();
        let process = state.process.as_ref().expect("only a running broker can be frozen");
        let mut freezer = Command::new("sh")
            .args(["-c", "kill -STOP $0 && echo frozen; read -r _; kill -CONT $0"])
            .arg(process.id().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let mut answer = String::new();
        let stdout = freezer.stdout.take().expect("piped above");
        BufReader::new(stdout).read_line(&mut answer).expect("sh answers");
        assert_eq!(answer, "frozen\n", "the broker could not be stopped");
        state.freezer = Some(freezer);
    }

    pub(crate) fn thaw(&self) {
        if let Some(freezer) = self.state().freezer.take() {
            end(freezer);
        }
    }

    pub(crate) fn kill(&self) {
        let mut state = self.state();
        if let Some(process) = &mut state.process {
            let _ = process.kill();
        }
        // Before the wait, so that the freezer cannot signal a reused process id.
        if let Some(freezer) = state.freezer.take() {
            end(freezer);
        }
        if let Some(process) = state.process.take() {
            end(process);
        }
    }

    pub(crate) fn wipe(&self) {
        assert!(!self.is_running(), "a running broker would notice");
        // Missing if the broker never started.
        let _ = fs::remove_dir_all(self.folder.path().join("data"));
    }

    pub(crate) fn is_running(&self) -> bool {
        let mut state = self.state();
        state.process.as_mut().is_some_and(|process| matches!(process.try_wait(), Ok(None)))
    }

    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.folder.path().join("broker.log")).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(8_000)..]).into_owned()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A failed test must still be able to clean up.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

fn end(mut process: Child) {
    drop(process.stdin.take());
    process.wait().expect("the child's end");
}

fn properties(id: i32, ports: &BTreeMap<&str, u16>, options: &Options) -> BTreeMap<String, String> {
    let copies = options.brokers.to_string();
    let listeners: Vec<String> =
        ports.iter().map(|(name, port)| format!("{name}://127.0.0.1:{port}")).collect();
    let advertised: Vec<String> = ports
        .iter()
        .filter(|(name, _)| **name != CONTROLLER_LISTENER)
        .map(|(name, port)| format!("{name}://127.0.0.1:{}", advertised_port(id, name, *port, options)))
        .collect();
    let mut protocols = format!("{PLAIN_LISTENER}:PLAINTEXT,{CONTROLLER_LISTENER}:PLAINTEXT");
    for (name, protocol) in &options.listeners {
        protocols.push_str(&format!(",{name}:{protocol}"));
    }
    [
        ("process.roles", "broker,controller"),
        ("node.id", &id.to_string()),
        ("controller.listener.names", CONTROLLER_LISTENER),
        ("inter.broker.listener.name", PLAIN_LISTENER),
        ("listeners", &listeners.join(",")),
        ("advertised.listeners", &advertised.join(",")),
        ("listener.security.protocol.map", &protocols),
        ("auto.create.topics.enable", "false"),
        ("default.replication.factor", &copies),
        ("offsets.topic.num.partitions", "1"),
        ("offsets.topic.replication.factor", &copies),
        ("transaction.state.log.num.partitions", "1"),
        ("transaction.state.log.replication.factor", &copies),
        ("transaction.state.log.min.isr", "1"),
        ("share.coordinator.state.topic.replication.factor", &copies),
        ("share.coordinator.state.topic.min.isr", "1"),
        ("group.initial.rebalance.delay.ms", "0"),
        // A restarted broker waits until its former session has expired.
        ("broker.session.timeout.ms", "3000"),
        ("broker.heartbeat.interval.ms", "500"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn advertised_port(id: i32, listener: &str, own: u16, options: &Options) -> u16 {
    let index = usize::try_from(id - 1).expect("ids begin with 1");
    match &options.advertised {
        Some((name, ports)) if *name == listener => ports[index],
        _ => own,
    }
}

fn free_ports(count: usize) -> Vec<u16> {
    let random = RandomState::new();
    let width = u64::from(PORTS.end - PORTS.start);
    let mut tried = HashSet::new();
    let mut held = Vec::new();
    for attempt in 0..1_000_u32 {
        let offset = u16::try_from(random.hash_one(attempt) % width).expect("less than the width");
        let port = PORTS.start + offset;
        if tried.insert(port)
            && let Ok(listener) = TcpListener::bind(("127.0.0.1", port))
        {
            held.push((port, listener));
        }
        if held.len() == count {
            return held.into_iter().map(|(port, _)| port).collect();
        }
    }
    panic!("no free ports in {PORTS:?}");
}
