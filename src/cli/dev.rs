//! `dev`: runs the bridge with an embedded broker, for a laptop.

use super::{Failure, printed};
use crate::app::signals::{self, WorkError};
use crate::app::{self, Addresses, App};
use crate::config::{SettingErrors, Settings, SettingsInput};
use crate::kafka::{self, EmbeddedBroker, StartPosition, Tail, TailedRecord};
use crate::record::names;
use crate::telemetry;
use crate::terminal::{self, printable};
use crate::topics;
use justcall_events::{Dialect, samples};
use std::ffi::OsString;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::sync::oneshot;

/// Receive webhooks into an in-memory Kafka broker and print every record.
///
/// Needs no cluster and reads no settings file. Settings come from --set and from the environment, except
/// those under `kafka` and `spool`, which are ignored in the environment and refused by --set. Nothing is
/// kept after the end. The broker's port is printed, so any Kafka client can read the records.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// Address of the webhook listener. Port 0 selects a free port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(super) listen: SocketAddr,

    /// Address of the listener for probes and metrics. Port 0 selects a free port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    pub(super) admin_listen: SocketAddr,

    /// Number of partitions of each topic.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(i32).range(1..=64))]
    pub(super) partitions: i32,

    /// Override a setting, as for `serve`. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
}

const EXAMPLE: &str = "\
Examples:
  justcall-bridge dev
  justcall-bridge dev --listen 127.0.0.1:9000 --set unknown_events=dead_letter

Then, in another terminal:
  justcall-bridge send --all";

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let mut flags = vec![
        format!("server.listen={}", args.listen),
        format!("admin.listen={}", args.admin_listen),
        "shutdown.delay=0s".to_owned(),
        "telemetry.log_filter=warn".to_owned(),
    ];
    flags.extend_from_slice(&args.set);
    let sources = SettingsInput { environment: environment(), flags, ..SettingsInput::default() };
    let mut settings = Settings::load(&sources)?;
    if let Some(errors) = SettingErrors::of_excluded(&args.set, &EXCLUDED_SECTIONS, EXCLUDED_REASON) {
        return Err(errors.into());
    }
    telemetry::init(&settings.telemetry)?;
    let topics: Vec<String> = topics::of(&settings)?.iter().map(ToString::to_string).collect();
    let broker = EmbeddedBroker::start(topics.clone(), args.partitions)?;
    settings.kafka.bootstrap_servers = broker.bootstrap_servers().to_owned();
    settings.kafka.properties.clear();
    settings.spool.directory = None;
    let path = settings.ingest.sources.first().map_or("/", |source| source.path.as_str()).to_owned();
    let kafka = settings.kafka.clone();
    let outcome = app::block_on(async {
        let (first, second) = signals::listen()?;
        let app = App::build(settings, None)?;
        let greeting = greeting(&app.addresses(), &path, broker.bootstrap_servers());
        let (printer, unwritable) = Printer::start(&kafka, &topics, greeting)?;
        tokio::select! {
            _ = app.run_until(async { tokio::select! { () = first => {}, _ = unwritable => {} } }) => {}
            () = second => return Err(WorkError::Interrupted.into()),
        }
        printer.stop()
    });
    // The process exits next. If the broker ended first, the producer would log that Kafka is down.
    std::mem::forget(broker);
    outcome
}

/// Sections that could select another cluster, or a spool whose events would be lost with the broker's
/// memory.
const EXCLUDED_SECTIONS: [&str; 2] = ["kafka", "spool"];
const EXCLUDED_REASON: &str =
    "cannot be set for `dev`, which has a broker of its own and no spool: use `serve`";

fn environment() -> Vec<(OsString, OsString)> {
    let is_used = |name: &OsString| {
        let name = name.to_string_lossy().to_ascii_lowercase();
        let section = name.strip_prefix("justcall_bridge__").and_then(|key| key.split("__").next());
        section.is_none_or(|section| !EXCLUDED_SECTIONS.contains(&section))
    };
    super::environment().into_iter().filter(|(name, _)| is_used(name)).collect()
}

fn greeting(addresses: &Addresses, path: &str, bootstrap_servers: &str) -> String {
    let sample = samples(Dialect::Documented).next().map_or("{}", |(_, body)| body);
    let compact = serde_json::from_str::<serde_json::Value>(sample)
        .map_or_else(|_| sample.to_owned(), |value| value.to_string());
    let (ingress, admin) = (addresses.ingress, addresses.admin);
    format!(
        "justcall-bridge dev: everything is in memory and ends with Ctrl-C

  webhook   http://{ingress}{path}
  admin     http://{admin}/readyz and /metrics
  kafka     {bootstrap_servers}

Send one event of each type:
  justcall-bridge send --all --to http://{ingress}{path}
or one by hand:
  curl -sS http://{ingress}{path} -d '{compact}'
and read the topics with any client:
  kcat -b {bootstrap_servers} -C -e -q -t justcall.call.completed -f '%t [%p] %o %k %h\\n%s\\n'

Records appear here as they are written:"
    )
}

/// Time that a stop waits for the reader of stdout.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Thread that prints the greeting and each record.
struct Printer {
    stopping: Arc<AtomicBool>,
    end: mpsc::Receiver<io::Result<()>>,
}

impl Printer {
    /// Starts the thread. The receiver completes when a write to stdout fails.
    fn start(
        kafka: &kafka::Config,
        topics: &[String],
        greeting: String,
    ) -> Result<(Self, oneshot::Receiver<()>), Failure> {
        let topics = topics.to_vec();
        let mut tail = Tail::follow(
            kafka,
            move |name| topics.iter().any(|topic| topic == name),
            StartPosition::Beginning,
        )?;
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        // Dropped with the thread, which completes the receiver.
        let (alive, unwritable) = oneshot::channel();
        let (ended, end) = mpsc::channel();
        let mut print = move || {
            let mut out = terminal::stdout();
            writeln!(out, "{greeting}").and_then(|()| out.flush())?;
            while !stop.load(Ordering::Acquire) {
                if let Ok(Some(record)) = tail.next(Duration::from_millis(100)) {
                    writeln!(out, "{}", line(&record)).and_then(|()| out.flush())?;
                }
            }
            Ok(())
        };
        std::thread::Builder::new().name("dev-printer".into()).spawn(move || {
            let _alive = alive;
            // Sent before `alive` is dropped.
            let _ = ended.send(print());
        })?;
        Ok((Self { stopping, end }, unwritable))
    }

    /// Stops the thread, or abandons it if the reader of stdout has stalled.
    fn stop(self) -> Result<(), Failure> {
        self.stopping.store(true, Ordering::Release);
        printed(self.end.recv_timeout(STOP_TIMEOUT).unwrap_or(Ok(())))
    }
}

fn line(record: &TailedRecord) -> String {
    let TailedRecord { topic, partition, offset, .. } = record;
    let key = record.key.as_deref().map_or("(no key)".into(), String::from_utf8_lossy);
    let header = |name| record.headers.get(name).map(String::from_utf8_lossy);
    let label = header(names::CE_TYPE).or_else(|| header(names::DLQ_REASON)).unwrap_or_default();
    let size = record.value.as_ref().map_or(0, bytes::Bytes::len);
    let (key, label) = (printable(&key), printable(&label));
    format!("{topic} [{partition}] @{offset}  key {key}  {label}  {size} bytes")
}
