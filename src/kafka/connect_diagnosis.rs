//! What stands in the way to a cluster, taken from the client library's words: it has no codes for most.

use super::Error;

#[cfg(test)]
mod tests;

/// Why no connection to a broker comes about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The library refuses a property, or what it names cannot be read. Says which.
    Properties(String),
    /// The broker's certificate is for another host name.
    OtherName,
    /// The broker's certificate was signed by nobody who is trusted here.
    UnknownAuthority,
    /// The broker's certificate is not valid at this time.
    NotValidNow,
    /// The broker wants a certificate of its client, or another one.
    ClientCertificate,
    /// TLS was begun with a broker that does not speak it on that port.
    TlsToPlaintext,
    /// No TLS was begun with a broker that speaks nothing else on that port.
    PlaintextToTls,
    /// The broker ends the connection at the first word: it wants TLS, or SASL, or is no broker.
    HungUp,
    /// SASL was begun with a broker that wants none on that port.
    SaslUnwanted,
    /// The broker does not know that user with that password.
    Credentials,
    /// The broker offers other mechanisms of SASL, named here where it says so.
    Mechanism(Option<String>),
    /// Connected, and then not a word.
    Silent,
    /// It answers, and tells of brokers that cannot be reached: these, as `host:port`.
    Elsewhere(Vec<String>),
    /// Anything else, in the library's words.
    Other(String),
}

impl Cause {
    /// Reads what a failed connection ended with.
    pub fn of(error: &Error) -> Self {
        match error {
            Error::Client(text) if text.contains("SASL mechanism") => Self::Mechanism(None),
            Error::Client(text) => Self::Properties(text.clone()),
            Error::TlsFailed(text) => tls(text),
            Error::AuthenticationFailed(text) => sasl(text),
            Error::Unreachable(text) => way(text),
            Error::Thread(_) | Error::Refused(_) => Self::Other(error.to_string()),
        }
    }
}

/// TLS alerts of a broker that does not accept the client's certificate, or its absence.
const CLIENT_CERTIFICATE_ALERTS: [&str; 4] =
    ["alert certificate required", "alert bad certificate", "alert handshake failure", "alert unknown ca"];

fn tls(text: &str) -> Cause {
    let says = |words: &[&str]| words.iter().any(|word| text.to_ascii_lowercase().contains(word));
    if says(&["for another name", "hostname mismatch", "ip address mismatch"]) {
        Cause::OtherName
    } else if says(&["certificate has expired", "certificate is not yet valid"]) {
        Cause::NotValidNow
    } else if says(&["wrong version number", "packet length too long", "plaintext broker listener"]) {
        Cause::TlsToPlaintext
    } else if says(&["certificate verify failed", "self-signed", "self signed", "local issuer"]) {
        Cause::UnknownAuthority
    } else if says(&CLIENT_CERTIFICATE_ALERTS) {
        Cause::ClientCertificate
    } else {
        Cause::Other(text.to_owned())
    }
}

fn sasl(text: &str) -> Cause {
    let offered = text.rsplit_once("supported mechanisms:").map(|(_, offered)| offered.trim());
    match offered {
        // A port without SASL offers none at all.
        Some("") => Cause::SaslUnwanted,
        Some(offered) => Cause::Mechanism(Some(offered.to_owned())),
        None if text.contains("mechanism handshake failed") => Cause::Mechanism(None),
        None => Cause::Credentials,
    }
}

fn way(text: &str) -> Cause {
    let told = told_brokers(text);
    if !told.is_empty() {
        Cause::Elsewhere(told)
    } else if text.contains("PLAINTEXT broker listener") {
        Cause::TlsToPlaintext
    } else if text.contains("Invalid response size") {
        Cause::PlaintextToTls
    } else if CLIENT_CERTIFICATE_ALERTS.iter().any(|alert| text.to_ascii_lowercase().contains(alert)) {
        // With TLS 1.3 the alert comes after the client's side of the handshake is complete.
        Cause::ClientCertificate
    } else if text.contains("Disconnected") {
        Cause::HungUp
    } else if text.contains("Meta data fetch error") {
        Cause::Silent
    } else {
        Cause::Other(text.to_owned())
    }
}

/// Brokers that are not from the settings but told by others: the library writes their id behind them,
/// as in `broker-2:9092/2: Connect to …`.
fn told_brokers(text: &str) -> Vec<String> {
    let told = text.split("; ").filter_map(|trouble| {
        let (name, _) = trouble.split_once(": ")?;
        let (address, id) = name.rsplit_once('/')?;
        let is_told = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        (is_told && address.contains(':')).then(|| address.rsplit('/').next().unwrap_or(address).to_owned())
    });
    let mut told: Vec<_> = told.collect();
    told.sort_unstable();
    told.dedup();
    told
}
