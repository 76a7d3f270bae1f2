//! Hears what the client library says of the way to the cluster.
//!
//! Its requests only ever time out; that a password is wrong or a certificate names another host it
//! says in callbacks, and rdkafka's admin client does not serve them. So this is a client of its own.

use crate::kafka::{Config, Error, client};
use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long is waited for an answer before what was heard is looked at.
const SLICE: Duration = Duration::from_millis(500);

/// How long the library may take to say what it knows.
const PAUSE: Duration = Duration::from_millis(50);

/// A client that is there for its callbacks. A producer, for that needs no group.
pub(super) struct Ear(BaseProducer<Heard>);

/// One trouble, in the library's words.
struct Trouble {
    code: RDKafkaErrorCode,
    reason: String,
}

#[derive(Default)]
struct Heard(Mutex<Vec<Trouble>>);

impl Ear {
    pub(super) fn new(config: &Config) -> Result<Self, Error> {
        Ok(Self(BaseProducer::from_config_and_context(&client::connection(config), Heard::default())?))
    }

    /// Waits for the cluster's first answer. Blocks.
    pub(super) fn await_answer(&self, timeout: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + timeout;
        loop {
            let answer = self.0.client().fetch_metadata(None, SLICE);
            let Err(error) = answer else { return Ok(()) };
            self.0.poll(PAUSE);
            let troubles = self.0.context().troubles();
            if let Some(verdict) = verdict(&troubles) {
                return Err(verdict);
            }
            if Instant::now() > deadline {
                return Err(Error::Unreachable(unreachable(&troubles, &error)));
            }
        }
    }

    /// Everything heard so far, each once.
    pub(super) fn heard(&self) -> Vec<String> {
        self.0.poll(PAUSE);
        self.0.context().troubles().iter().map(|trouble| trouble.reason.clone()).collect()
    }
}

/// What no waiting mends.
fn verdict(troubles: &[Trouble]) -> Option<Error> {
    use RDKafkaErrorCode as Code;
    troubles.iter().find_map(|Trouble { code, reason }| match code {
        Code::Authentication | Code::SaslAuthenticationFailed => Some(Error::NotLetIn(reason.clone())),
        Code::SSL => Some(Error::Untrusted(reason.clone())),
        _ => None,
    })
}

fn unreachable(troubles: &[Trouble], error: &KafkaError) -> String {
    let said = troubles.iter().filter(|trouble| trouble.code != RDKafkaErrorCode::AllBrokersDown);
    let said: Vec<&str> = said.map(|trouble| trouble.reason.as_str()).collect();
    if said.is_empty() { error.to_string() } else { said.join("; ") }
}

impl Heard {
    fn troubles(&self) -> MutexGuard<'_, Vec<Trouble>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Heard {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        let reason = plain(reason).to_owned();
        let mut troubles = self.troubles();
        if troubles.iter().all(|trouble| trouble.reason != reason) {
            troubles.push(Trouble { code, reason });
        }
    }
}

impl ProducerContext for Heard {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// A reason without the state and the time that the library ends it with, which differ each time.
pub(super) fn plain(reason: &str) -> &str {
    reason.find(" (after ").map_or(reason, |end| &reason[..end])
}
