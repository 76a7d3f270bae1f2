//! Whether the bridge can take webhooks.

use chrono::{DateTime, SecondsFormat, Utc};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Where the process is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// Not everything is up yet.
    Starting,
    /// It takes webhooks.
    Serving,
    /// It was told to stop and finishes what it has.
    Draining,
}

impl State {
    const ALL: [Self; 3] = [Self::Starting, Self::Serving, Self::Draining];

    /// As `/readyz` shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Serving => "serving",
            Self::Draining => "draining",
        }
    }
}

/// Whether Kafka takes records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum KafkaState {
    /// Nothing was heard of it yet.
    Unknown,
    /// It acknowledges.
    Up,
    /// It does not.
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

/// Whether the spool takes records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum SpoolState {
    /// There is none.
    Absent,
    /// It does.
    Taking,
    /// It is full, or its disk fails.
    Failing,
}

impl SpoolState {
    const ALL: [Self; 3] = [Self::Absent, Self::Taking, Self::Failing];

    const fn name(self) -> &'static str {
        match self {
            Self::Absent => "none",
            Self::Taking => "taking",
            Self::Failing => "full or failing",
        }
    }
}

/// Longest text of a reason or a cause, in characters: some of it is from brokers.
const MAX_CAUSE: usize = 300;

/// Age up to which a failed request is the likely cause when Kafka goes down.
const CAUSE_AGE: Duration = Duration::from_secs(60);

/// Reason for which Kafka is down, and the last failed request.
#[derive(Debug, Default)]
struct Trouble {
    reason: String,
    cause: Option<(String, Instant)>,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some((cause, _)) => write!(f, "{} ({cause})", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// The facts that readiness follows from. Written by the parts that know them, read by probes.
#[derive(Debug)]
pub struct Readiness {
    state: AtomicU8,
    /// A [`KafkaState`] in the lowest two bits, above it the milliseconds since 1970 when it began:
    /// one word, so that the two always belong together.
    kafka: AtomicU64,
    trouble: Mutex<Trouble>,
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
    /// Starting, Kafka unknown, no spool.
    pub fn new() -> Self {
        Self {
            state: AtomicU8::new(State::Starting as u8),
            kafka: AtomicU64::new(pack(KafkaState::Unknown, Utc::now())),
            trouble: Mutex::default(),
            spool: AtomicU8::new(SpoolState::Absent as u8),
            acknowledged: AtomicU64::new(0),
            budget_stuck: AtomicBool::new(false),
        }
    }

    /// Where the process is in its life.
    pub fn state(&self) -> State {
        State::ALL[usize::from(self.state.load(Ordering::Acquire))]
    }

    /// Moves the process on in its life.
    pub fn set_state(&self, state: State) {
        self.state.store(state as u8, Ordering::Release);
    }

    /// Whether Kafka takes records, and since when that is so.
    pub fn kafka(&self) -> (KafkaState, DateTime<Utc>) {
        unpack(self.kafka.load(Ordering::Acquire))
    }

    /// Kafka acknowledged a record.
    pub fn kafka_acknowledged(&self) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
        self.kafka_up();
    }

    /// Records acknowledged so far. If the number stands still while an event misses its deadline, it
    /// is Kafka that stands still, not one topic.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Kafka answers.
    pub fn kafka_up(&self) {
        if self.set_kafka(KafkaState::Up) {
            *self.trouble() = Trouble::default();
            tracing::info!("Kafka is up");
        }
    }

    /// A request to Kafka failed for this cause. Kafka may be up all the same.
    pub fn kafka_failed(&self, cause: &str) {
        let cause: String = cause.chars().take(MAX_CAUSE).collect();
        self.trouble().cause = Some((cause, Instant::now()));
    }

    /// Kafka takes no records, for this reason.
    pub fn kafka_down(&self, reason: &str) {
        if self.set_kafka(KafkaState::Down) {
            let mut trouble = self.trouble();
            trouble.reason = reason.chars().take(MAX_CAUSE).collect();
            trouble.cause.take_if(|(_, at)| at.elapsed() > CAUSE_AGE);
            let reason = trouble.to_string();
            drop(trouble);
            tracing::warn!(reason, "Kafka is down");
        }
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether that is news. Costs one load where it is none, and then keeps the time since
    /// when it is so.
    fn set_kafka(&self, kafka: KafkaState) -> bool {
        let news = self.kafka().0 != kafka;
        if news {
            self.kafka.store(pack(kafka, Utc::now()), Ordering::Release);
        }
        news
    }

    /// Whether the spool takes records.
    pub fn spool(&self) -> SpoolState {
        SpoolState::ALL[usize::from(self.spool.load(Ordering::Acquire))]
    }

    /// The spool's state is this.
    pub fn set_spool(&self, spool: SpoolState) {
        let before = self.spool.swap(spool as u8, Ordering::AcqRel);
        match spool {
            SpoolState::Failing if before != spool as u8 => {
                tracing::warn!("the spool takes no records: it is full, or its disk fails");
            }
            SpoolState::Taking if before == SpoolState::Failing as u8 => {
                tracing::info!("the spool takes records again");
            }
            _ => {}
        }
    }

    /// Sets whether the memory budget has been full for longer than a request may take.
    pub fn set_budget_stuck(&self, is_stuck: bool) {
        let before = self.budget_stuck.swap(is_stuck, Ordering::AcqRel);
        if is_stuck && !before {
            tracing::warn!("the memory budget stays full: new requests are answered 503 over_budget");
        } else if before && !is_stuck {
            tracing::info!("the memory budget has room again");
        }
    }

    /// Returns whether the bridge should receive webhooks.
    ///
    /// It serves, Kafka or the spool takes records, and the memory budget does not stay full.
    pub fn is_ready(&self) -> bool {
        let takes = self.kafka().0 == KafkaState::Up || self.spool() == SpoolState::Taking;
        self.state() == State::Serving && takes && !self.budget_stuck.load(Ordering::Acquire)
    }

    /// A line for each part, as `/readyz` shows them.
    pub fn parts(&self) -> [(&'static str, String); 4] {
        let budget = if self.budget_stuck.load(Ordering::Acquire) { "full" } else { "taking" };
        let (kafka, since) = self.kafka();
        let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
        let reason = match kafka {
            KafkaState::Down => format!(": {}", self.trouble()),
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
mod tests;
