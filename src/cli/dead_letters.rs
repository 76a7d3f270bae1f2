//! `dead-letters`: lists, shows and replays rejected events.

mod list;
mod replay;
mod show;

use super::{Failure, SettingsArgs, ended};
use crate::replay::dead_letters::{DeadLetters, LetterId};
use std::process::ExitCode;

/// List what was rejected, look at it, and put it through the rules again.
///
/// Nothing is ever taken out of the topic: what was replayed is marked there, and not replayed again.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Count the dead letters by reason and source, or list each.
    #[command(after_help = LIST)]
    List {
        #[command(flatten)]
        settings: SettingsArgs,
        /// Only those with this reason. May be repeated.
        #[arg(long = "reason", value_name = "REASON")]
        reasons: Vec<String>,
        /// A line for each. Its id is its partition and offset.
        #[arg(long)]
        each: bool,
        /// As JSON, for a script; with --each one object a line.
        #[arg(long)]
        json: bool,
    },
    /// Show one dead letter: its headers and its body, personal data left out.
    #[command(after_help = SHOW)]
    Show {
        #[command(flatten)]
        settings: SettingsArgs,
        /// Which one: PARTITION-OFFSET, as `list --each` shows it.
        id: LetterId,
        /// Write the body to stdout, byte for byte as it came, and nothing else.
        #[arg(long, conflicts_with_all = ["json", "show_personal_data"])]
        raw: bool,
        /// As JSON, for a script.
        #[arg(long)]
        json: bool,
        /// Show everything as it is.
        #[arg(long)]
        show_personal_data: bool,
    },
    /// Put dead letters through the current rules again and write the records of those that pass.
    ///
    /// The settings decide: the validation of the source that each came from, and the routes. What is
    /// still rejected stays, and is told with its reason. Records and mark are written in one transaction,
    /// so that a letter is replayed at most once, whatever ends the run; run it again to go on. A second
    /// run ends the first.
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

Exit codes: 0 everything that was chosen is replayed now, 1 something stays or the run ended
early, 2 the command line makes no sense, 78 the settings are bad.";

pub(super) fn run(args: Args) -> ExitCode {
    match args.command {
        Command::List { settings, reasons, each, json } => ended(list::run(settings, &reasons, each, json)),
        Command::Show { settings, id, raw, json, show_personal_data } => {
            ended(show::run(settings, id, raw, json, show_personal_data))
        }
        Command::Replay(args) => replay::run(args),
    }
}

/// Opens the topic of dead letters that the settings name.
fn open(settings: SettingsArgs) -> Result<DeadLetters, Failure> {
    Ok(DeadLetters::of(&settings.load_quietly()?))
}
