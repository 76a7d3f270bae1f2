//! `tail`.

use super::Failure;

/// Show records as they come.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {}

const EXAMPLE: &str = "\
Examples:
  justcall-bridge tail --config bridge.yaml";

/// Runs the command.
pub(super) fn run(_args: &Args) -> Result<(), Failure> {
    Err(Failure::Failed("is being written".into()))
}
