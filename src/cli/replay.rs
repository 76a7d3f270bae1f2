//! `replay`: writes events and records from a file.

pub(super) mod progress;
mod summary;

use super::{Failure, SettingsArgs, ended, printed, usage_error};
use crate::app::signals;
use crate::replay::ReplayEvaluator;
use crate::replay::file::{
    Content, Error, FileReplay, FileReplayEvent, FileReplayOptions, LineCounts, ReplaySource, TOO_LONG,
};
use crate::{private_file, terminal};
use progress::Progress;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Write events from a file to Kafka through the settings' routes, or exported records unchanged.
///
/// Each line of the file is the body of an event, in either dialect. Its source's validation and the routes
/// apply, as if it were posted now without a signature. With --records, each line is a record from
/// `spool export` or `tail --json --show-personal-data` and is written unchanged. A record without a time
/// (null, 0 or -1) or older than an hour gets the present time. Rejected lines are reported and do not stop
/// the others.
///
/// Lines are written in order and in transactions. The position is saved beside the file, so an interrupted
/// run continues there when it is started again. The last lines may then be written twice, with the same
/// ce_id. A second run on the same file ends the first.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,

    /// File with one JSON object per line. `-` reads standard input, without a saved position.
    file: PathBuf,

    /// Write the records of an export unchanged, to topics that the settings can yield. Use it only for
    /// files that you exported yourself.
    #[arg(long, conflicts_with_all = ["body", "source"])]
    records: bool,

    /// Allow every topic, with --records.
    #[arg(long, requires = "records")]
    any_topic: bool,

    /// Take the whole file as one body, such as the output of `dead-letters show --raw`.
    #[arg(long)]
    body: bool,

    /// Source of the events. Default: the only source of the settings.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,

    /// Largest number of lines per second.
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,

    /// Append rejected lines unchanged to this file. Not with --body, because FILE has the body.
    #[arg(long, value_name = "FILE", conflicts_with = "body")]
    rejects: Option<PathBuf>,

    /// File with the saved position. Default: FILE.resume.
    #[arg(long, value_name = "FILE")]
    resume_file: Option<PathBuf>,

    /// Begin with this line, counted from 1, instead of the saved position.
    #[arg(long, value_name = "N", conflicts_with = "restart", value_parser = clap::value_parser!(u64).range(1..))]
    from_line: Option<u64>,

    /// Begin with the first line instead of the saved position.
    #[arg(long)]
    restart: bool,

    /// Write nothing, and print what would happen. Does not contact Kafka.
    #[arg(long)]
    dry_run: bool,

    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
}

const EXAMPLE: &str = "\
Examples:
  justcall-bridge replay backfill.ndjson --config bridge.yaml --dry-run
  justcall-bridge replay backfill.ndjson --source main --rate 200 --rejects rejected.ndjson
  justcall-bridge spool export --directory /var/lib/justcall-bridge > backlog.ndjson
  justcall-bridge replay backlog.ndjson --records

Exit codes: 0 every line is written, 1 some were rejected or the run ended early,
2 invalid command line, 78 invalid settings.";

pub(super) fn run(mut args: Args) -> ExitCode {
    let plan = match plan(&mut args) {
        Ok(Ok(plan)) => plan,
        Ok(Err(usage)) => return usage_error(&usage),
        Err(failure) => return ended(Err(failure)),
    };
    let work = signals::interruptible(move |stop, runtime| {
        let mut progress = FileProgress::of(&plan.file);
        let (counts, result) = FileReplay::new(plan, stop, runtime).run(&mut |event| progress.show(&event));
        progress.end(&counts);
        (counts, result)
    });
    match work {
        Ok((counts, result)) => finish(&args, &counts, result),
        Err(failure) => ended(Err(failure.into())),
    }
}

/// Returns the plan, or the reason why the arguments contradict each other.
fn plan(args: &mut Args) -> Result<Result<FileReplayOptions, String>, Failure> {
    let is_stream = args.file == Path::new("-");
    if is_stream && args.resume_file.is_some() {
        return Ok(Err("--resume-file needs a FILE: standard input cannot be resumed".into()));
    }
    let resume_file = args.resume_file.clone().unwrap_or_else(|| beside(&args.file));
    let outputs = [("--rejects", args.rejects.as_deref()), ("--resume-file", Some(resume_file.as_path()))];
    let input = if is_stream { Path::new("/dev/stdin") } else { &args.file };
    let is_input = |path: &Path| private_file::is_same(path, input);
    if let Some((flag, _)) = outputs.iter().find(|(_, path)| path.is_some_and(is_input)) {
        return Ok(Err(format!("{flag} is FILE itself, which it would overwrite: name another file")));
    }
    if !is_stream
        && args.rejects.as_deref().is_some_and(|rejects| private_file::is_same(rejects, &resume_file))
    {
        return Ok(Err("--rejects and --resume-file are the same file: name two".into()));
    }
    let settings = std::mem::take(&mut args.settings).load_quietly()?;
    let rules = ReplayEvaluator::of(&settings)?;
    let source = match ReplaySource::select(args.source.as_deref(), &rules) {
        Ok(source) => source,
        Err(usage) => return Ok(Err(usage)),
    };
    Ok(Ok(FileReplayOptions {
        kafka: settings.kafka,
        rules,
        source,
        content: args.content(),
        file: args.file.clone(),
        resume_file: (!is_stream).then_some(resume_file),
        rejects: args.rejects.clone(),
        rate: args.rate,
        from_line: if args.restart { Some(1) } else { args.from_line },
        dry_run: args.dry_run,
    }))
}

impl Args {
    fn content(&self) -> Content {
        match (self.records, self.body) {
            (true, _) => Content::Records { any_topic: self.any_topic },
            (false, true) => Content::Body,
            (false, false) => Content::Events,
        }
    }
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".resume");
    name.into()
}

fn finish(args: &Args, counts: &LineCounts, result: Result<(), Error>) -> ExitCode {
    let mut out = terminal::stdout();
    let written = if args.json {
        writeln!(out, "{:#}", summary::json(counts))
    } else {
        write!(out, "{}", summary::text(counts))
    };
    let result = result.map_err(Failure::Replay);
    match ended(result.and_then(|()| printed(written.and_then(|()| out.flush())))) {
        ExitCode::SUCCESS if !counts.is_clean() => ExitCode::FAILURE,
        code => code,
    }
}

/// Number of rejected lines printed individually, apart from too long ones.
const MAX_PRINTED_REJECTS: u64 = 20;

struct FileProgress {
    progress: Progress,
    rejected: u64,
}

impl FileProgress {
    fn of(file: &Path) -> Self {
        let length = fs::metadata(file).map_or(0, |file| file.len());
        let progress = Progress::new(length, "{bar:30} {percent}%  {msg}  {eta} left");
        Self { progress, rejected: 0 }
    }

    fn show(&mut self, event: &FileReplayEvent<'_>) {
        match event {
            FileReplayEvent::Begins { byte, line } => {
                self.progress.begin_at(*byte);
                if let Some(line) = line {
                    self.progress.print_line(&format!("continues at line {line}"));
                }
            }
            FileReplayEvent::Waiting(why) => self.progress.wait(why),
            FileReplayEvent::Rejected { line, reason, detail } => {
                // No file keeps a too long line, so its number is always printed.
                if self.rejected < MAX_PRINTED_REJECTS || *reason == TOO_LONG {
                    self.progress.print_line(&format!("line {line}: {reason}: {detail}"));
                }
                self.rejected += u64::from(*reason != TOO_LONG);
            }
            FileReplayEvent::Advanced { bytes, lines, per_second } => {
                self.progress.note(format!("{lines} lines, {per_second:.0}/s"));
                self.progress.advance(*bytes);
            }
        }
    }

    fn end(&self, counts: &LineCounts) {
        let unprinted = self.rejected.saturating_sub(MAX_PRINTED_REJECTS);
        if counts.finished && unprinted > 0 {
            self.progress.print_line(&format!("and {unprinted} more lines were rejected"));
        }
        self.progress.end();
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.strip_suffix("/s").unwrap_or(text).trim().parse().ok();
    number
        .filter(|rate| (0.001..=1_000_000.0).contains(rate))
        .ok_or_else(|| "expected lines per second, from 0.001 to 1000000, such as 500 or 500/s".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_is_lines_per_second() {
        assert_eq!(rate("500/s"), Ok(500.0));
        assert_eq!(rate("0.5"), Ok(0.5));
        for wrong in ["0", "-1", "fast", "", "NaN", "2000000"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
