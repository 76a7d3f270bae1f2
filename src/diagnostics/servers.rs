//! Checks that each Kafka server can be reached, and names the cause if not.

use super::finding::Finding;
use crate::kafka::{Broker, Cause, Cluster, Config};
use futures_util::{StreamExt, stream};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

#[cfg(test)]
mod tests;

/// Limits the resolution of a name, and the connection to an address.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);

/// Servers tried at the same time, each by a librdkafka client with its threads.
const MAX_CONCURRENT: usize = 16;

const TLS_PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Content types of TLS records (RFC 8446, section 5.1).
const TLS_ALERT: u8 = 21;
const TLS_HANDSHAKE: u8 = 22;

/// Limits TLS, authentication and the first response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Server {
    pub(super) fn all(list: &str) -> Vec<Self> {
        list.split(',').map(str::trim).filter(|server| !server.is_empty()).map(Self::read).collect()
    }

    fn read(server: &str) -> Self {
        let address = server.rsplit_once("://").map_or(server, |(_, address)| address);
        let (host, port) = match address.rsplit_once(':') {
            // Other colons are part of an IPv6 address.
            Some((host, port)) if host.ends_with(']') || !host.contains(':') => (host, port.parse().ok()),
            _ => (address, None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Self { host, port: port.unwrap_or(9092) }
    }

    fn of(broker: &Broker) -> Self {
        Self { host: broker.host.clone(), port: u16::try_from(broker.port).unwrap_or(0) }
    }

    pub(super) fn shown(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reach {
    Unresolved,
    NotConnected(io::ErrorKind),
    /// Connected, then failed.
    Stopped(Cause),
    Answers,
}

/// Tries each server, several at once. Returns also the brokers that each advertises.
pub(super) async fn reach_all(servers: &[Server], config: &Config) -> Vec<(Reach, Vec<Server>)> {
    stream::iter(servers).map(|server| reach(server, config)).buffered(MAX_CONCURRENT).collect().await
}

async fn reach(server: &Server, config: &Config) -> (Reach, Vec<Server>) {
    let nobody = |reach| (reach, Vec::new());
    let resolved = timeout(CONNECT_TIMEOUT, lookup_host((server.host.as_str(), server.port))).await;
    let addresses: Vec<_> = match resolved {
        Ok(Ok(addresses)) => addresses.collect(),
        _ => return nobody(Reach::Unresolved),
    };
    let connected =
        timeout(CONNECT_TIMEOUT, async { TcpStream::connect(addresses.as_slice()).await.map(drop) }).await;
    match connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(()) => {}
        Err(error) => return nobody(Reach::NotConnected(error.kind())),
    }
    let alone = Config { bootstrap_servers: server.shown(), ..config.clone() };
    match Cluster::connect_within(&alone, RESPONSE_TIMEOUT).await {
        Ok(cluster) => (Reach::Answers, cluster.brokers().iter().map(Server::of).collect()),
        Err(error) => match Cause::of(&error) {
            Cause::HungUp if !Manner::of(config).is_tls() && speaks_tls(addresses, &server.host).await => {
                nobody(Reach::Stopped(Cause::PlaintextToTls))
            }
            // The check of the advertised addresses reports these.
            Cause::Elsewhere(others) => (Reach::Answers, Server::all(&others.join(","))),
            cause => nobody(Reach::Stopped(cause)),
        },
    }
}

async fn speaks_tls(addresses: Vec<SocketAddr>, host: &str) -> bool {
    let Some(greeting) = greeting(host) else { return false };
    let ask = move || {
        let mut stream = std::net::TcpStream::connect(addresses.as_slice())?;
        stream.set_read_timeout(Some(TLS_PROBE_TIMEOUT))?;
        stream.write_all(&greeting)?;
        let mut first = [0];
        stream.read_exact(&mut first).map(|()| matches!(first[0], TLS_ALERT | TLS_HANDSHAKE))
    };
    tokio::task::spawn_blocking(ask).await.is_ok_and(|asked| asked.unwrap_or(false))
}

fn greeting(host: &str) -> Option<Vec<u8>> {
    let config =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().ok()?;
    let config = config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    let name = rustls::pki_types::ServerName::try_from(host.to_owned()).ok()?;
    let mut connection = rustls::ClientConnection::new(Arc::new(config), name).ok()?;
    let mut words = Vec::new();
    connection.write_tls(&mut words).ok()?;
    Some(words)
}

/// Security protocol and mechanism.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manner {
    protocol: String,
    mechanism: String,
}

impl Manner {
    pub(super) fn of(config: &Config) -> Self {
        let property = |names: &[&str]| {
            let value = names.iter().find_map(|name| config.properties.get(*name));
            value.map_or("", |value| value.expose().trim()).to_ascii_uppercase()
        };
        Self {
            protocol: property(&["security.protocol"]),
            mechanism: property(&["sasl.mechanism", "sasl.mechanisms"]),
        }
    }

    fn is_tls(&self) -> bool {
        self.protocol.ends_with("SSL")
    }

    fn is_sasl(&self) -> bool {
        self.protocol.starts_with("SASL")
    }

    fn reached(&self) -> &'static str {
        match self.protocol.as_str() {
            "SSL" => "answers, over TLS",
            "SASL_SSL" => "answers over TLS, and accepts the bridge's user",
            "SASL_PLAINTEXT" => "answers, and accepts the bridge's user",
            _ => "answers",
        }
    }

    fn other_tls(&self) -> &'static str {
        match self.protocol.as_str() {
            "SSL" => "PLAINTEXT",
            "SASL_SSL" => "SASL_PLAINTEXT",
            "SASL_PLAINTEXT" => "SASL_SSL",
            _ => "SSL",
        }
    }
}

/// Judges a server. A failed one is only a warning if another one answers.
pub(super) fn judge(
    key: &str,
    server: &Server,
    reach: &Reach,
    another_answers: bool,
    manner: &Manner,
) -> Finding {
    let Some((text, fix)) = trouble(server, reach, manner) else {
        return Finding::ok(key, manner.reached()).of(server.shown());
    };
    let level = if another_answers { Finding::warning } else { Finding::failure };
    level(key.to_owned(), text, fix).of(server.shown())
}

fn trouble(server: &Server, reach: &Reach, manner: &Manner) -> Option<(String, String)> {
    let Server { host, .. } = server;
    let own = |text: &str, fix: &str| Some((text.to_owned(), fix.to_owned()));
    match reach {
        Reach::Answers => None,
        Reach::Unresolved => Some((
            format!("the name {host} does not resolve"),
            "correct the name, or give this machine (its DNS, /etc/hosts) an address for it".into(),
        )),
        Reach::NotConnected(io::ErrorKind::ConnectionRefused) => own(
            "connection refused: no server listens there",
            "start the broker, or correct host and port; see `listeners` in its server.properties",
        ),
        Reach::NotConnected(io::ErrorKind::TimedOut) => own(
            "no connection: no response",
            "a firewall or network policy in between, or a host that is down: open the way to that port",
        ),
        Reach::NotConnected(kind) => {
            Some((format!("no connection: {kind}"), "correct host and port, or open the way to them".into()))
        }
        Reach::Stopped(cause) => Some(stopped(cause, host, manner)),
    }
}

fn stopped(cause: &Cause, host: &str, manner: &Manner) -> (String, String) {
    let Manner { protocol, mechanism } = manner;
    let own = |text: &str, fix: &str| (text.to_owned(), fix.to_owned());
    match cause {
        Cause::Properties(why) => (
            format!("the Kafka client cannot be created: {why}"),
            "correct that property under `kafka.properties`".into(),
        ),
        Cause::OtherName => (
            format!("TLS: the broker's certificate is not for {host}"),
            "connect by a name that is in the certificate, or have one issued with this name as a subject alternative name".into(),
        ),
        Cause::UnknownAuthority => own(
            "TLS: the broker's certificate is not from an authority that this machine trusts, or has expired",
            "set `kafka.properties.ssl.ca.location` to the PEM file of the authority that signed it; if \
             that is right, renew the certificate on the broker",
        ),
        Cause::NotValidNow => own(
            "TLS: the broker's certificate has expired, or is not valid yet",
            "renew it on the broker; if it is valid, set this machine's clock",
        ),
        Cause::ClientCertificate => own(
            "TLS: the broker rejects the client's certificate, or requires one",
            "set `ssl.certificate.location` and `ssl.key.location` under `kafka.properties` to a pair that the broker trusts",
        ),
        Cause::TlsToPlaintext => (
            "the bridge uses TLS, and that port does not".into(),
            format!("use the broker's TLS port, or set `security.protocol` to {}", manner.other_tls()),
        ),
        Cause::PlaintextToTls => (
            "the bridge does not use TLS, and that port requires it".into(),
            format!(
                "set `kafka.properties.security.protocol` to {}, or use the broker's port without TLS",
                manner.other_tls()
            ),
        ),
        Cause::HungUp if manner.is_sasl() => own(
            "the broker closes the connection at the first request: that port does not speak Kafka, or does \
             not accept SASL",
            "correct the port; see `listeners` and `listener.security.protocol.map` in the broker's server.properties",
        ),
        Cause::HungUp => (
            "the broker closes the connection at the first request: that port requires SASL, or does not \
             speak Kafka"
                .into(),
            format!(
                "set `security.protocol` to {}, with `sasl.mechanism`, `sasl.username` and `sasl.password`; or correct the port",
                if manner.is_tls() { "SASL_SSL" } else { "SASL_PLAINTEXT" }
            ),
        ),
        Cause::SaslUnwanted => (
            "the bridge uses SASL, and that port does not".into(),
            format!(
                "use the broker's port with SASL, or set `security.protocol` to {}",
                if manner.is_tls() { "SSL" } else { "PLAINTEXT" }
            ),
        ),
        Cause::Credentials => (
            format!("wrong user or password: the broker rejects them with {mechanism}"),
            "correct `sasl.username` and `sasl.password`, or add that user to the broker".into(),
        ),
        Cause::Mechanism(Some(offered)) => (
            format!("the broker does not offer the SASL mechanism {mechanism}, but {offered}"),
            format!("set `kafka.properties.sasl.mechanism` to one of {offered}"),
        ),
        Cause::Mechanism(None) => (
            format!("{mechanism} is not a SASL mechanism that librdkafka has"),
            "set `kafka.properties.sasl.mechanism` to PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512".into(),
        ),
        Cause::Silent => (
            "connected, and then no answer: the broker is frozen or starting, or the server is not Kafka".into(),
            format!(
                "read the broker's log; the port may also need another `security.protocol` than {}",
                if protocol.is_empty() { "PLAINTEXT" } else { protocol }
            ),
        ),
        Cause::Elsewhere(others) => (
            format!("answers, but advertises brokers that cannot be reached: {}", others.join(", ")),
            "have `advertised.listeners` name addresses that this machine can reach".into(),
        ),
        Cause::Other(words) => {
            (format!("no connection to Kafka: {words}"), "search the broker's log for these words".into())
        }
    }
}
