//! `send`: posts events to a bridge and prints its answers.

mod credentials;
mod post;
mod summary;
mod template;

use crate::input;
use crate::secret::SecretFileError;
use crate::terminal;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use credentials::RequestCredentials;
use indicatif::{ProgressBar, ProgressStyle};
use justcall_events::{Dialect, KnownType, samples};
use post::{Body, Failed, Plan};
use reqwest::{Certificate, Url};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use summary::Summary;
use template::Template;

/// Post sample events to a bridge and print its responses.
///
/// Sends the sample bodies of JustCall's reference. Each becomes a new event: with a new entity id, a new
/// `request_id` and the present time. Exits with 0 only if every response is 200.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// URL of the bridge.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080/webhooks/justcall", value_parser = http_url)]
    to: Url,

    /// Connect to this address instead of that of the host in --to. The certificate must still be that
    /// host's. So a bridge can be tested before DNS has its name.
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,

    /// Trust the certificates in this PEM file instead of the system's, such as those of a private authority.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// Event type to send. May be repeated. Default without --all and --file: call.completed.
    #[arg(long = "event", value_name = "TYPE", value_parser = known_type())]
    events: Vec<KnownType>,

    /// Send every type of the dialect once per round.
    #[arg(long, conflicts_with = "events")]
    all: bool,

    /// Format of the samples, one of JustCall's two.
    #[arg(long, default_value = "documented", value_parser = dialect())]
    dialect: Dialect,

    /// Number of rounds. Each sends every chosen type once.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    count: u64,

    /// Number of events that await a response at the same time.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=4096))]
    concurrency: u16,

    /// Post the bytes of this file instead of samples. `-` reads standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["events", "all", "dialect"])]
    file: Option<PathBuf>,

    /// Send the samples unchanged, so that all but the first are duplicates.
    #[arg(long)]
    repeat_exactly: bool,

    /// Sign as JustCall does, with the last secret in this file (one per line). Live dialect only.
    #[arg(long, value_name = "FILE")]
    secrets_file: Option<PathBuf>,

    /// `webhook_url` of samples in the live dialect, which the signature covers. Default: --to.
    #[arg(long, value_name = "URL", conflicts_with_all = ["file", "repeat_exactly"])]
    webhook_url: Option<String>,

    /// Send the last token in this file as `Authorization: Bearer`.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
}

const EXAMPLE: &str = "\
Examples:
  justcall-bridge send
  justcall-bridge send --all --dialect live
  justcall-bridge send --event sms.sent --event sms.delivered --count 100
  justcall-bridge send --all --count 1000 --concurrency 64 --json
  justcall-bridge send --all --dialect live --secrets-file justcall-api-secret
  justcall-bridge send --file event.json";

/// Advice if no bridge can be reached.
const ADVICE: &str = "Is a bridge running there? `justcall-bridge dev` starts one; `--to URL` names another.";

/// Reason why nothing was sent.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the {dialect} dialect has no {event}; --dialect {other} does")]
    OtherDialect { event: KnownType, dialect: Dialect, other: Dialect },
    #[error("cannot read {0}: {1}")]
    File(String, io::Error),
    #[error("--ca-file: {0} holds no certificate in PEM")]
    Authority(String),
    #[error("--secrets-file or --token-file: {0}")]
    Credentials(#[from] SecretFileError),
    #[error("the documented dialect carries no signature; add --dialect live")]
    Unsigned,
    #[error("--address takes the place of what the host of --to resolves to, and that is an address itself")]
    NoName,
    #[error("the sample of {0} is broken: {1}")]
    Sample(KnownType, serde_json::Error),
    #[error("cannot start: {0}")]
    Runtime(io::Error),
    #[error(transparent)]
    Failed(#[from] Failed),
}

impl Error {
    /// Returns the error, and advice on a line of its own.
    fn lines(&self) -> Vec<String> {
        let advice = matches!(self, Self::Failed(Failed::Unreachable { .. })).then(|| ADVICE.to_owned());
        [format!("error: {self}")].into_iter().chain(advice).collect()
    }
}

/// Sends the events and prints the summary to stdout. Fails unless every answer was 200.
pub(super) fn run(args: &Args) -> ExitCode {
    match execute(args, progress_bar()) {
        Ok(summary) => match super::ended(print_summary(&summary, args.json)) {
            ExitCode::SUCCESS if !summary.is_success() => ExitCode::FAILURE,
            code => code,
        },
        Err(error @ (Error::OtherDialect { .. } | Error::Unsigned | Error::NoName)) => {
            super::usage_error(&error.to_string())
        }
        Err(error) => {
            terminal::last_note(&error.lines());
            ExitCode::FAILURE
        }
    }
}

/// Reads the certificates of a PEM file.
fn authorities(file: &Path) -> Result<Vec<Certificate>, Error> {
    let shown = || file.display().to_string();
    let text = input::read(file).map_err(|error| Error::File(shown(), error))?;
    match Certificate::from_pem_bundle(input::without_mark(&text)) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(Error::Authority(shown())),
    }
}

fn execute(args: &Args, progress: ProgressBar) -> Result<Summary, Error> {
    let credentials = RequestCredentials::read(args.secrets_file.as_deref(), args.token_file.as_deref())?;
    if credentials.signs() && args.file.is_none() && args.dialect == Dialect::Documented {
        return Err(Error::Unsigned);
    }
    if args.address.is_some() && args.to.domain().is_none() {
        return Err(Error::NoName);
    }
    let plan = Plan {
        to: args.to.clone(),
        address: args.address,
        authorities: args.ca_file.as_deref().map(authorities).transpose()?,
        credentials,
        bodies: bodies(args)?,
        rounds: args.count,
        concurrency: usize::from(args.concurrency),
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    Ok(runtime.block_on(post::send(plan, progress, interrupted()))?)
}

/// Completes on Ctrl-C. The summary of the sent events is still printed.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// Returns the bodies of one round.
fn bodies(args: &Args) -> Result<Vec<Body>, Error> {
    if let Some(file) = &args.file {
        let bytes = read(file).map_err(|error| Error::File(file.display().to_string(), error))?;
        return Ok(vec![Body::Exact(bytes.into())]);
    }
    chosen(args)?.into_iter().map(|(event, sample)| body(args, event, sample)).collect()
}

fn body(args: &Args, event: KnownType, sample: &'static str) -> Result<Body, Error> {
    if args.repeat_exactly {
        return Ok(Body::Exact(bytes::Bytes::from_static(sample.as_bytes())));
    }
    let webhook_url = args.webhook_url.as_deref().unwrap_or(args.to.as_str());
    Template::parse(sample, webhook_url).map(Body::Fresh).map_err(|error| Error::Sample(event, error))
}

/// Returns the chosen types with their samples, in the order of the arguments.
fn chosen(args: &Args) -> Result<Vec<(KnownType, &'static str)>, Error> {
    let events = match args.events.as_slice() {
        _ if args.all => return Ok(samples(args.dialect).collect()),
        [] => &[KnownType::CallCompleted],
        named => named,
    };
    let sample_of = |event: &KnownType| {
        samples(args.dialect).find(|(listed, _)| listed == event).ok_or_else(|| Error::OtherDialect {
            event: *event,
            dialect: args.dialect,
            other: other(args.dialect),
        })
    };
    events.iter().map(sample_of).collect()
}

const fn other(dialect: Dialect) -> Dialect {
    match dialect {
        Dialect::Documented => Dialect::Live,
        Dialect::Live => Dialect::Documented,
    }
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    if file == Path::new("-") {
        return input::read_all(io::stdin().lock());
    }
    input::read(file)
}

/// Returns a progress bar, hidden unless stderr is a terminal.
fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {human_pos}/{human_len}  {per_sec}  {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(None, terminal::progress_target()).with_style(style)
}

fn print_summary(summary: &Summary, as_json: bool) -> Result<(), super::Failure> {
    let text = if as_json { format!("{:#}\n", summary.json()) } else { summary.to_string() };
    super::print(&text)
}

pub(super) fn known_type() -> impl TypedValueParser<Value = KnownType> {
    PossibleValuesParser::new(KnownType::ALL.iter().map(|known| known.name()))
        .try_map(|name| KnownType::from_name(&name).ok_or("no such event type"))
}

pub(super) fn dialect() -> impl TypedValueParser<Value = Dialect> {
    PossibleValuesParser::new([Dialect::Documented, Dialect::Live].map(Dialect::name))
        .map(|name| if name == Dialect::Live.name() { Dialect::Live } else { Dialect::Documented })
}

fn http_url(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        _ => Err("expected a URL such as http://127.0.0.1:8080/webhooks/justcall".to_owned()),
    }
}

#[cfg(test)]
mod tests;
