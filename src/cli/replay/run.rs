//! Lines into Kafka, batch by batch.

mod batch;

use super::input::Input;
use super::line::Content;
use super::rate_limiter::RateLimiter;
use super::progress::Progress;
use super::resume::{Identity, Point};
use super::stdin::Stdin;
use super::summary::Summary;
use crate::app::replay::{ReplayEvaluator, ReplayWriter};
use crate::cli::{Failure, files};
use crate::kafka::{self, NotCommitted};
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

/// How many rejected lines are told one by one.
const MAX_REPORTED_REJECTS: u64 = 20;

/// How long a pause may last before signals are looked at.
const STOP_CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Whose events the file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// This source's.
    Named(String),
    /// One of several, and nobody said which.
    OneOf(String),
}

/// What is to be done.
pub(super) struct Plan {
    pub(super) kafka: kafka::Config,
    pub(super) rules: ReplayEvaluator,
    pub(super) source: Source,
    pub(super) content: Content,
    pub(super) file: PathBuf,
    /// `None`: standard input.
    pub(super) resume_file: Option<PathBuf>,
    pub(super) rejects: Option<PathBuf>,
    pub(super) rate: Option<f64>,
    pub(super) from_line: Option<u64>,
    pub(super) dry_run: bool,
}

/// A replay of a file.
pub(super) struct Job {
    plan: Plan,
    stop: Arc<AtomicBool>,
    runtime: Handle,
    summary: Summary,
    progress: Progress,
}

/// What changes from batch to batch.
struct State {
    input: Input,
    /// `None`: nothing is remembered.
    point: Option<Point>,
    rejects: Option<File>,
    outlet: Option<ReplayWriter>,
    pace: RateLimiter,
    /// Whether the last line was read.
    at_end: bool,
}

impl Job {
    pub(super) fn new(plan: Plan, stop: Arc<AtomicBool>, runtime: Handle) -> Self {
        let length = fs::metadata(&plan.file).map_or(0, |file| file.len());
        let progress = Progress::new(length, "{bar:30} {percent}%  {msg}  {eta} left");
        let summary = Summary { dry_run: plan.dry_run, ..Summary::default() };
        Self { plan, stop, runtime, summary, progress }
    }

    /// Replays the file; what is done when it ends early is in the summary too.
    pub(super) fn run(mut self) -> (Summary, Result<(), Failure>) {
        let began = Instant::now();
        let result = self.open().and_then(|state| self.all(state, began));
        self.progress.end();
        self.summary.seconds = began.elapsed().as_secs_f64();
        (self.summary, result)
    }

    fn open(&mut self) -> Result<State, Failure> {
        // Before Kafka is asked, for that may take its time.
        self.remembered()?;
        let outlet = if self.plan.dry_run { None } else { Some(self.outlet()?) };
        // Whoever had the file in hand may have come further until now.
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
        let pace = RateLimiter::new(self.plan.rate, Instant::now());
        let mut state = State { input, point, rejects, outlet, pace, at_end: false };
        // What cannot be remembered should show before anything is written.
        self.remember(&mut state)?;
        Ok(state)
    }

    /// Where the file is to be gone on with. Its beginning where nothing is remembered, or is to count.
    fn remembered(&self) -> Result<Option<Point>, Failure> {
        let Some(resume_file) = &self.plan.resume_file else { return Ok(None) };
        let identity = Identity::of(&self.plan.file).map_err(|error| unreadable(&self.plan.file, &error))?;
        if self.plan.from_line.is_some() {
            return Ok(Some(Point::beginning(identity)));
        }
        let point = Point::load(resume_file, &self.plan.file, &identity);
        let point = point.map_err(|unusable| Failure::Failed(unusable.to_string()))?;
        Ok(Some(point.unwrap_or_else(|| Point::beginning(identity))))
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

    /// The file of rejected lines. What a run wrote behind its last point is written again.
    fn rejects(&self, point: Option<&Point>) -> Result<Option<File>, Failure> {
        let Some(path) = self.plan.rejects.as_ref().filter(|_| !self.plan.dry_run) else { return Ok(None) };
        let open = || {
            let mut file = files::open(path)?;
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
        let keep_on: kafka::KeepOn<'_> = &mut |why| {
            progress.wait(why);
            !stop.load(Ordering::Acquire)
        };
        ReplayWriter::open(&self.plan.kafka, &id, self.runtime.clone(), keep_on).map_err(early)
    }

    fn all(&mut self, mut state: State, began: Instant) -> Result<(), Failure> {
        while !state.at_end {
            if self.stop.load(Ordering::Acquire) {
                return Err(early(NotCommitted::Stopped));
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

    /// Reads lines that are due now; waits for one if none is.
    fn fill(&mut self, state: &mut State) -> Result<Batch, Failure> {
        let mut batch = Batch::default();
        while !batch.is_full() {
            let wait = state.pace.wait(Instant::now());
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
            state.pace.take();
            batch.add(Item::of(taken, &self.plan.rules, &self.plan.source, self.plan.content)?);
        }
        Ok(batch)
    }

    /// Writes a batch, tells what is rejected of it and remembers that it is done.
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
            return early(NotCommitted::Stopped);
        }
        unreadable(&self.plan.file, error)
    }
}

fn unreadable(file: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("{}: {error}", file.display()))
}

/// Why it ended before the end of the file.
fn early(why: NotCommitted) -> Failure {
    Failure::Failed(match why {
        NotCommitted::Stopped => "stopped before the end of the file: run it again to go on".into(),
        why => format!("{why}; run it again to go on where it ended"),
    })
}
