//! `dead-letters replay`.

mod summary;

use crate::app::signals;
use crate::cli::replay::progress::Progress;
use crate::cli::{Failure, SettingsArgs, ended, printed, usage_error};
use crate::kafka::CommitError;
use crate::replay::ReplayEvaluator;
use crate::replay::dead_letters::{
    DeadLetters, LetterId, LetterSelection, Replay, ReplayError, ReplayEvent, SelectedLetters,
};
use crate::terminal;
use std::collections::HashSet;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use summary::ReplaySummary;
use tokio::runtime::Handle;

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,

    /// Ids of letters, PARTITION-OFFSET, as in `list --each`.
    #[arg(group = "which", value_name = "ID")]
    ids: Vec<LetterId>,

    /// All letters with this reason. May be repeated.
    #[arg(long = "reason", group = "which", value_name = "REASON")]
    reasons: Vec<String>,

    /// All letters that are not replayed yet.
    #[arg(long, group = "which")]
    all: bool,

    /// Write nothing, and print what would happen to each letter.
    #[arg(long)]
    dry_run: bool,

    /// Do not ask for confirmation.
    #[arg(long)]
    yes: bool,

    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(mut args: Args) -> ExitCode {
    match prepare(&mut args) {
        Ok(prepared) if prepared.chosen.is_empty() => finish(&args, prepared.summary, Ok(()), Ok(())),
        Ok(prepared) => match consent(&args, prepared.chosen.len()) {
            Consent::Given => carry_out(&args, prepared),
            Consent::Denied => ended(Err(Failure::Failed("nothing was replayed".into()))),
            Consent::Unasked => {
                usage_error("no terminal to confirm on: add --yes, or --dry-run to print the results first")
            }
        },
        Err(failure) => ended(Err(failure)),
    }
}

struct Prepared {
    letters: DeadLetters,
    rules: ReplayEvaluator,
    chosen: HashSet<LetterId>,
    summary: ReplaySummary,
}

fn prepare(args: &mut Args) -> Result<Prepared, Failure> {
    let settings = std::mem::take(&mut args.settings).load_quietly()?;
    let letters = DeadLetters::of(&settings);
    let rules = ReplayEvaluator::of(&settings)?;
    let index = letters.index()?;
    let selection = LetterSelection { ids: &args.ids, reasons: &args.reasons, all: args.all };
    let SelectedLetters { waiting: chosen, unknown, replayed } = index.select(&selection);
    let summary = ReplaySummary::of(args.dry_run, unknown, replayed);
    Ok(Prepared { letters, rules, chosen, summary })
}

enum Consent {
    Given,
    Denied,
    Unasked,
}

fn consent(args: &Args, letters: usize) -> Consent {
    if args.yes || args.dry_run {
        return Consent::Given;
    }
    if !io::stdin().is_terminal() {
        return Consent::Unasked;
    }
    terminal::ask(&format!(
        "Validate and route {letters} dead letters again, and write those that pass? [y/N] "
    ));
    let mut answer = String::new();
    match io::stdin().read_line(&mut answer) {
        Ok(_) if matches!(answer.trim(), "y" | "Y" | "yes") => Consent::Given,
        _ => Consent::Denied,
    }
}

fn carry_out(args: &Args, prepared: Prepared) -> ExitCode {
    let dry_run = args.dry_run;
    let tells_each = dry_run && !args.json;
    let work = move |stop: Arc<AtomicBool>, runtime| work(prepared, dry_run, tells_each, &stop, runtime);
    // Only work that writes no records may be abandoned.
    let done = if tells_each { signals::abandonable(work) } else { signals::interruptible(work).map(Some) };
    match done {
        Ok(Some((summary, result, told_each))) => finish(args, summary, result, told_each),
        Ok(None) => ended(Err(Failure::Failed("stopped; nothing was written".into()))),
        Err(failure) => ended(Err(failure.into())),
    }
}

fn work(
    prepared: Prepared,
    dry_run: bool,
    tells_each: bool,
    stop: &AtomicBool,
    runtime: Handle,
) -> (ReplaySummary, Result<(), ReplayError>, io::Result<()>) {
    let Prepared { letters, rules, chosen, mut summary } = prepared;
    let mut progress =
        Progress::new(chosen.len() as u64, "{bar:30} {human_pos}/{human_len}  {per_sec}  {eta} left");
    let replay = Replay { letters: &letters, evaluator: &rules, chosen, dry_run, runtime };
    let mut out = terminal::stdout();
    let mut told_each = Ok(());
    let result = replay.run(&mut |event| {
        match &event {
            ReplayEvent::Waiting(why) => progress.wait(why),
            event => {
                if tells_each {
                    let written = writeln!(out, "{}", summary::line(event));
                    told_each = std::mem::replace(&mut told_each, Ok(())).and(written);
                }
                progress.advance(1);
            }
        }
        summary.add(&event);
        !stop.load(Ordering::Acquire)
    });
    progress.end();
    (summary, result, told_each.and_then(|()| out.flush()))
}

fn finish(
    args: &Args,
    summary: ReplaySummary,
    result: Result<(), ReplayError>,
    told_each: io::Result<()>,
) -> ExitCode {
    let mut out = terminal::stdout();
    let written = if args.json { writeln!(out, "{:#}", summary.json()) } else { write!(out, "{summary}") };
    let complete = summary.is_complete();
    let result = result.map_err(|why| {
        Failure::Failed(match why {
            ReplayError::Write(CommitError::Stopped) => {
                "stopped: the letters reported as replayed are marked; run it again to continue".into()
            }
            why => format!(
                "{why}; the letters reported as replayed are marked, and a new run continues after them"
            ),
        })
    });
    let result = result.and_then(|()| printed(told_each.and(written).and_then(|()| out.flush())));
    match ended(result) {
        ExitCode::SUCCESS if !complete => ExitCode::FAILURE,
        code => code,
    }
}
