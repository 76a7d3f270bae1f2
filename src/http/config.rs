//! What the operator says about the listeners.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Settings under `server`: the ingress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where it listens. Port 0: any free one.
    pub listen: SocketAddr,
    /// Threads that serve requests; `None`: one for each core.
    pub workers: Option<usize>,
    /// Largest body in bytes, before and after decoding.
    pub max_body_bytes: usize,
    /// Bytes of admitted requests held at once, until Kafka's delivery report.
    pub max_in_flight: usize,
    /// Time for a request's body, from the moment its handler starts.
    pub request_timeout: Duration,
    /// Time for a request's head: the first one from accept, each later one from its first byte. With
    /// TLS, the handshake may take this long before it.
    pub header_timeout: Duration,
    /// How long an idle connection is kept.
    pub keep_alive: Duration,
    /// `server.tls`
    pub tls: TlsConfig,
}

/// Settings under `server.tls`: both files, or neither for plain HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// PEM file of the certificate, with its chain behind it.
    pub certificate: Option<PathBuf>,
    /// PEM file of its private key: RSA, ECDSA or Ed25519, in PKCS#8, PKCS#1 or SEC1.
    pub key: Option<PathBuf>,
}

/// Settings under `admin`: probes and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminConfig {
    /// Where it listens. Port 0: any free one.
    pub listen: SocketAddr,
}
