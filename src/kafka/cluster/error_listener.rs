//! Hears what the client library says of the way to the cluster.
//!
//! Its requests only ever time out; that a password is wrong or a certificate names another host it
//! says in callbacks, and rdkafka's admin client does not serve them. So this is a client of its own.

use super::{Broker, brokers};
use crate::kafka::client_config;
use crate::kafka::client_context;
use crate::kafka::{Config, Error};
use parking_lot::{Mutex, MutexGuard};
use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use std::time::{Duration, Instant};

/// How long is waited for an answer before what was reasons is looked at.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(500);

/// How long a second look may take.
const TLS_CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the library may take to say what it knows.
const CALLBACK_TIMEOUT: Duration = Duration::from_millis(50);

/// A client that is there for its callbacks. A producer, for that needs no group.
pub(super) struct ErrorListener {
    client: BaseProducer<ErrorCollector>,
    settings: ClientConfig,
}

/// One each, in the library's words.
struct ConnectionError {
    code: RDKafkaErrorCode,
    reason: String,
}

#[derive(Default)]
struct ErrorCollector(Mutex<Vec<ConnectionError>>);

impl ErrorListener {
    pub(super) fn new(config: &Config) -> Result<Self, Error> {
        Self::with(client_config::connection(config))
    }

    fn with(settings: ClientConfig) -> Result<Self, Error> {
        let client = BaseProducer::from_config_and_context(&settings, ErrorCollector::default())?;
        Ok(Self { client, settings })
    }

    /// Waits for the cluster's first answer, the brokers that it has. Blocks.
    pub(super) fn await_answer(&self, timeout: Duration) -> Result<Vec<Broker>, Error> {
        let deadline = Instant::now() + timeout;
        loop {
            let answer = self.client.client().fetch_metadata(None, REQUEST_TIMEOUT);
            let error = match answer {
                Ok(metadata) => return Ok(brokers(&metadata)),
                Err(error) => error,
            };
            self.client.poll(CALLBACK_TIMEOUT);
            let errors = self.client.context().errors();
            if let Some(permanent_error) = permanent_error(&errors) {
                drop(errors);
                return Err(self.precise(permanent_error));
            }
            if Instant::now() > deadline {
                return Err(Error::Unreachable(unreachable(&errors, &error)));
            }
        }
    }

    /// The library says the same of a certificate that nobody it trusts has signed and of one that is
    /// made out to another name. So this looks again without asking for the name, and without
    /// credentials, for nobody knows then who is there.
    fn precise(&self, permanent_error: Error) -> Error {
        let Error::TlsFailed(reason) = &permanent_error else { return permanent_error };
        let Some((server, _)) = reason.split_once(": SSL handshake failed") else { return permanent_error };
        let mut nameless = self.settings.clone();
        nameless.set("ssl.endpoint.identification.algorithm", "none").set("security.protocol", "ssl");
        if Self::with(nameless).is_ok_and(|ear| ear.can_connect()) {
            return Error::TlsFailed(format!("{server}: its certificate is good, but for another name"));
        }
        permanent_error
    }

    /// Whether a TLS connection is made, whatever the broker says then.
    fn can_connect(&self) -> bool {
        let deadline = Instant::now() + TLS_CHECK_TIMEOUT;
        while Instant::now() < deadline {
            if self.client.client().fetch_metadata(None, REQUEST_TIMEOUT).is_ok() {
                return true;
            }
            self.client.poll(CALLBACK_TIMEOUT);
            let errors = self.client.context().errors();
            if errors.iter().any(|each| each.code == RDKafkaErrorCode::SSL) {
                return false;
            }
            if errors.iter().any(|each| each.reason.contains("Disconnected")) {
                return true;
            }
        }
        false
    }

    /// Everything reasons so far, each once.
    pub(super) fn reasons(&self) -> Vec<String> {
        self.client.poll(CALLBACK_TIMEOUT);
        self.client.context().errors().iter().map(|each| each.reason.clone()).collect()
    }
}

/// What no waiting mends.
fn permanent_error(errors: &[ConnectionError]) -> Option<Error> {
    use RDKafkaErrorCode as Code;
    errors.iter().find_map(|ConnectionError { code, reason }| match code {
        Code::Authentication | Code::SaslAuthenticationFailed => {
            Some(Error::AuthenticationFailed(reason.clone()))
        }
        Code::SSL => Some(Error::TlsFailed(reason.clone())),
        _ => None,
    })
}

fn unreachable(errors: &[ConnectionError], error: &KafkaError) -> String {
    let said = errors.iter().filter(|each| each.code != RDKafkaErrorCode::AllBrokersDown);
    let mut said: Vec<&str> = said.map(|each| each.reason.as_str()).collect();
    if said.is_empty() {
        return error.to_string();
    }
    if said.iter().any(|reason| reason.contains("Disconnected")) {
        said.push("a broker that hangs up at once may expect another security.protocol");
    }
    said.join("; ")
}

impl ErrorCollector {
    fn add(&self, code: RDKafkaErrorCode, reason: &str) {
        let reason = client_context::plain_reason(reason).to_owned();
        let mut errors = self.errors();
        if errors.iter().all(|each| each.reason != reason) {
            errors.push(ConnectionError { code, reason });
        }
    }

    fn errors(&self) -> MutexGuard<'_, Vec<ConnectionError>> {
        self.0.lock()
    }
}

impl ClientContext for ErrorCollector {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client_context::log(level, facility, message);
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

impl ProducerContext for ErrorCollector {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}
