//! Writes lines to Kafka in batches.

mod batch;

use super::input::Input;
use super::line::Content;
use super::progress::Progress;
use super::rate_limiter::RateLimiter;
use super::resume::{Identity, Point};
use super::stdin::Stdin;
use super::summary::Summary;
use crate::app::replay::{ReplayEvaluator, ReplayWriter};
use crate::cli::Failure;
use crate::kafka::{self, CommitError};
use crate::private_file;
use batch::{Batch, Item};
use justcall_events::{BodyHash, EventId};
use std::fs::{self, File};
use std::io::{self, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// Number of rejected lines that are reported individually.
const MAX_REPORTED_REJECTS: u64 = 20;

/// Interval at which a wait looks for a signal.
const STOP_CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Source of the file's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// Events of this source.
    Named(String),
    /// Ambiguous: one of these sources, and `--source` is missing.
    OneOf(String),
}

/// Options of a replay.
pub(super) struct Plan {
    pub(super) kafka: kafka::Config,
    pub(super) rules: ReplayEvaluator,
    pub(super) source: Source,
    pub(super) content: Content,
    pub(super) file: PathBuf,
    /// `None` for standard input.
    pub(super) resume_file: Option<PathBuf>,
    pub(super) rejects: Option<PathBuf>,
    pub(super) rate: Option<f64>,
    pub(super) from_line: Option<u64>,
    pub(super) dry_run: bool,
}

/// Replay of a file.
pub(super) struct Job {
    plan: Plan,
    stop: Arc<AtomicBool>,
    runtime: Handle,
    summary: Summary,
    progress: Progress,
}

/// State that changes from batch to batch.
struct State {
    input: Input,
    /// `None` if no position is saved.
    point: Option<Point>,
    rejects: Option<File>,
    outlet: Option<ReplayWriter>,
    limiter: RateLimiter,
    /// True after the last line was read.
    at_end: bool,
}

impl Job {
    pub(super) fn new(plan: Plan, stop: Arc<AtomicBool>, runtime: Handle) -> Self {
        let length = fs::metadata(&plan.file).map_or(0, |file| file.len());
        let progress = Progress::new(length, "{bar:30} {percent}%  {msg}  {eta} left");
        let summary = Summary { dry_run: plan.dry_run, ..Summary::default() };
        Self { plan, stop, runtime, summary, progress }
    }

    /// Replays the file. The summary is complete even if the run ends early.
    pub(super) fn run(mut self) -> (Summary, Result<(), Failure>) {
        let began = Instant::now();
        let result = self.open().and_then(|state| self.all(state, began));
        self.progress.end();
        self.summary.seconds = began.elapsed().as_secs_f64();
        (self.summary, result)
    }

    fn open(&mut self) -> Result<State, Failure> {
        // Fails early, because connecting to Kafka may take a while.
        self.remembered()?;
        let outlet = if self.plan.dry_run { None } else { Some(self.outlet()?) };
        // A run that this one ended may have saved a later position in the meantime.
        let point = self.remembered()?;
        let mut input = self.input(point.as_ref())?;
        if self.plan.from_line.is_some() || point.is_none() {
            self.pass_over(&mut input)?;
        }
        let rejects = self.rejects(point.as_ref())?;
        self.summary.first_line = input.line + 1;
        self.summary.last_line = input.line;
        self.summary.rejected_before = point.as_ref().map_or(0, |point| point.rejected);
        self.progress.begin_at(input.byte);
        if input.line > 0 && point.as_ref().is_none_or(|point| !point.is_at_end()) {
            self.progress.print_line(&format!("goes on at line {}", input.line + 1));
        }
        let limiter = RateLimiter::new(self.plan.rate, Instant::now());
        let mut state = State { input, point, rejects, outlet, limiter, at_end: false };
        // Fails before anything is written if the position cannot be saved.
        self.remember(&mut state)?;
        Ok(state)
    }

    /// Returns the position to continue from. Without a saved position, or with `--from-line`, that is the
    /// beginning.
    fn remembered(&self) -> Result<Option<Point>, Failure> {
        let Some(resume_file) = &self.plan.resume_file else { return Ok(None) };
        let identity = Identity::of(&self.plan.file).map_err(|error| unreadable(&self.plan.file, &error))?;
        let content = self.plan.content.into();
        if self.plan.from_line.is_some() {
            return Ok(Some(Point::beginning(identity, content)));
        }
        let point = Point::load(resume_file, &self.plan.file, &identity, content);
        let point = point.map_err(|unusable| Failure::Failed(unusable.to_string()))?;
        Ok(Some(point.unwrap_or_else(|| Point::beginning(identity, content))))
    }

    fn input(&self, point: Option<&Point>) -> Result<Input, Failure> {
        let input = match point {
            Some(point) => Input::file(&self.plan.file, point.line, point.byte)
                .map_err(|error| unreadable(&self.plan.file, &error))?,
            None => Input::of(BufReader::new(Stdin::read_until(&self.stop)?)),
        };
        Ok(if self.plan.content == Content::Body { input.whole() } else { input })
    }

    fn pass_over(&self, input: &mut Input) -> Result<(), Failure> {
        let first = self.plan.from_line.unwrap_or(1);
        while input.line + 1 < first && input.next().map_err(|error| self.broken(&error))?.is_some() {}
        Ok(())
    }

    /// Opens the file of rejected lines, cut to its length at the last saved position.
    fn rejects(&self, point: Option<&Point>) -> Result<Option<File>, Failure> {
        let Some(path) = self.plan.rejects.as_ref().filter(|_| !self.plan.dry_run) else { return Ok(None) };
        let open = || {
            let mut file = private_file::open(path)?;
            let keeps_all = self.plan.from_line.is_some_and(|line| line > 1);
            if !keeps_all {
                let kept = point.map_or(0, |point| point.rejects_bytes);
                file.set_len(kept.min(file.metadata()?.len()))?;
            }
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        open().map(Some).map_err(|error: io::Error| unreadable(path, &error))
    }

    fn outlet(&mut self) -> Result<ReplayWriter, Failure> {
        let path = fs::canonicalize(&self.plan.file).unwrap_or_else(|_| self.plan.file.clone());
        let name = EventId::from_hash(&BodyHash::of(path.as_os_str().as_encoded_bytes()));
        let id = format!("justcall-bridge-replay-{name}");
        let Self { progress, stop, .. } = self;
        let keep_on: kafka::ShouldRetry<'_> = &mut |why| {
            progress.wait(why);
            !stop.load(Ordering::Acquire)
        };
        ReplayWriter::open(&self.plan.kafka, &id, self.runtime.clone(), keep_on).map_err(early)
    }

    fn all(&mut self, mut state: State, began: Instant) -> Result<(), Failure> {
        while !state.at_end {
            if self.stop.load(Ordering::Acquire) {
                return Err(early(CommitError::Stopped));
            }
            let before = state.input.byte;
            let batch = self.fill(&mut state)?;
            if batch.items.is_empty() {
                continue;
            }
            self.settle(batch, &mut state)?;
            let lines = self.summary.last_line + 1 - self.summary.first_line;
            let rate = lines as f64 / began.elapsed().as_secs_f64().max(f64::EPSILON);
            self.progress.note(format!("{lines} lines, {rate:.0}/s"));
            self.progress.advance(state.input.byte - before);
        }
        self.summary.finished = true;
        let unreported = self.summary.rejected().saturating_sub(MAX_REPORTED_REJECTS);
        if unreported > 0 {
            self.progress.print_line(&format!("and {unreported} more lines were rejected"));
        }
        Ok(())
    }

    /// Reads lines that are due now. Waits for one if none is due.
    fn fill(&mut self, state: &mut State) -> Result<Batch, Failure> {
        let mut batch = Batch::default();
        while !batch.is_full() {
            let wait = state.limiter.wait(Instant::now());
            if !wait.is_zero() {
                if batch.items.is_empty() {
                    sleep(wait.min(STOP_CHECK_INTERVAL));
                }
                return Ok(batch);
            }
            let Some(taken) = state.input.next().map_err(|error| self.broken(&error))? else {
                state.at_end = true;
                return Ok(batch);
            };
            state.limiter.take();
            batch.add(Item::of(taken, &self.plan.rules, &self.plan.source, self.plan.content)?);
        }
        Ok(batch)
    }

    /// Writes a batch, reports its rejected lines and saves the position.
    fn settle(&mut self, mut batch: Batch, state: &mut State) -> Result<(), Failure> {
        if let Some(outlet) = &mut state.outlet {
            let Self { progress, stop, .. } = self;
            batch
                .write(outlet, &mut |why| {
                    progress.wait(why);
                    !stop.load(Ordering::Acquire)
                })
                .map_err(early)?;
        }
        for item in &batch.items {
            if let Some((reason, detail)) = item.rejection()
                && self.summary.rejected() < MAX_REPORTED_REJECTS
            {
                self.progress.print_line(&format!("line {}: {reason}: {detail}", item.number));
            }
            item.count(&mut self.summary);
            if let (Some(_), Some(file)) = (item.rejection(), &mut state.rejects) {
                let written = file.write_all(&item.bytes).and_then(|()| file.write_all(b"\n"));
                written.map_err(|error| Failure::Failed(format!("cannot write --rejects: {error}")))?;
            }
        }
        self.remember(state)
    }

    fn remember(&self, state: &mut State) -> Result<(), Failure> {
        let (Some(point), Some(resume_file)) = (&mut state.point, &self.plan.resume_file) else {
            return Ok(());
        };
        if self.plan.dry_run {
            return Ok(());
        }
        point.line = state.input.line;
        point.byte = state.input.byte;
        point.rejected = self.summary.rejected_before + self.summary.rejected();
        if let Some(file) = &mut state.rejects {
            point.rejects_bytes = file.stream_position()?;
        }
        point.save(resume_file).map_err(|error| {
            let resume_file = resume_file.display();
            Failure::Failed(format!("cannot write {resume_file}: {error}; name another with --resume-file"))
        })
    }

    fn broken(&self, error: &io::Error) -> Failure {
        if self.stop.load(Ordering::Acquire) {
            return early(CommitError::Stopped);
        }
        unreadable(&self.plan.file, error)
    }
}

fn unreadable(file: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("{}: {error}", file.display()))
}

/// Returns the failure for a run that ended before the end of the file.
fn early(why: CommitError) -> Failure {
    Failure::Failed(match why {
        CommitError::Stopped => "stopped before the end of the file: run it again to go on".into(),
        why => format!("{why}; run it again to go on where it ended"),
    })
}
