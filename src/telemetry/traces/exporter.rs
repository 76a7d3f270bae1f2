//! Export of spans: a bounded queue, and a thread that sends batches to the collector.

use crate::rate_limit::LogThrottle;
use crate::telemetry::{Metrics, OtlpConfig};
use opentelemetry::KeyValue;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use parking_lot::Mutex;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, Url, redirect};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{sleep_until, timeout};

/// Spans of about a kilobyte each.
const MAX_QUEUED_SPANS: usize = 8192;
const MAX_BATCH_SPANS: usize = 1024;
/// Longest wait for a full batch.
const BATCH_TIMEOUT: Duration = Duration::from_secs(1);
const FAILURE_LOG_INTERVAL: Duration = Duration::from_secs(60);
/// From the OTLP specification.
const TRACES_PATH: &str = "/v1/traces";

#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    #[error("telemetry.otlp_endpoint: {0}")]
    Client(String),
    #[error("cannot start the thread that sends traces: {0}")]
    Thread(#[from] std::io::Error),
}

/// Queue of spans for the collector. Never waits.
#[derive(Debug)]
pub(super) struct Exporter {
    queue: mpsc::Sender<SpanData>,
    stop: Arc<Notify>,
    /// Completes when the last span is sent or dropped.
    ended: Mutex<Option<oneshot::Receiver<()>>>,
    metrics: Arc<Metrics>,
}

impl Exporter {
    pub(super) fn start(
        endpoint: &str,
        config: &OtlpConfig,
        metrics: Arc<Metrics>,
    ) -> Result<Self, TraceError> {
        let exporter = exporter(endpoint, config)?;
        let (queue, spans) = mpsc::channel(MAX_QUEUED_SPANS);
        let (end, ended) = oneshot::channel();
        let stop = Arc::new(Notify::new());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut sender = BatchSender {
            spans,
            stop: Arc::clone(&stop),
            exporter,
            timeout: config.timeout,
            metrics: Arc::clone(&metrics),
            failures: LogThrottle::every(FAILURE_LOG_INTERVAL),
        };
        std::thread::Builder::new().name("traces".into()).spawn(move || {
            runtime.block_on(sender.run());
            let _ = end.send(());
        })?;
        Ok(Self { queue, stop, ended: Mutex::new(Some(ended)), metrics })
    }

    /// Queues a span, or drops and counts it.
    pub(super) fn export(&self, span: SpanData) {
        match self.queue.try_send(span) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.metrics.spans_dropped("queue_full", 1),
            Err(TrySendError::Closed(_)) => self.metrics.spans_dropped("stopping", 1),
        }
    }

    pub(super) async fn stop(&self, within: Duration) {
        self.stop.notify_one();
        let ended = self.ended.lock().take();
        let Some(ended) = ended else { return };
        if timeout(within, ended).await.is_err() {
            tracing::warn!(
                "the collector did not accept the last spans before the stop timeout; they are lost"
            );
        }
    }
}

struct BatchSender {
    spans: mpsc::Receiver<SpanData>,
    stop: Arc<Notify>,
    exporter: SpanExporter,
    /// Timeout of a batch, retries included.
    timeout: Duration,
    metrics: Arc<Metrics>,
    failures: LogThrottle,
}

impl BatchSender {
    async fn run(&mut self) {
        loop {
            let batch = self.gather().await;
            if batch.is_empty() {
                return;
            }
            self.send(batch).await;
        }
    }

    /// Returns a full batch, or the spans of [`BATCH_TIMEOUT`]. Empty after the stop.
    async fn gather(&mut self) -> Vec<SpanData> {
        let mut batch = Vec::new();
        let mut full_at = None;
        loop {
            let waited = async {
                match full_at {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let room = MAX_BATCH_SPANS - batch.len();
            tokio::select! {
                taken = self.spans.recv_many(&mut batch, room) => {
                    if taken == 0 || taken == room {
                        return batch;
                    }
                    full_at = full_at.or_else(|| Some(tokio::time::Instant::now() + BATCH_TIMEOUT));
                }
                () = self.stop.notified() => self.spans.close(),
                () = waited => return batch,
            }
        }
    }

    async fn send(&self, batch: Vec<SpanData>) {
        let spans = batch.len() as u64;
        let taken = timeout(self.timeout, self.exporter.export(batch)).await;
        match taken.unwrap_or(Err(OTelSdkError::Timeout(self.timeout))) {
            Ok(()) => {
                self.metrics.spans_exported.inc_by(spans);
            }
            Err(error) => {
                self.metrics.spans_dropped("not_taken", spans);
                if let Some(suppressed) = self.failures.pass(Instant::now()) {
                    let failures = suppressed + 1;
                    tracing::warn!(%error, failures, "the collector accepts no traces; spans are lost");
                }
            }
        }
    }
}

pub(super) fn exporter(endpoint: &str, config: &OtlpConfig) -> Result<SpanExporter, TraceError> {
    let failed = |error: &dyn std::error::Error| TraceError::Client(root_cause(error));
    let headers = config.headers.iter().map(|(name, value)| (name.clone(), value.expose().to_owned()));
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client(endpoint, config.timeout).map_err(|error| failed(&error))?)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}{TRACES_PATH}", endpoint.trim_end_matches('/')))
        .with_timeout(config.timeout)
        .with_headers(headers.collect())
        .build()
        .map_err(|error| failed(&error))?;
    exporter.set_resource(&resource());
    Ok(exporter)
}

fn client(endpoint: &str, timeout: Duration) -> reqwest::Result<Client> {
    // An error means that a default provider is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("justcall-bridge/", env!("CARGO_PKG_VERSION")))
        .timeout(timeout)
        .redirect(redirect::Policy::none());
    // Load root certificates only for TLS, because a slim container has none.
    let builder = if uses_tls(endpoint) { builder } else { builder.tls_certs_only([]) };
    builder.build()
}

/// Ignores the case of the scheme, as URLs do.
fn uses_tls(endpoint: &str) -> bool {
    !endpoint.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http:"))
}

/// Describes the resource by `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`.
fn resource() -> Resource {
    let described = Resource::builder().build();
    let name = described.get(&"service.name".into()).map(|name| name.to_string()).unwrap_or_default();
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let all = Resource::builder().with_attribute(version);
    // The library's default name.
    if name.is_empty() || name.starts_with("unknown_service") {
        return all.with_service_name(env!("CARGO_PKG_NAME")).build();
    }
    all.build()
}

/// In bytes.
const MAX_ENDPOINT_LEN: usize = 2048;

/// Checks the base URL of a collector. Returns the requirement that it fails.
pub(crate) fn check_endpoint(endpoint: &str) -> Result<(), &'static str> {
    let wanted = "must be the collector's base URL, such as `http://localhost:4318`";
    let url = Url::parse(endpoint).map_err(|_| wanted)?;
    // Characters of RFC 3986, because requests contain the text unchanged.
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    if !endpoint.bytes().all(is_allowed) || endpoint.len() > MAX_ENDPOINT_LEN {
        return Err(
            "must be at most 2048 ASCII characters that a URL allows; write others as `%XX`, and a host name in Punycode",
        );
    }
    if !["http", "https"].contains(&url.scheme()) || !url.has_host() {
        return Err(wanted);
    }
    // `Url` adds a missing `//` and decodes the host's name; the exporter does neither.
    let behind_scheme = endpoint.get(url.scheme().len()..).and_then(|rest| rest.strip_prefix("://"));
    let host = behind_scheme.and_then(|rest| rest.split('/').next()).ok_or(wanted)?;
    if host.is_empty() || host.contains('%') {
        return Err(wanted);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user or a password; `telemetry.otlp_headers` keeps them secret");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must end with its path; `/v1/traces` is appended");
    }
    Ok(())
}

/// Checks an HTTP header for the collector.
pub(crate) fn check_header(name: &str, value: &str) -> Result<(), &'static str> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| "is not a valid HTTP header name")?;
    HeaderValue::from_str(value).map(drop).map_err(|_| "has a value that is not valid in an HTTP header")
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_of_the_collector_is_case_insensitive() {
        for (endpoint, expected) in
            [("http://a", false), ("HTTP://a", false), ("https://a", true), ("HTTPS://a", true)]
        {
            assert_eq!(uses_tls(endpoint), expected, "{endpoint}");
        }
    }
}
