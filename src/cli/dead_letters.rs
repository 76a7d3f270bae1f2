//! `dead-letters`: lists, shows and replays rejected events.

mod list;
mod replay;
mod show;

use super::{Failure, SettingsArgs, ended};
use crate::replay::dead_letters::{DeadLetters, LetterId};
use std::process::ExitCode;

/// List, show and replay dead letters.
///
/// Nothing is removed from the topic. A mark in the topic records each replay, so that no letter is replayed
/// twice.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    #[command(subcommand)]
    command: DeadLettersCommand,
}

#[derive(Debug, clap::Subcommand)]
enum DeadLettersCommand {
    /// Count the dead letters by reason and source, or list each.
    #[command(after_help = LIST)]
    List {
        #[command(flatten)]
        settings: SettingsArgs,
        /// Only letters with this reason. May be repeated.
        #[arg(long = "reason", value_name = "REASON")]
        reasons: Vec<String>,
        /// Print a line for each letter. Its id is its partition and offset.
        #[arg(long)]
        each: bool,
        /// Print JSON; with --each, one object per line.
        #[arg(long)]
        json: bool,
    },
    /// Show the headers and the body of one dead letter, without personal data.
    #[command(after_help = SHOW)]
    Show {
        #[command(flatten)]
        settings: SettingsArgs,
        /// Id of the letter, PARTITION-OFFSET, as in `list --each`.
        id: LetterId,
        /// Write only the body to stdout, byte for byte as received.
        #[arg(long, conflicts_with_all = ["json", "show_personal_data"])]
        raw: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Show personal data.
        #[arg(long)]
        show_personal_data: bool,
    },
    /// Evaluate dead letters with the current settings, and write the records of those that are accepted.
    ///
    /// The validation of each letter's source and the routes decide. A letter that is still rejected stays,
    /// and is reported with its reason. Records and mark are written in one transaction, so a letter is
    /// replayed at most once. Run the command again to continue an interrupted replay. A second run ends the
    /// first.
    #[command(after_help = REPLAY)]
    Replay(replay::Args),
}

const EXAMPLE: &str = "\
Examples:
  justcall-bridge dead-letters list --config bridge.yaml
  justcall-bridge dead-letters show 0-42
  justcall-bridge dead-letters replay --reason contract_violation --dry-run";

const LIST: &str = "\
Examples:
  justcall-bridge dead-letters list --config bridge.yaml
  justcall-bridge dead-letters list --each --reason contract_violation
  justcall-bridge dead-letters list --json | jq .waiting";

const SHOW: &str = "\
Examples:
  justcall-bridge dead-letters show 0-42
  justcall-bridge dead-letters show 0-42 --raw > body.json";

const REPLAY: &str = "\
Examples:
  justcall-bridge dead-letters replay --reason contract_violation --dry-run
  justcall-bridge dead-letters replay --reason unknown_type --yes
  justcall-bridge dead-letters replay 0-42 3-7
  justcall-bridge dead-letters replay --all --yes --json

Exit codes: 0 every chosen letter is replayed, 1 some are not or the run ended early,
2 invalid command line, 78 invalid settings.";

pub(super) fn run(args: Args) -> ExitCode {
    match args.command {
        DeadLettersCommand::List { settings, reasons, each, json } => {
            ended(list::run(settings, &reasons, each, json))
        }
        DeadLettersCommand::Show { settings, id, raw, json, show_personal_data } => {
            ended(show::run(settings, id, raw, json, show_personal_data))
        }
        DeadLettersCommand::Replay(args) => replay::run(args),
    }
}

fn open(settings: SettingsArgs) -> Result<DeadLetters, Failure> {
    Ok(DeadLetters::of(&settings.load_quietly()?))
}
