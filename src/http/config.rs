//! Settings of the listeners.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

/// Settings under `server` for the ingress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Port 0 selects a free port.
    pub listen: SocketAddr,
    /// `None`: one for each core.
    pub workers: Option<usize>,
    /// Bytes, before and after decoding.
    pub max_body_bytes: usize,
    /// Bytes of admitted requests, held until Kafka's delivery report.
    pub max_in_flight: usize,
    /// Time for a body, from the start of its handler.
    pub request_timeout: Duration,
    /// Time for the first head from accept, and for each later one from its first byte. The TLS handshake has
    /// the same time before.
    pub header_timeout: Duration,
    /// Idle time of a connection.
    pub keep_alive: Duration,
    pub tls: TlsConfig,
}

impl Config {
    pub fn worker_count(&self) -> usize {
        self.workers.unwrap_or_else(|| available_parallelism().map_or(1, usize::from)).max(1)
    }
}

/// Both files, or neither for plain HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// PEM file of the certificate and its chain.
    pub certificate: Option<PathBuf>,
    /// PEM file of the key: RSA, ECDSA or Ed25519, in PKCS#8, PKCS#1 or SEC1.
    pub key: Option<PathBuf>,
}

/// Settings under `admin` for probes and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminConfig {
    pub listen: SocketAddr,
}
