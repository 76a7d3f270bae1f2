//! `tail`: prints records as they are written.

mod filter;
pub(super) mod format;
mod start_position;

use super::{Failure, SettingsArgs, printed};
use crate::app::signals;
use crate::config::Settings;
use crate::kafka::{self, BoundedReader, ReadStep, StartPosition, Tail, TailedRecord};
use crate::routing::Pattern;
use crate::{terminal, topics};
use chrono::Utc;
use filter::{Filter, Glob};
use format::{Privacy, RecordFormat};
use start_position::StartArgument;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Print records of the topics as they are written, without personal data.
///
/// Joins no consumer group, commits no offset, and reads committed records only. Topics that are created
/// later are read from their beginning. Ends with --limit, --until-end or Ctrl-C, with exit code 0.
///
/// Prints ids, types, words such as direction and status, times and short numbers. Masks names, phone numbers,
/// addresses, URLs, texts and unknown fields. Prints a key if it is the id of the call, message, contact or
/// appointment, and not a number as long as a phone number.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,

    /// Only this topic; `*` and `?` match any characters. May be repeated. Default: every topic that the
    /// settings can yield, dead letters included, and all that begin with `topics.prefix`.
    #[arg(long = "topic", value_name = "NAME", value_parser = Glob::parse)]
    topics: Vec<Glob>,

    /// Only events of this type. Patterns as in routes: `call.*`, `*.received`. May be repeated.
    #[arg(long = "type", value_name = "PATTERN", value_parser = Pattern::parse)]
    types: Vec<Pattern>,

    /// Only records with this key; `*` and `?` match any characters. May be repeated.
    #[arg(long = "key", value_name = "KEY", value_parser = Glob::parse)]
    keys: Vec<Glob>,

    /// Start: `now`, `beginning`, a time such as 2026-03-12T14:30:00Z, or an age such as `15m`.
    #[arg(long, value_name = "WHERE", default_value = "now", value_parser = start_position::parse)]
    from: StartArgument,

    /// End after this number of records.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,

    /// Read to the present end of each topic, one topic after another.
    #[arg(long)]
    until_end: bool,

    /// Output format.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: RecordFormat,

    /// Short for --format ndjson.
    #[arg(long, conflicts_with = "format")]
    json: bool,

    /// Print personal data. With --json, `replay --records` accepts the lines.
    #[arg(long)]
    show_personal_data: bool,
}

const EXAMPLE: &str = "\
Examples:
  justcall-bridge tail --config bridge.yaml
  justcall-bridge tail --type 'call.*' --from 15m
  justcall-bridge tail --topic 'justcall.sms.*' --key msg_a1b2c3d4 --from beginning --until-end
  justcall-bridge tail --type '*' --json --from beginning --until-end | jq -r .headers.ce_type | sort | uniq -c";

/// Interval between checks for a signal and the clock.
const POLL_TIMEOUT: Duration = Duration::from_millis(100);

pub(super) fn run(mut args: Args) -> Result<(), Failure> {
    let settings = std::mem::take(&mut args.settings).load_quietly()?;
    let plan = plan(args, &settings)?;
    let kafka = settings.kafka;
    let shown = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&shown);
    // Abandoned work has printed all that the reader of stdout wanted.
    signals::abandonable(move |stop, _| plan.run(&kafka, &stop, &count))?.transpose()?;
    let shown = shown.load(Ordering::Acquire);
    terminal::note(&format!("{shown} {}", if shown == 1 { "record" } else { "records" }));
    Ok(())
}

struct TailPlan {
    topics: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    filter: Filter,
    start: StartPosition,
    limit: u64,
    until_end: bool,
    format: RecordFormat,
    privacy: Privacy,
}

fn plan(args: Args, settings: &Settings) -> Result<TailPlan, Failure> {
    let topics: Arc<dyn Fn(&str) -> bool + Send + Sync> = if args.topics.is_empty() {
        let (yielded, prefix) = (topics::of(settings)?, settings.routing.prefix.clone());
        // With an empty prefix, every topic of the cluster would match.
        let is_former = move |name: &str| !prefix.is_empty() && name.starts_with(&prefix);
        Arc::new(move |name| is_former(name) || yielded.iter().any(|topic| **topic == *name))
    } else {
        let globs = args.topics;
        Arc::new(move |name| globs.iter().any(|glob| glob.matches(name)))
    };
    Ok(TailPlan {
        topics,
        filter: Filter { types: args.types, keys: args.keys },
        start: args.from.start(Utc::now()),
        limit: args.limit.unwrap_or(u64::MAX),
        until_end: args.until_end,
        format: if args.json { RecordFormat::Ndjson } else { args.format },
        privacy: if args.show_personal_data { Privacy::Shown } else { Privacy::Masked },
    })
}

enum Reading {
    Live(Tail),
    BoundedReader(BoundedReader),
}

impl Reading {
    fn next(&mut self) -> Result<ReadStep, kafka::Error> {
        match self {
            Self::Live(tail) => Ok(tail.next(POLL_TIMEOUT)?.map_or(ReadStep::Waiting, ReadStep::Record)),
            Self::BoundedReader(stretch) => stretch.next(POLL_TIMEOUT),
        }
    }

    fn topics(&self) -> usize {
        match self {
            Self::Live(tail) => tail.topics().len(),
            Self::BoundedReader(stretch) => stretch.topics(),
        }
    }
}

impl TailPlan {
    fn run(&self, kafka: &kafka::Config, stop: &AtomicBool, shown: &AtomicU64) -> Result<(), Failure> {
        let wanted = Arc::clone(&self.topics);
        let mut from = if self.until_end {
            Reading::BoundedReader(BoundedReader::read(kafka, move |name| wanted(name), self.start)?)
        } else {
            Reading::Live(Tail::follow(kafka, move |name| wanted(name), self.start)?)
        };
        terminal::note(&format!("reading {} topics", from.topics()));
        let mut out = terminal::stdout();
        while shown.load(Ordering::Acquire) < self.limit && !stop.load(Ordering::Acquire) {
            let written = match from.next()? {
                ReadStep::End => break,
                ReadStep::Waiting => out.flush(),
                ReadStep::Record(record) => self.show(&record, &mut out, shown),
            };
            match written {
                Ok(()) => {}
                // The reader of stdout wants no more.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => return Err(Failure::Output(error)),
            }
        }
        printed(out.flush())
    }

    fn show(&self, record: &TailedRecord, out: &mut impl Write, shown: &AtomicU64) -> io::Result<()> {
        if !self.filter.takes(record) {
            return Ok(());
        }
        shown.fetch_add(1, Ordering::AcqRel);
        match self.format {
            RecordFormat::Pretty => writeln!(out, "{}", format::pretty(record, self.privacy)),
            RecordFormat::Ndjson => writeln!(out, "{}", format::line(record, self.privacy)),
        }
    }
}
