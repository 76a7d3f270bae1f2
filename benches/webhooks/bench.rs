use super::cases::{BODY, FULL, TOPICS};
use super::gauge::events::{Events, documented};
use super::gauge::load::{Answers, Sample, Target, closed_loop};
use super::kit::bridge::{Bridge, PATH};
use super::kit::consume::create_topic_with;
use super::kit::kafka::{Kafka, Options};
use super::kit::process::Process;
use super::results::{Fact, Results, Row};
use std::cell::RefCell;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// Seconds of full load.
const WARM_UP: u64 = 15;

/// In baseline and bridge.
const WORKERS: usize = 2;

pub(crate) const PARTITIONS: i32 = 6;

pub(crate) const PREFIX: &str = "bench.";

/// Short retention, or bodies of 900 KiB fill the disk.
const TOPIC: [(&str, &str); 3] =
    [("segment.bytes", "33554432"), ("retention.bytes", "33554432"), ("file.delete.delay.ms", "1000")];

pub(crate) struct Bench {
    pub(crate) kafka: Kafka,
    pub(crate) rounds: usize,
    pub(crate) seconds: u64,
    topics: RefCell<HashSet<String>>,
    results: RefCell<Results>,
}

pub(crate) struct Floor {
    process: Process,
    address: SocketAddr,
}

pub(crate) struct Spooling {
    pub(crate) bridge: Bridge,
    _folder: TempDir,
}

impl Bench {
    pub(crate) fn new(rounds: usize, seconds: u64) -> Self {
        let options = Options { jvm: &["-Xmx1g", "-Dlog4j2.level=WARN"], ..Options::default() };
        let options = options.property("log.retention.check.interval.ms", "2000");
        let (topics, results) = (RefCell::default(), RefCell::default());
        let bench = Self { kafka: Kafka::start(options), rounds, seconds, topics, results };
        bench.warm_up();
        bench
    }

    /// Java compiles at run time: a warm broker answers in half of the time.
    fn warm_up(&self) {
        let floor = self.floor(TOPICS);
        closed_loop(floor.target(), &Events::new(documented(BODY), PATH), FULL, WARM_UP, Answers::Ok);
    }

    pub(crate) fn into_results(self) -> Results {
        self.results.into_inner()
    }

    pub(crate) fn make_topics<S: AsRef<str>>(&self, names: impl IntoIterator<Item = S>, partitions: i32) {
        for name in names {
            if self.topics.borrow_mut().insert(name.as_ref().to_owned()) {
                create_topic_with(self.kafka.bootstrap(), name.as_ref(), partitions, 1, &TOPIC);
            }
        }
    }

    pub(crate) fn floor(&self, topics: usize) -> Floor {
        self.floor_with(topics, &[])
    }

    pub(crate) fn floor_with(&self, topics: usize, arguments: &[&str]) -> Floor {
        let topics: Vec<String> = (0..topics).map(|topic| format!("floor.{topic}")).collect();
        self.floor_on(&topics, arguments)
    }

    pub(crate) fn floor_on(&self, topics: &[String], arguments: &[&str]) -> Floor {
        self.make_topics(topics, PARTITIONS);
        let mut command = Command::new(floor_program());
        command.args(["--bootstrap", self.kafka.bootstrap(), "--topics", &topics.join(",")]);
        command.args(["--workers", &WORKERS.to_string()]).args(arguments);
        let process = Process::start(&mut command);
        let line = process.wait_for_line("floor on ", Duration::from_secs(30));
        let address = line.rsplit(' ').next().and_then(|address| address.parse().ok()).expect("an address");
        Floor { process, address }
    }

    /// The bridge will write to `topics`.
    pub(crate) fn bridge<S: AsRef<str>>(
        &self,
        topics: impl IntoIterator<Item = S>,
        settings: &[&str],
    ) -> Spooling {
        self.make_topics(topics.into_iter().map(|topic| format!("{PREFIX}{}", topic.as_ref())), PARTITIONS);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let directory = format!("spool.directory={}", folder.path().join("spool").display());
        let prefix = format!("topics.prefix={PREFIX}");
        let workers = format!("server.workers={WORKERS}");
        let own = [&*directory, &*prefix, &*workers, "kafka.ack_deadline=2s"];
        let settings: Vec<&str> = own.into_iter().chain(settings.iter().copied()).collect();
        Spooling { bridge: Bridge::serve(self.kafka.bootstrap(), &settings), _folder: folder }
    }

    /// Starts with a round that does not count.
    pub(crate) fn compare(&self, case: &'static str, name: &str, base: Side<'_>, ours: Side<'_>) {
        let mut row =
            Row { case, name: name.to_owned(), against: base.name, base: Vec::new(), ours: Vec::new() };
        for side in [&base, &ours] {
            (side.load)(self.seconds.min(2));
        }
        for round in 1..=self.rounds {
            for (side, samples) in [(&base, &mut row.base), (&ours, &mut row.ours)] {
                let sample = (side.load)(self.seconds);
                let Sample { rate, cpu, p50, p99, .. } = sample;
                eprintln!(
                    "{case}: {name}: round {round} of {}: {rate:>8.0}/s, {cpu:>6.1} µs, p50 {p50:.2} ms, p99 {p99:.2} ms  {}",
                    self.rounds, side.name
                );
                samples.push(sample);
            }
        }
        self.results.borrow_mut().rows.push(row);
    }

    pub(crate) fn note(&self, case: &'static str, name: &str, values: Vec<f64>) {
        eprintln!("{case}: {name}: {values:.2?}");
        self.results.borrow_mut().facts.push(Fact { case, name: name.to_owned(), values });
    }
}

pub(crate) struct Side<'a> {
    pub(crate) name: &'static str,
    /// Takes seconds.
    pub(crate) load: Box<dyn Fn(u64) -> Sample + 'a>,
}

impl<'a> Side<'a> {
    pub(crate) fn new(name: &'static str, load: impl Fn(u64) -> Sample + 'a) -> Self {
        Self { name, load: Box::new(load) }
    }

    pub(crate) fn closed(
        name: &'static str,
        target: Target<'a>,
        events: &'a Events,
        connections: usize,
    ) -> Self {
        Self::new(name, move |seconds| closed_loop(target, events, connections, seconds, Answers::Ok))
    }
}

impl Floor {
    pub(crate) fn target(&self) -> Target<'_> {
        Target { pid: self.process.pid(), address: self.address, path: PATH }
    }
}

impl Spooling {
    pub(crate) fn target(&self) -> Target<'_> {
        Target { pid: self.bridge.process.pid(), address: self.bridge.ingress, path: PATH }
    }

    pub(crate) fn drained(&self) -> f64 {
        self.bridge.metric_sum("spool_drained_total")
    }
}

fn floor_program() -> PathBuf {
    let own = std::env::current_exe().expect("a path of its own");
    let program = own.ancestors().nth(2).expect("a target folder").join("examples/floor");
    assert!(program.exists(), "{} is not built: start this by benches/run", program.display());
    program
}
