use super::schema::visitor::NamedEntry;
use crate::ingest::{DeadLetterAnswer, DeadLetterConfig, DeduplicationConfig, SignatureConfig, SourceConfig};
use crate::routing::{RouteConfig, RouteTemplate, UnknownEvents};
use crate::telemetry::{LogFormat, Ratio};
use crate::{delivery, http, ingest, kafka, routing, spool, telemetry};
use justcall_events::Validation;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Settings of the bridge, by room.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// `server`
    pub server: http::Config,
    /// `admin`
    pub admin: http::AdminConfig,
    /// `sources`, `dead_letter` and `deduplication`
    pub ingest: ingest::Config,
    /// `topics.prefix`, `routes` and `unknown_events`
    pub routing: routing::Config,
    /// `kafka` and `topics`
    pub kafka: kafka::Config,
    /// `kafka.properties_files`: files of properties.
    pub property_files: BTreeMap<String, String>,
    /// `kafka.ack_deadline`, and the quota under `dead_letter`
    pub delivery: delivery::Config,
    /// `spool`
    pub spool: spool::Config,
    /// `shutdown`
    pub shutdown: ShutdownConfig,
    /// `telemetry`
    pub telemetry: telemetry::Config,
    /// Key of a secret that the settings file contains itself.
    pub(super) secret_in_file: Option<String>,
}

/// Settings under `shutdown`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShutdownConfig {
    /// Time from a signal to the end of accepting events, without readiness.
    pub delay: Duration,
    /// Time after the delay to finish events in flight.
    pub timeout: Duration,
}

const KIB: usize = 1024;
const MIB: u64 = 1024 * 1024;

impl Default for Settings {
    fn default() -> Self {
        let all_interfaces = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        Self {
            server: http::Config {
                listen: all_interfaces(8080),
                workers: None,
                max_body_bytes: 960 * KIB,
                max_in_flight: 32 * KIB * KIB,
                request_timeout: Duration::from_secs(30),
                header_timeout: Duration::from_secs(10),
                keep_alive: Duration::from_secs(75),
                tls: http::TlsConfig::default(),
            },
            admin: http::AdminConfig { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)) },
            ingest: ingest::Config {
                sources: vec![SourceConfig::with_name("main")],
                dead_letter: DeadLetterConfig {
                    topic: "justcall.dead-letter".into(),
                    answer: DeadLetterAnswer::Problem,
                },
                deduplication: DeduplicationConfig {
                    window: Duration::from_secs(2 * 60 * 60),
                    capacity: 100_000,
                },
            },
            routing: routing::Config {
                prefix: "justcall.".into(),
                templates: Vec::new(),
                routes: Vec::new(),
                unknown_events: UnknownEvents::Forward,
            },
            kafka: kafka::Config {
                bootstrap_servers: "localhost:9092".into(),
                properties: BTreeMap::new(),
                topics: kafka::TopicsConfig {
                    create_missing: true,
                    partitions: None,
                    replication_factor: None,
                    config: BTreeMap::new(),
                },
            },
            property_files: BTreeMap::new(),
            delivery: delivery::Config {
                ack_deadline: Duration::from_secs(2),
                dead_letters: delivery::DeadLetterQuotaConfig { max_bytes: 64 * MIB, max_rate: 100 },
            },
            spool: spool::Config { directory: None, max_bytes: 1024 * MIB, max_lane_share: 50 },
            shutdown: ShutdownConfig { delay: Duration::from_secs(5), timeout: Duration::from_secs(20) },
            telemetry: telemetry::Config {
                log_format: LogFormat::Auto,
                log_filter: "info".into(),
                log_sample: 0,
                otlp: telemetry::OtlpConfig {
                    endpoint: None,
                    headers: BTreeMap::new(),
                    header_files: BTreeMap::new(),
                    timeout: Duration::from_secs(10),
                    sample_ratio: Ratio::ALL,
                },
            },
            secret_in_file: None,
        }
    }
}

pub(super) const PROPERTY_MAPS: [&str; 2] = ["kafka.properties", "kafka.properties_files"];

pub(super) const HEADER_MAPS: [&str; 2] = ["telemetry.otlp_headers", "telemetry.otlp_headers_files"];

impl Settings {
    pub(super) fn property_key(&self, name: &str) -> String {
        let is_in_file = self.property_files.contains_key(name);
        format!("{}.{name}", PROPERTY_MAPS[usize::from(is_in_file)])
    }

    pub(super) fn header_key(&self, name: &str) -> String {
        let is_in_file = self.telemetry.otlp.header_files.contains_key(name);
        format!("{}.{name}", HEADER_MAPS[usize::from(is_in_file)])
    }
}

impl NamedEntry for SourceConfig {
    fn with_name(name: &str) -> Self {
        Self {
            name: name.into(),
            path: "/webhooks/justcall".into(),
            validation: Validation::Documented,
            signature: SignatureConfig::default(),
            token: None,
            token_file: None,
        }
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl NamedEntry for RouteTemplate {
    fn with_name(name: &str) -> Self {
        Self { name: name.into(), route: RouteConfig::default() }
    }

    fn name(&self) -> &str {
        &self.name
    }
}
