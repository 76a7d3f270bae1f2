//! `schema`.

use super::Failure;

/// Print machine-readable descriptions of events, topics and HTTP.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {}

const EXAMPLE: &str = "\
Examples:
  justcall-bridge schema events";

/// Runs the command.
pub(super) fn run(_args: &Args) -> Result<(), Failure> {
    Err(Failure::Failed("is being written".into()))
}
