//! `completions`.

use super::Failure;

/// Print completions for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {}

const EXAMPLE: &str = "\
Examples:
  justcall-bridge completions bash";

/// Runs the command.
pub(super) fn run(_args: &Args) -> Result<(), Failure> {
    Err(Failure::Failed("is being written".into()))
}
