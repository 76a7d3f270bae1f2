//! Diagnosis of connections from librdkafka's error texts, because most causes have no code.

use super::Error;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// librdkafka rejects a property, or cannot read its file.
    Properties(String),
    /// The certificate is for another host name.
    OtherName,
    UnknownAuthority,
    /// The certificate is expired, or not valid yet.
    NotValidNow,
    /// The broker requires a client certificate, or another one.
    ClientCertificate,
    TlsToPlaintext,
    PlaintextToTls,
    /// Closed at once: the broker requires TLS or SASL, or is not a Kafka broker.
    HungUp,
    /// The client uses SASL, but the broker's port does not.
    SaslUnwanted,
    Credentials,
    /// The broker supports other mechanisms, named here if known.
    Mechanism(Option<String>),
    /// The broker accepts the connection and does not answer.
    Silent,
    /// The advertised brokers cannot be reached, as `host:port`.
    Elsewhere(Vec<String>),
    Other(String),
}

/// By a part of the error text, in lower case. The first match counts.
const CAUSES: &[(&str, Cause)] = &[
    ("unsupported sasl mechanism", Cause::Mechanism(None)),
    ("no provider for sasl mechanism", Cause::Mechanism(None)),
    ("for another name", Cause::OtherName),
    ("certificate has expired", Cause::NotValidNow),
    ("certificate is not yet valid", Cause::NotValidNow),
    ("wrong version number", Cause::TlsToPlaintext),
    ("packet length too long", Cause::TlsToPlaintext),
    ("plaintext broker listener", Cause::TlsToPlaintext),
    ("certificate verify failed", Cause::UnknownAuthority),
    // With TLS 1.3 the alert arrives after the client's handshake.
    ("alert certificate required", Cause::ClientCertificate),
    ("alert bad certificate", Cause::ClientCertificate),
    ("alert handshake failure", Cause::ClientCertificate),
    ("alert unknown ca", Cause::ClientCertificate),
    ("invalid response size", Cause::PlaintextToTls),
    ("disconnected", Cause::HungUp),
    ("meta data fetch error", Cause::Silent),
];

impl Cause {
    pub(crate) fn of(error: &Error) -> Self {
        let (text, other): (_, fn(String) -> Self) = match error {
            Error::Client(text) => (text, Self::Properties),
            Error::TlsFailed(text) | Error::Unreachable(text) => (text, Self::Other),
            Error::AuthenticationFailed(text) => return sasl(text),
            Error::Thread(_) | Error::Refused(_) => return Self::Other(error.to_string()),
        };
        let advertised = advertised_brokers(text);
        if matches!(error, Error::Unreachable(_)) && !advertised.is_empty() {
            return Self::Elsewhere(advertised);
        }
        let lower_case = text.to_ascii_lowercase();
        let known = CAUSES.iter().find(|(part, _)| lower_case.contains(part));
        known.map_or_else(|| other(text.clone()), |(_, cause)| cause.clone())
    }
}

fn sasl(text: &str) -> Cause {
    match text.rsplit_once("supported mechanisms:").map(|(_, offered)| offered.trim()) {
        // A port without SASL supports no mechanism.
        Some("") => Cause::SaslUnwanted,
        Some(offered) => Cause::Mechanism(Some(offered.to_owned())),
        None => Cause::Credentials,
    }
}

/// librdkafka appends the id of advertised brokers, as in `broker-2:9092/2: Connect to …`.
fn advertised_brokers(text: &str) -> Vec<String> {
    let advertised = text.split("; ").filter_map(|trouble| {
        let (name, _) = trouble.split_once(": ")?;
        let (address, id) = name.rsplit_once('/')?;
        let is_advertised = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        (is_advertised && address.contains(':'))
            .then(|| address.rsplit('/').next().unwrap_or(address).to_owned())
    });
    let mut advertised: Vec<_> = advertised.collect();
    advertised.sort_unstable();
    advertised.dedup();
    advertised
}

#[cfg(test)]
mod tests {
    use super::*;

    fn untrusted(words: &str) -> Cause {
        Cause::of(&Error::TlsFailed(format!("ssl://b:1/bootstrap: SSL handshake failed: {words}")))
    }

    #[test]
    fn tls_errors_are_distinguished() {
        let failed = "error:0A000086:SSL routines::certificate verify failed: broker certificate could not be verified";
        for (words, cause) in [
            ("its certificate is good, but for another name", Cause::OtherName),
            (failed, Cause::UnknownAuthority),
            ("error: certificate has expired", Cause::NotValidNow),
            ("error: certificate is not yet valid", Cause::NotValidNow),
            ("error:0A00010B:SSL routines::wrong version number", Cause::TlsToPlaintext),
            ("error:0A0000C6:SSL routines::packet length too long", Cause::TlsToPlaintext),
            ("error:0A00045C:SSL routines::tlsv13 alert certificate required", Cause::ClientCertificate),
            ("error:0A000412:SSL routines::sslv3 alert bad certificate", Cause::ClientCertificate),
            ("error:0A000410:SSL routines::sslv3 alert handshake failure", Cause::ClientCertificate),
            ("error:0A000418:SSL routines::tlsv1 alert unknown ca", Cause::ClientCertificate),
            (
                "something new",
                Cause::Other("ssl://b:1/bootstrap: SSL handshake failed: something new".into()),
            ),
        ] {
            assert_eq!(untrusted(words), cause, "{words}");
        }
    }

    #[test]
    fn wrong_mechanism_and_credentials_are_distinguished() {
        let sasl = |words: &str| Cause::of(&Error::AuthenticationFailed(words.into()));
        assert_eq!(sasl("SASL authentication error: Authentication failed"), Cause::Credentials);
        let refused = "SASL X mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported mechanisms: PLAIN,SCRAM-SHA-256";
        assert_eq!(sasl(refused), Cause::Mechanism(Some("PLAIN,SCRAM-SHA-256".into())));
        let nothing = refused.trim_end_matches("PLAIN,SCRAM-SHA-256");
        assert_eq!(sasl(nothing), Cause::SaslUnwanted);
        let client = |words: &str| Cause::of(&Error::Client(words.into()));
        assert_eq!(client("Unsupported SASL mechanism: X"), Cause::Mechanism(None));
        let missing =
            "No provider for SASL mechanism X: recompile librdkafka with libsasl2 or openssl support.";
        assert_eq!(client(missing), Cause::Mechanism(None));
        assert_eq!(client("ssl.ca.location failed"), Cause::Properties("ssl.ca.location failed".into()));
    }

    #[test]
    fn closed_connection_and_silence_are_distinguished() {
        let way = |words: &str| Cause::of(&Error::Unreachable(words.into()));
        assert_eq!(
            way("b:1/bootstrap: Disconnected: connection closed by peer: receive 0 after POLLIN"),
            Cause::HungUp
        );
        let plain = "SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener?";
        assert_eq!(way(plain), Cause::TlsToPlaintext);
        assert_eq!(way("Invalid response size 352518912"), Cause::PlaintextToTls);
        assert_eq!(way("Meta data fetch error: BrokerTransportFailure"), Cause::Silent);
        assert_eq!(way("Connect to ipv4#x failed"), Cause::Other("Connect to ipv4#x failed".into()));
    }

    #[test]
    fn advertised_and_configured_brokers_are_distinguished() {
        let refused = "Connect to ipv4#127.0.0.1:1 failed: Connection refused";
        let text = format!(
            "OperationTimedOut; kafka:9092/bootstrap: {refused}; ssl://b-2:9093/2: {refused}; b-1:9092/1: {refused}"
        );
        let advertised = Cause::of(&Error::Unreachable(text));
        assert_eq!(advertised, Cause::Elsewhere(vec!["b-1:9092".into(), "b-2:9093".into()]));
        let own = format!("kafka:9092/bootstrap: {refused}");
        assert_eq!(Cause::of(&Error::Unreachable(own.clone())), Cause::Other(own));
    }

    #[test]
    fn missing_client_certificate_is_recognized_after_the_handshake() {
        let words = "ssl://b:1/bootstrap: SSL receive failed: error:0A00045C:SSL routines::tlsv13 alert certificate required: SSL alert number 116";
        assert_eq!(Cause::of(&Error::Unreachable(words.into())), Cause::ClientCertificate);
    }
}
