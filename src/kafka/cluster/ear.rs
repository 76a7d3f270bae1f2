//! Hears what the client library says of the way to the cluster.
//!
//! Its requests only ever time out; that a password is wrong or a certificate names another host it
//! says in callbacks, and rdkafka's admin client does not serve them. So this is a client of its own.

use super::{Broker, brokers};
use crate::kafka::{Config, Error, client};
use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long is waited for an answer before what was heard is looked at.
const SLICE: Duration = Duration::from_millis(500);

/// How long a second look may take.
const SETTLED_WITHIN: Duration = Duration::from_secs(5);

/// How long the library may take to say what it knows.
const PAUSE: Duration = Duration::from_millis(50);

/// A client that is there for its callbacks. A producer, for that needs no group.
pub(super) struct Ear {
    client: BaseProducer<Heard>,
    settings: ClientConfig,
}

/// One trouble, in the library's words.
struct Trouble {
    code: RDKafkaErrorCode,
    reason: String,
}

#[derive(Default)]
struct Heard(Mutex<Vec<Trouble>>);

impl Ear {
    pub(super) fn new(config: &Config) -> Result<Self, Error> {
        Self::with(client::connection(config))
    }

    fn with(settings: ClientConfig) -> Result<Self, Error> {
        let client = BaseProducer::from_config_and_context(&settings, Heard::default())?;
        Ok(Self { client, settings })
    }

    /// Waits for the cluster's first answer, the brokers that it has. Blocks.
    pub(super) fn await_answer(&self, timeout: Duration) -> Result<Vec<Broker>, Error> {
        let deadline = Instant::now() + timeout;
        loop {
            let answer = self.client.client().fetch_metadata(None, SLICE);
            let error = match answer {
                Ok(metadata) => return Ok(brokers(&metadata)),
                Err(error) => error,
            };
            self.client.poll(PAUSE);
            let troubles = self.client.context().troubles();
            if let Some(verdict) = verdict(&troubles) {
                drop(troubles);
                return Err(self.precise(verdict));
            }
            if Instant::now() > deadline {
                return Err(Error::Unreachable(unreachable(&troubles, &error)));
            }
        }
    }

    /// The library says the same of a certificate that nobody it trusts has signed and of one that is
    /// made out to another name. So this looks again without asking for the name, and without
    /// credentials, for nobody knows then who is there.
    fn precise(&self, verdict: Error) -> Error {
        let Error::Untrusted(reason) = &verdict else { return verdict };
        let Some((server, _)) = reason.split_once(": SSL handshake failed") else { return verdict };
        let mut nameless = self.settings.clone();
        nameless.set("ssl.endpoint.identification.algorithm", "none").set("security.protocol", "ssl");
        if Self::with(nameless).is_ok_and(|ear| ear.comes_through()) {
            return Error::Untrusted(format!("{server}: its certificate is good, but for another name"));
        }
        verdict
    }

    /// Whether a TLS connection is made, whatever the broker says then.
    fn comes_through(&self) -> bool {
        let deadline = Instant::now() + SETTLED_WITHIN;
        while Instant::now() < deadline {
            if self.client.client().fetch_metadata(None, SLICE).is_ok() {
                return true;
            }
            self.client.poll(PAUSE);
            let troubles = self.client.context().troubles();
            if troubles.iter().any(|trouble| trouble.code == RDKafkaErrorCode::SSL) {
                return false;
            }
            if troubles.iter().any(|trouble| trouble.reason.contains("Disconnected")) {
                return true;
            }
        }
        false
    }

    /// Everything heard so far, each once.
    pub(super) fn heard(&self) -> Vec<String> {
        self.client.poll(PAUSE);
        self.client.context().troubles().iter().map(|trouble| trouble.reason.clone()).collect()
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
    let mut said: Vec<&str> = said.map(|trouble| trouble.reason.as_str()).collect();
    if said.is_empty() {
        return error.to_string();
    }
    if said.iter().any(|reason| reason.contains("Disconnected")) {
        said.push("a broker that hangs up at once may expect another security.protocol");
    }
    said.join("; ")
}

impl Heard {
    fn add(&self, code: RDKafkaErrorCode, reason: &str) {
        let reason = client::plain(reason).to_owned();
        let mut troubles = self.troubles();
        if troubles.iter().all(|trouble| trouble.reason != reason) {
            troubles.push(Trouble { code, reason });
        }
    }

    fn troubles(&self) -> MutexGuard<'_, Vec<Trouble>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Heard {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
        // That a broker hung up, and why it may have, is no error to the library and only logged.
        use RDKafkaLogLevel::{Info, Notice, Warning};
        if facility == "FAIL" && matches!(level, Warning | Notice | Info) {
            let message = message.split_once("]: ").map_or(message, |(_thread, message)| message);
            self.add(RDKafkaErrorCode::BrokerTransportFailure, message);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if let Some(code) = error.rdkafka_error_code() {
            self.add(code, reason);
        }
    }
}

impl ProducerContext for Heard {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}
