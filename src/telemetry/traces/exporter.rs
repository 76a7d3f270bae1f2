//! From a queue of spans to the collector: a thread that nobody waits for.

use crate::telemetry::{Metrics, OtlpConfig, Throttle};
use opentelemetry::KeyValue;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, Url, redirect};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{sleep_until, timeout};

/// Spans that wait at most, of about a kilobyte each.
const QUEUE: usize = 8192;
/// Spans in one request at most.
const BATCH: usize = 1024;
/// How long the first span of a batch waits for others.
const LINGER: Duration = Duration::from_secs(1);
/// How often the log tells of failures.
const FAILURES_SAID: Duration = Duration::from_secs(60);
/// Behind the collector's base URL, as the standard says.
const PATH: &str = "/v1/traces";

/// Why spans cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// No client can be made for the collector.
    #[error("telemetry.otlp_endpoint: {0}")]
    Client(String),
    /// The system gives no thread.
    #[error("no thread to send traces with: {0}")]
    Thread(#[from] std::io::Error),
}

/// Takes spans without waiting.
#[derive(Debug)]
pub(super) struct Exporter {
    queue: mpsc::Sender<SpanData>,
    stop: Arc<Notify>,
    /// Completes when the last span is sent or given up.
    ended: Mutex<Option<oneshot::Receiver<()>>>,
    metrics: Arc<Metrics>,
}

impl Exporter {
    /// Starts the thread.
    pub(super) fn start(
        endpoint: &str,
        config: &OtlpConfig,
        metrics: Arc<Metrics>,
    ) -> Result<Self, TraceError> {
        let exporter = exporter(endpoint, config)?;
        let (queue, spans) = mpsc::channel(QUEUE);
        let (end, ended) = oneshot::channel();
        let stop = Arc::new(Notify::new());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut sender = Sender {
            spans,
            stop: Arc::clone(&stop),
            exporter,
            timeout: config.timeout,
            metrics: Arc::clone(&metrics),
            failures: Throttle::new(FAILURES_SAID),
        };
        std::thread::Builder::new().name("traces".into()).spawn(move || {
            runtime.block_on(sender.run());
            // Whoever waits may have gone.
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
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(ended) = ended else { return };
        if timeout(within, ended).await.is_err() {
            tracing::warn!("stopping: the collector did not take the last spans in time; they are lost");
        }
    }
}

/// The thread's side.
struct Sender {
    spans: mpsc::Receiver<SpanData>,
    stop: Arc<Notify>,
    exporter: SpanExporter,
    /// Of a batch, tries included.
    timeout: Duration,
    metrics: Arc<Metrics>,
    failures: Throttle,
}

impl Sender {
    async fn run(&mut self) {
        loop {
            let batch = self.gather().await;
            if batch.is_empty() {
                return;
            }
            self.send(batch).await;
        }
    }

    /// The next spans: a full batch, or what came within [`LINGER`]. None once it stops.
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
            let room = BATCH - batch.len();
            tokio::select! {
                taken = self.spans.recv_many(&mut batch, room) => {
                    if taken == 0 || taken == room {
                        return batch;
                    }
                    full_at = full_at.or_else(|| Some(tokio::time::Instant::now() + LINGER));
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
                if let Some(failures) = self.failures.pass(Instant::now()) {
                    tracing::warn!(%error, failures, "the collector does not take traces; their spans are lost");
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
        .with_endpoint(format!("{}{PATH}", endpoint.trim_end_matches('/')))
        .with_timeout(config.timeout)
        .with_headers(headers.collect())
        .build()
        .map_err(|error| failed(&error))?;
    exporter.set_resource(&resource());
    Ok(exporter)
}

fn client(endpoint: &str, timeout: Duration) -> reqwest::Result<Client> {
    // An error says that there is a default already, which does as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("justcall-bridge/", env!("CARGO_PKG_VERSION")))
        .timeout(timeout)
        .redirect(redirect::Policy::none());
    // Root certificates are looked for only where they are needed: a slim container has none.
    let builder = if endpoint.starts_with("http:") { builder.tls_certs_only([]) } else { builder };
    builder.build()
}

/// Who speaks, as `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say.
fn resource() -> Resource {
    let said = Resource::builder().build();
    let name = said.get(&"service.name".into()).map(|name| name.to_string()).unwrap_or_default();
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let all = Resource::builder().with_attribute(version);
    // What the library says where nobody does.
    if name.is_empty() || name.starts_with("unknown_service") {
        return all.with_service_name(env!("CARGO_PKG_NAME")).build();
    }
    all.build()
}

/// Longest base URL of a collector, in bytes.
const MAX_ENDPOINT: usize = 2048;

/// Whether spans can be sent to this base URL.
///
/// # Errors
/// What it must be instead.
pub fn check_endpoint(endpoint: &str) -> Result<(), &'static str> {
    let wanted = "must be the collector's base URL, such as `http://localhost:4318`";
    let url = Url::parse(endpoint).map_err(|_| wanted)?;
    // What RFC 3986 allows: the text goes into requests as it is.
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    if !endpoint.bytes().all(is_allowed) || endpoint.len() > MAX_ENDPOINT {
        return Err(
            "must be at most 2048 characters of ASCII that a URL may hold: others are written as `%XX`, and a host's name in Punycode",
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
        return Err("must hold no user and no password: `telemetry.otlp_headers` keeps them secret");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must end with its path: `/v1/traces` is put behind it");
    }
    Ok(())
}

/// Whether a collector can be sent this header.
///
/// # Errors
/// What is wrong with it.
pub fn check_header(name: &str, value: &str) -> Result<(), &'static str> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| "is no name of an HTTP header")?;
    HeaderValue::from_str(value).map(drop).map_err(|_| "has a value that no HTTP header can hold")
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
