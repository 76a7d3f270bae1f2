//! `route`: explains the result of an event, or tests a mapping.

mod expect;
mod render;

use super::{Failure, SettingsArgs, print};
use crate::config::Settings;
use crate::explain::{BodyInput, BodyLayout, RouteOutcome, Router, inputs};
use chrono::{DateTime, Utc};
use std::path::PathBuf;

/// Explain the result of an event, or test a mapping.
///
/// Prints for each event: dialect and type, the result of validation, the route that matched and why earlier
/// routes did not, and the records with topic, key, partition and headers. Uses no network, signature or
/// secret.
///
/// A file has one body, or one body per line (NDJSON). --expect compares the results with a file. Use --body
/// for a body from another sender, such as a dead letter, because one of its lines may look like an event.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// Files of events. `-`, or no file, reads standard input.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Take each FILE as one body, not as lines.
    #[arg(long)]
    body: bool,

    #[command(flatten)]
    settings: SettingsArgs,

    /// Source of the events. Required if the settings have several sources.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,

    /// Number of partitions, to compute the partition of a key. Default: `topics.partitions`.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    partitions: Option<u32>,

    /// Time of receipt, RFC 3339. Default: now.
    #[arg(long, value_name = "TIME")]
    received_at: Option<DateTime<Utc>>,

    /// Compare the results with this NDJSON, JSON or YAML file. Format: docs/how-to/route-tests.md.
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,

    /// Write the present results to the file of --expect (NDJSON), and add the events of FILE.
    #[arg(long, requires = "expect")]
    update: bool,

    /// Print one line of JSON per event.
    #[arg(long)]
    json: bool,
}

const EXAMPLE: &str = "\
Examples:
  justcall-bridge route event.json --config bridge.yaml
  tail -n 20 events.ndjson | justcall-bridge route --partitions 12 --json | jq .records
  justcall-bridge route events.ndjson --expect mapping.ndjson --update
  justcall-bridge route --expect mapping.yaml

Exit codes: 0 no event would become a dead letter, or all is as expected;
1 one would, or differs from what is expected, or a file cannot be read;
2 invalid command line; 78 invalid settings.";

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let settings = Settings::load(&args.settings.sources_on_paper())?;
    let router = Router::new(&settings, args.partitions, args.received_at.unwrap_or_else(Utc::now))?;
    let layout = if args.body { BodyLayout::OneBody } else { BodyLayout::Bodies };
    if let Some(file) = &args.expect {
        let inputs = if args.files.is_empty() { Vec::new() } else { inputs(&args.files, layout)? };
        let how = expect::How { source: args.source.as_deref(), update: args.update, json: args.json };
        return expect::run(&router, file, inputs, how);
    }
    let source = router.source(args.source.as_deref()).map_err(Failure::Failed)?;
    let inputs = inputs(&args.files, layout)?;
    print_explanations(&router, source, &inputs, args.json)
}

fn print_explanations(
    router: &Router<'_>,
    source: usize,
    inputs: &[BodyInput],
    json: bool,
) -> Result<(), Failure> {
    let mut lost = 0;
    for input in inputs {
        let explanation = router.explain(source, &input.body);
        lost += usize::from(matches!(explanation.outcome, RouteOutcome::Rejected | RouteOutcome::DeadLetter));
        let text = if json {
            explanation.json_line(&input.at)
        } else {
            render::text(&input.at, &explanation, router)
        };
        print(&text)?;
    }
    match lost {
        0 => Ok(()),
        1 => Err(Failure::Failed("one event would become a dead letter".into())),
        _ => Err(Failure::Failed(format!("{lost} events would become dead letters"))),
    }
}
