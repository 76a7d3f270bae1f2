//! Log lines, written to stderr.

use super::{Config, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// What actix logs of its own: that it starts, and as an error every malformed request, with which a
/// stranger could fill the log. The operator's filter is read after it and may turn it on again.
const QUIETED: &str = "actix_http=off,actix_server=warn";

/// What nobody may turn on: it quotes the values of headers that it cannot read, and so whatever a
/// stranger, or a request cut in two, has put there. Read after the operator's filter, and more exact.
const SILENCED: &str = "actix_http::h1::decoder=off";

/// Why logging could not start.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error("telemetry.log_filter: {0}")]
    Filter(String),
    /// Another logger was installed before.
    #[error("logging was set up twice")]
    Twice,
}

/// Starts logging for the whole process.
///
/// # Errors
/// For a filter that cannot be read, and where logging was started before.
pub fn init(config: &Config) -> Result<(), LogError> {
    let filter = filter(&config.log_filter).map_err(LogError::Filter)?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // It would say on stderr that stderr takes nothing, and panic: a log whose reader is gone would end
        // events, drains and the process.
        .log_internal_errors(false);
    let terminal = std::io::stderr().is_terminal();
    let started = if is_text(config.log_format, terminal) {
        lines.with_ansi(terminal).finish().try_init()
    } else {
        lines.json().flatten_event(true).with_current_span(false).finish().try_init()
    };
    started.map_err(|_| LogError::Twice)
}

/// Whether a `telemetry.log_filter` can be read.
///
/// # Errors
/// What is wrong with it.
pub fn check_filter(text: &str) -> Result<(), String> {
    filter(text).map(drop)
}

fn filter(text: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(text).map_err(|error| error.to_string())?;
    EnvFilter::try_new(format!("{QUIETED},{text},{SILENCED}")).map_err(|error| error.to_string())
}

const fn is_text(format: LogFormat, terminal: bool) -> bool {
    match format {
        LogFormat::Auto => terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    }
}

#[cfg(test)]
mod tests;
