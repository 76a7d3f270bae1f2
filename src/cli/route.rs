//! `route`.

use super::Failure;

/// Tell what becomes of an event, and why.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {}

const EXAMPLE: &str = "\
Examples:
  justcall-bridge route event.json --config bridge.yaml";

/// Runs the command.
pub(super) fn run(_args: &Args) -> Result<(), Failure> {
    Err(Failure::Failed("is being written".into()))
}
