//! `send`: posts events to a bridge and prints its answers.

use crate::send::{self, BridgeUrl, SendError, SendOptions, SendSummary, SentEvents};
use crate::terminal;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use indicatif::{ProgressBar, ProgressStyle};
use justcall_events::{Dialect, KnownType};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Post sample events to a bridge and print its responses.
///
/// Sends the sample bodies of JustCall's reference. Each becomes a new event: with a new entity id, a new
/// `request_id` and the present time. Exits with 0 only if every response is 200.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// URL of the bridge.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080/webhooks/justcall")]
    to: BridgeUrl,

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

const ADVICE: &str = "Is a bridge running there? `justcall-bridge dev` starts one; `--to URL` names another.";

pub(super) fn run(args: Args) -> ExitCode {
    let json = args.json;
    match execute(args, progress_bar()) {
        Ok(summary) => match super::ended(print_summary(&summary, json)) {
            ExitCode::SUCCESS if !summary.is_success() => ExitCode::FAILURE,
            code => code,
        },
        Err(error) if error.is_usage() => super::usage_error(&error.to_string()),
        Err(error) => {
            terminal::last_note(&lines(&error));
            ExitCode::FAILURE
        }
    }
}

fn lines(error: &SendError) -> Vec<String> {
    let advice = matches!(error, SendError::Unreachable { .. }).then(|| ADVICE.to_owned());
    [format!("error: {error}")].into_iter().chain(advice).collect()
}

fn execute(args: Args, progress: ProgressBar) -> Result<SendSummary, SendError> {
    let plan = args.options().plan()?;
    progress.set_length(plan.total());
    let bar = progress.clone();
    let result = send::send(plan, move || bar.inc(1), interrupted());
    progress.finish_and_clear();
    result
}

impl Args {
    fn options(self) -> SendOptions {
        let types = if self.events.is_empty() { vec![KnownType::CallCompleted] } else { self.events };
        let samples = SentEvents::Samples {
            types: (!self.all).then_some(types),
            dialect: self.dialect,
            repeat_exactly: self.repeat_exactly,
            webhook_url: self.webhook_url,
        };
        SendOptions {
            to: self.to,
            address: self.address,
            ca_file: self.ca_file,
            secrets_file: self.secrets_file,
            token_file: self.token_file,
            events: self.file.map_or(samples, SentEvents::File),
            rounds: self.count,
            concurrency: usize::from(self.concurrency),
        }
    }
}

/// Completes on Ctrl-C. The summary of the sent events is still printed.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {human_pos}/{human_len}  {per_sec}  {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(None, terminal::progress_target()).with_style(style)
}

fn print_summary(summary: &SendSummary, as_json: bool) -> Result<(), super::Failure> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;
    use justcall_events::samples;
    use std::net::TcpListener;

    fn args(line: &str) -> Result<Args, clap::Error> {
        let line = format!("justcall-bridge send {line}");
        Cli::try_parse_from(line.split_whitespace()).map(|cli| match cli.command {
            Command::Send(args) => args,
            other => panic!("{other:?}"),
        })
    }

    fn refused(line: &str) -> String {
        let error = args(line).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    }

    #[test]
    fn unknown_type_is_rejected_with_the_list_and_a_suggestion() {
        let message = refused("--event call.complete");
        for known in KnownType::ALL {
            assert!(message.contains(known.name()), "{known} in {message}");
        }
        assert!(message.contains("similar") && message.contains("'call.completed'"), "{message}");
    }

    #[test]
    fn selection_is_the_default_the_named_types_or_all() {
        let planned = |line: &str| args(line).unwrap().options().plan().unwrap().total();
        let types = |line: &str| match args(line).unwrap().options().events {
            SentEvents::Samples { types, .. } => types,
            SentEvents::File(file) => panic!("{file:?}"),
        };
        assert_eq!(types(""), Some(vec![KnownType::CallCompleted]));
        assert_eq!(planned("--event call.completed --event call.completed"), 2);
        for dialect in [Dialect::Documented, Dialect::Live] {
            let line = format!("--all --dialect {dialect}");
            assert_eq!(types(&line), None);
            assert_eq!(planned(&line), samples(dialect).count() as u64);
        }
    }

    #[test]
    fn contradicting_options_are_rejected() {
        refused("--all --event sms.sent");
        refused("--file x --all");
        refused("--file x --dialect live");
    }

    #[test]
    fn unreachable_url_is_reported_with_advice() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let args = || args(&format!("--to http://me:secret@127.0.0.1:{port}/hook --count 50")).unwrap();
        let message = lines(&execute(args(), ProgressBar::hidden()).unwrap_err()).join("\n");
        assert!(
            message.starts_with(&format!("error: cannot reach http://127.0.0.1:{port}/hook: ")),
            "{message}"
        );
        assert!(message.contains("refused") && message.contains("`justcall-bridge dev`"), "{message}");
        assert!(!message.contains("secret"), "{message}");
        assert_eq!(format!("{:?}", run(args())), format!("{:?}", ExitCode::FAILURE));
    }
}
