//! Client that collects connection errors. librdkafka reports a wrong password or host name only in
//! callbacks, which rdkafka's admin client does not serve.

use super::description::{Broker, brokers};
use crate::kafka::background_drop::BackgroundDrop;
use crate::kafka::client_config;
use crate::kafka::client_context;
use crate::kafka::{Config, Error};
use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use std::time::{Duration, Instant};

const REQUEST_TIMEOUT: Duration = Duration::from_millis(500);

const TLS_CHECK_TIMEOUT: Duration = Duration::from_secs(5);

const CALLBACK_TIMEOUT: Duration = Duration::from_millis(50);

/// A producer, because it needs no group.
pub(super) struct ErrorListener {
    client: BackgroundDrop<BaseProducer<ErrorCollector>>,
    settings: ClientConfig,
}

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
        Ok(Self { client: BackgroundDrop::new(client), settings })
    }

    /// Waits for the first answer. Blocks.
    pub(super) fn await_answer(&self, timeout: Duration) -> Result<Vec<Broker>, Error> {
        let deadline = Instant::now() + timeout;
        loop {
            let answer = self.client.client().fetch_metadata(None, REQUEST_TIMEOUT);
            let error = match answer {
                Ok(metadata) => return Ok(brokers(&metadata)),
                Err(error) => error,
            };
            self.client.poll(CALLBACK_TIMEOUT);
            let errors = self.client.context().0.lock();
            if let Some(permanent_error) = permanent_error(&errors) {
                drop(errors);
                return Err(self.precise(permanent_error));
            }
            if Instant::now() > deadline {
                return Err(Error::Unreachable(unreachable(&errors, &error)));
            }
        }
    }

    /// librdkafka's TLS error does not tell an unknown authority from a wrong host name. So this connects
    /// again without a check of the name, and without credentials, because the server is not authenticated.
    fn precise(&self, permanent_error: Error) -> Error {
        let Error::TlsFailed(reason) = &permanent_error else { return permanent_error };
        let Some((server, _)) = reason.split_once(": SSL handshake failed") else { return permanent_error };
        let mut nameless = self.settings.clone();
        nameless.set("ssl.endpoint.identification.algorithm", "none").set("security.protocol", "ssl");
        if Self::with(nameless).is_ok_and(|listener| listener.can_connect()) {
            return Error::TlsFailed(format!("{server}: its certificate is good, but for another name"));
        }
        permanent_error
    }

    fn can_connect(&self) -> bool {
        let deadline = Instant::now() + TLS_CHECK_TIMEOUT;
        while Instant::now() < deadline {
            if self.client.client().fetch_metadata(None, REQUEST_TIMEOUT).is_ok() {
                return true;
            }
            self.client.poll(CALLBACK_TIMEOUT);
            let errors = self.client.context().0.lock();
            if errors.iter().any(|each| each.code == RDKafkaErrorCode::SSL) {
                return false;
            }
            if errors.iter().any(|each| each.reason.contains("Disconnected")) {
                return true;
            }
        }
        false
    }
}

/// Returns an error that does not disappear by waiting.
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
    let reasons = errors.iter().filter(|each| each.code != RDKafkaErrorCode::AllBrokersDown);
    let mut reasons: Vec<&str> = reasons.map(|each| each.reason.as_str()).collect();
    if reasons.is_empty() {
        return error.to_string();
    }
    if reasons.iter().any(|reason| reason.contains("Disconnected")) {
        reasons.push("a broker that closes the connection at once may expect another security.protocol");
    }
    reasons.join("; ")
}

impl ErrorCollector {
    fn add(&self, code: RDKafkaErrorCode, reason: &str) {
        let reason = client_context::plain_reason(reason).to_owned();
        let mut errors = self.0.lock();
        if errors.iter().all(|each| each.reason != reason) {
            errors.push(ConnectionError { code, reason });
        }
    }
}

impl ClientContext for ErrorCollector {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client_context::log(level, facility, message);
        // librdkafka only logs that a broker closed the connection.
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
