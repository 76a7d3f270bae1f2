//! Log lines, written to stderr by a thread of their own.
//!
//! A stalled reader of stderr must not block a worker, the spool or librdkafka. Lines that exceed a bounded
//! queue are dropped, and their number is logged later.

use super::{Config, LogFormat};
use parking_lot::Mutex;
use std::io::IsTerminal;
use std::panic::{self, PanicHookInfo};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

const MAX_QUEUED_LINES: usize = 4096;

/// Interval between lines with the number of dropped ones.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// Global, as the logger is.
static WRITER: OnceLock<LogWriter> = OnceLock::new();

struct LogWriter {
    dropped: ErrorCounter,
    /// Number of dropped lines that the log reports.
    reported: AtomicU64,
    guard: Mutex<Option<WorkerGuard>>,
}

/// actix logs every malformed request as an error, so any client could fill the log. The operator's filter
/// follows and may enable these lines.
const DEFAULT_FILTER: &str = "actix_http=off,actix_server=warn";

/// Not overridden by the operator, because it follows the filter and is more specific. The decoder of actix
/// quotes header values that it cannot parse, which may be payload.
const FORCED_FILTER: &str = "actix_http::h1::decoder=off";

#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    #[error("telemetry.log_filter: {0}")]
    Filter(String),
    #[error("logging was set up twice")]
    Twice,
}

/// Starts the log of the process.
pub(crate) fn init(config: &Config) -> Result<(), LogError> {
    let filter = filter(&config.log_filter).map_err(LogError::Filter)?;
    let (queue, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(MAX_QUEUED_LINES)
        .lossy(true)
        .thread_name("log")
        .finish(std::io::stderr());
    let dropped = queue.error_counter();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(queue)
        // The formatter reports a failed write on stderr and panics if that fails, which would end the
        // process.
        .log_internal_errors(false);
    let terminal = std::io::stderr().is_terminal();
    let started = if is_text(config.log_format, terminal) {
        lines.with_ansi(terminal && !is_colourless()).finish().try_init()
    } else {
        lines.json().flatten_event(true).with_current_span(false).finish().try_init()
    };
    started.map_err(|_| LogError::Twice)?;
    let _ = WRITER.set(LogWriter { dropped, reported: AtomicU64::new(0), guard: Mutex::new(Some(guard)) });
    panic::set_hook(Box::new(log_panic));
    // Without this thread the number is in the metrics only.
    let _ = std::thread::Builder::new().name("log-dropped".into()).spawn(|| {
        loop {
            std::thread::sleep(REPORT_INTERVAL);
            report_dropped();
        }
    });
    Ok(())
}

/// Returns whether the operator disabled colours (https://no-color.org).
fn is_colourless() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Logs a panic. The standard hook would wait for the reader of stderr.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    tracing::error!(thread, "panicked at {place}: {}", panic.payload_as_str().unwrap_or("no message"));
}

/// Returns the number of lines dropped because stderr was too slow.
pub(super) fn dropped_lines() -> u64 {
    WRITER.get().map_or(0, |writer| writer.dropped.dropped_lines() as u64)
}

fn report_dropped() {
    let Some(writer) = WRITER.get() else { return };
    let (dropped, reported) = (dropped_lines(), writer.reported.load(Ordering::Relaxed));
    if dropped <= reported {
        return;
    }
    tracing::warn!(lines = dropped - reported, "log lines were dropped, because stderr was not read in time");
    // If this line was dropped too, the next one reports them.
    if dropped_lines() == dropped {
        writer.reported.store(dropped, Ordering::Relaxed);
    }
}

/// Writes the queued lines, for about a second. Later lines are dropped.
pub(crate) fn flush() {
    report_dropped();
    if let Some(writer) = WRITER.get() {
        drop(writer.guard.lock().take());
    }
}

/// Returns the problem of a `telemetry.log_filter`.
pub(crate) fn check_filter(text: &str) -> Result<(), String> {
    filter(text).map(drop)
}

fn filter(text: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(text).map_err(|error| error.to_string())?;
    EnvFilter::try_new(format!("{DEFAULT_FILTER},{text},{FORCED_FILTER}")).map_err(|error| error.to_string())
}

const fn is_text(format: LogFormat, terminal: bool) -> bool {
    match format {
        LogFormat::Auto => terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_targets_are_accepted() {
        for text in ["info", "info,justcall_kafka_bridge=debug", "off", "warn,rdkafka=trace"] {
            assert_eq!(check_filter(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn unknown_level_is_refused() {
        assert!(check_filter("info,justcall_kafka_bridge=loud").is_err());
    }

    #[test]
    fn operator_can_enable_actix() {
        assert!(filter("info").unwrap().to_string().contains("actix_http=off"));
        let on = filter("info,actix_http=debug").unwrap().to_string();
        assert!(on.contains("actix_http=debug") && !on.contains("actix_http=off"), "{on}");
    }

    #[test]
    fn decoder_lines_cannot_be_enabled() {
        for text in
            ["trace", "trace,actix_http=trace", "actix_http::h1::decoder=trace", "actix_http::h1=debug"]
        {
            let filter = filter(text).unwrap().to_string();
            assert!(filter.contains("actix_http::h1::decoder=off"), "{filter}");
            assert_eq!(filter.matches("decoder").count(), 1, "{filter}");
        }
    }

    #[test]
    fn auto_is_text_only_on_a_terminal() {
        assert!(is_text(LogFormat::Auto, true));
        assert!(!is_text(LogFormat::Auto, false));
        assert!(is_text(LogFormat::Text, false));
        assert!(!is_text(LogFormat::Json, true));
    }
}
