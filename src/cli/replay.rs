//! `replay`.

use super::Failure;

/// Put events from a file through the rules into Kafka.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {}

const EXAMPLE: &str = "\
Examples:
  justcall-bridge replay backfill.ndjson --config bridge.yaml";

/// Runs the command.
pub(super) fn run(_args: &Args) -> Result<(), Failure> {
    Err(Failure::Failed("is being written".into()))
}
