//! Health of the bridge: lifecycle, Kafka, spool and memory budget, and the readiness that follows.

use chrono::{DateTime, SecondsFormat, Utc};
use parking_lot::Mutex;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum LifecycleState {
    Starting,
    Serving,
    /// Finishes work in flight before the stop.
    Draining,
}

impl LifecycleState {
    const ALL: [Self; 3] = [Self::Starting, Self::Serving, Self::Draining];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Serving => "serving",
            Self::Draining => "draining",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum KafkaState {
    Unknown,
    Up,
    Down,
}

impl KafkaState {
    const ALL: [Self; 3] = [Self::Unknown, Self::Up, Self::Down];

    const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum SpoolState {
    Absent,
    Accepting,
    /// Full, or its disk fails or hangs.
    Failing,
}

impl SpoolState {
    const ALL: [Self; 3] = [Self::Absent, Self::Accepting, Self::Failing];

    const fn name(self) -> &'static str {
        match self {
            Self::Absent => "none",
            Self::Accepting => "taking",
            Self::Failing => "full or failing",
        }
    }
}

/// Some of the text comes from brokers.
const MAX_REASON_CHARS: usize = 300;

/// A younger failed request is the likely cause when Kafka goes down.
const MAX_CAUSE_AGE: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
struct Outage {
    reason: String,
    cause: Option<(String, Instant)>,
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some((cause, _)) => write!(f, "{} ({cause})", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// Rooms that know a fact set it; probes and delivery read it.
#[derive(Debug)]
pub struct Readiness {
    state: AtomicU8,
    /// [`KafkaState`] in the lowest two bits; above them the time of the last change, in milliseconds since
    /// 1970. One word keeps the two consistent.
    kafka: AtomicU64,
    outage: Mutex<Outage>,
    spool: AtomicU8,
    acknowledged: AtomicU64,
    budget_stuck: AtomicBool,
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

impl Readiness {
    pub fn new() -> Self {
        Self {
            state: AtomicU8::new(LifecycleState::Starting as u8),
            kafka: AtomicU64::new(pack(KafkaState::Unknown, Utc::now())),
            outage: Mutex::default(),
            spool: AtomicU8::new(SpoolState::Absent as u8),
            acknowledged: AtomicU64::new(0),
            budget_stuck: AtomicBool::new(false),
        }
    }

    pub fn state(&self) -> LifecycleState {
        LifecycleState::ALL[usize::from(self.state.load(Ordering::Acquire))]
    }

    pub fn set_state(&self, state: LifecycleState) {
        self.state.store(state as u8, Ordering::Release);
    }

    /// Returns also the time of the last change.
    pub fn kafka(&self) -> (KafkaState, DateTime<Utc>) {
        unpack(self.kafka.load(Ordering::Acquire))
    }

    /// Sets Kafka up too.
    pub fn kafka_acknowledged(&self) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
        self.kafka_up();
    }

    /// If the number stays while an event misses its deadline, all of Kafka is stuck and not only one topic.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Logs a change.
    pub fn kafka_up(&self) {
        if self.set_kafka(KafkaState::Up) {
            *self.outage.lock() = Outage::default();
            tracing::info!("Kafka is up");
        }
    }

    /// Kafka may be up nevertheless.
    pub fn kafka_failed(&self, cause: &str) {
        let cause: String = cause.chars().take(MAX_REASON_CHARS).collect();
        self.outage.lock().cause = Some((cause, Instant::now()));
    }

    /// Logs a change.
    pub fn kafka_down(&self, reason: &str) {
        if self.set_kafka(KafkaState::Down) {
            let mut outage = self.outage.lock();
            outage.reason = reason.chars().take(MAX_REASON_CHARS).collect();
            outage.cause.take_if(|(_, at)| at.elapsed() > MAX_CAUSE_AGE);
            let reason = outage.to_string();
            drop(outage);
            tracing::warn!(reason, "Kafka is down");
        }
    }

    /// Returns whether the state changed. Otherwise this costs one load and keeps the time.
    fn set_kafka(&self, kafka: KafkaState) -> bool {
        let is_change = self.kafka().0 != kafka;
        if is_change {
            self.kafka.store(pack(kafka, Utc::now()), Ordering::Release);
        }
        is_change
    }

    pub fn spool(&self) -> SpoolState {
        SpoolState::ALL[usize::from(self.spool.load(Ordering::Acquire))]
    }

    /// Logs a change.
    pub fn set_spool(&self, spool: SpoolState) {
        let before = self.spool.swap(spool as u8, Ordering::AcqRel);
        match spool {
            SpoolState::Failing if before != spool as u8 => {
                tracing::warn!("the spool takes no records: it is full, or its disk fails or hangs");
            }
            SpoolState::Accepting if before == SpoolState::Failing as u8 => {
                tracing::info!("the spool takes records again");
            }
            _ => {}
        }
    }

    /// The budget has been full for longer than a request may take.
    pub fn set_budget_stuck(&self, is_stuck: bool) {
        let before = self.budget_stuck.swap(is_stuck, Ordering::AcqRel);
        if is_stuck && !before {
            tracing::warn!("the memory budget stays full: new requests are answered 503 over_budget");
        } else if before && !is_stuck {
            tracing::info!("the memory budget has room again");
        }
    }

    /// Serving, Kafka up or the spool accepting, and the memory budget not full all the time.
    pub fn is_ready(&self) -> bool {
        let has_storage = self.kafka().0 == KafkaState::Up || self.spool() == SpoolState::Accepting;
        self.state() == LifecycleState::Serving && has_storage && !self.budget_stuck.load(Ordering::Acquire)
    }

    pub fn parts(&self) -> [(&'static str, String); 4] {
        let budget = if self.budget_stuck.load(Ordering::Acquire) { "full" } else { "taking" };
        let (kafka, since) = self.kafka();
        let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
        let reason = match kafka {
            KafkaState::Down => format!(": {}", self.outage.lock()),
            KafkaState::Unknown | KafkaState::Up => String::new(),
        };
        [
            ("state", self.state().name().to_owned()),
            ("kafka", format!("{} since {since}{reason}", kafka.name())),
            ("spool", self.spool().name().to_owned()),
            ("budget", budget.to_owned()),
        ]
    }
}

fn pack(kafka: KafkaState, since: DateTime<Utc>) -> u64 {
    (since.timestamp_millis().max(0) as u64) << 2 | kafka as u64
}

fn unpack(word: u64) -> (KafkaState, DateTime<Utc>) {
    let since = DateTime::from_timestamp_millis((word >> 2) as i64).unwrap_or_default();
    (KafkaState::ALL[(word & 3) as usize], since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_while_serving_with_kafka_up() {
        let readiness = Readiness::new();
        let ready = |state, kafka| {
            readiness.set_state(state);
            readiness.set_kafka(kafka);
            readiness.is_ready()
        };
        readiness.set_state(LifecycleState::Serving);
        assert!(!readiness.is_ready(), "before Kafka answered");
        assert!(!ready(LifecycleState::Starting, KafkaState::Up));
        assert!(ready(LifecycleState::Serving, KafkaState::Up));
        assert!(!ready(LifecycleState::Serving, KafkaState::Down));
        assert!(!ready(LifecycleState::Draining, KafkaState::Up));
    }

    #[test]
    fn accepting_spool_replaces_kafka() {
        let readiness = Readiness::new();
        readiness.set_state(LifecycleState::Serving);
        for (spool, kafka, ready) in [
            (SpoolState::Accepting, KafkaState::Unknown, true),
            (SpoolState::Accepting, KafkaState::Down, true),
            (SpoolState::Failing, KafkaState::Down, false),
            (SpoolState::Failing, KafkaState::Up, true),
            (SpoolState::Absent, KafkaState::Down, false),
        ] {
            readiness.set_spool(spool);
            readiness.set_kafka(kafka);
            assert_eq!(readiness.is_ready(), ready, "{spool:?} {kafka:?}");
        }
    }

    #[test]
    fn time_of_the_last_change_is_kept() {
        let readiness = Readiness::new();
        readiness.kafka.store(pack(KafkaState::Down, DateTime::UNIX_EPOCH), Ordering::Release);
        readiness.set_kafka(KafkaState::Down);
        assert_eq!(readiness.kafka(), (KafkaState::Down, DateTime::UNIX_EPOCH));
        readiness.set_kafka(KafkaState::Up);
        assert!(readiness.kafka().1 > DateTime::UNIX_EPOCH);
    }

    #[test]
    fn readyz_has_a_line_for_each_part() {
        let readiness = Readiness::new();
        readiness.kafka.store(pack(KafkaState::Up, DateTime::UNIX_EPOCH), Ordering::Release);
        let parts = readiness.parts();
        assert_eq!(parts[0], ("state", "starting".to_owned()));
        assert_eq!(parts[1], ("kafka", "up since 1970-01-01T00:00:00Z".to_owned()));
        assert_eq!(parts[2], ("spool", "none".to_owned()));
        assert_eq!(parts[3], ("budget", "taking".to_owned()));
        readiness.set_budget_stuck(true);
        assert_eq!(readiness.parts()[3], ("budget", "full".to_owned()));
    }

    #[test]
    fn readyz_names_the_cause_while_kafka_is_down() {
        let readiness = Readiness::new();
        let line = || readiness.parts()[1].1.clone();
        readiness.kafka_failed("a:9092: refused");
        readiness.kafka_up();
        assert!(!line().contains("refused"), "{}", line());
        readiness.kafka_failed("a:9092: not resolved");
        readiness.kafka_down("no broker can be reached");
        assert!(line().ends_with("Z: no broker can be reached (a:9092: not resolved)"), "{}", line());
        // The first reason and the last cause are shown.
        readiness.kafka_down("another reason");
        readiness.kafka_failed(&"long ".repeat(1000));
        assert!(line().contains("no broker can be reached (long long"), "{}", line());
        assert!(line().len() < 400, "{}", line());
        readiness.kafka_up();
        assert!(line().starts_with("up since ") && line().ends_with('Z'), "{}", line());
    }
}
