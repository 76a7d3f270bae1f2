//! Settings of the listeners.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

/// Settings under `server` for the ingress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Address to listen on. Port 0 selects a free port.
    pub listen: SocketAddr,
    /// Number of worker threads. `None`: one for each core.
    pub workers: Option<usize>,
    /// Limit on a body in bytes, before and after decoding.
    pub max_body_bytes: usize,
    /// Limit on bytes of admitted requests, which are held until Kafka's delivery report.
    pub max_in_flight: usize,
    /// Time for a request's body, from the moment its handler starts.
    pub request_timeout: Duration,
    /// Time for a request's head: the first from accept, each later one from its first byte.
    ///
    /// The TLS handshake has the same time before the first head.
    pub header_timeout: Duration,
    /// Time for which an idle connection is kept.
    pub keep_alive: Duration,
    pub tls: TlsConfig,
}

impl Config {
    /// Returns the number of worker threads, 1 or more.
    pub fn worker_count(&self) -> usize {
        self.workers.unwrap_or_else(|| available_parallelism().map_or(1, usize::from)).max(1)
    }
}

/// Settings under `server.tls`: both files, or neither for plain HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// PEM file of the certificate, followed by its chain.
    pub certificate: Option<PathBuf>,
    /// PEM file of the private key: RSA, ECDSA or Ed25519, in PKCS#8, PKCS#1 or SEC1.
    pub key: Option<PathBuf>,
}

/// Settings under `admin` for probes and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminConfig {
    /// Address to listen on. Port 0 selects a free port.
    pub listen: SocketAddr,
}
