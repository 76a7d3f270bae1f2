mod batch;
mod counts;
mod input;
mod line;
mod rate_limiter;
mod resume;
mod stdin;

pub(crate) use batch::TOO_LONG;
pub(crate) use counts::LineCounts;
pub(crate) use line::Content;

use super::evaluator::ReplayEvaluator;
use super::writer::ReplayWriter;
use crate::kafka::{self, CommitError};
use crate::private_file;
use batch::{Batch, Item};
use input::LineReader;
use justcall_events::{BodyHash, EventId};
use rate_limiter::RateLimiter;
use resume::{FileIdentity, ResumeFileError, ResumePoint};
use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};
use stdin::Stdin;
use tokio::runtime::Handle;

const STOP_CHECK_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FileReplayEvent<'a> {
    /// `line`: number of the next line, if lines were skipped and others are left.
    Begins { byte: u64, line: Option<u64> },
    /// Reason why Kafka is not available.
    Waiting(&'a str),
    /// `reason` is a stable tag.
    Rejected { line: u64, reason: &'a str, detail: &'a str },
    /// `bytes` since the last event of this kind; `lines` and `per_second` since the beginning.
    Advanced { bytes: u64, lines: u64, per_second: f64 },
}

type OnFileReplayEvent<'a> = &'a mut dyn FnMut(FileReplayEvent<'_>);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Also for the file of rejected lines.
    #[error("{}: {}", .0.display(), .1)]
    File(PathBuf, io::Error),
    #[error(transparent)]
    ResumeFile(#[from] ResumeFileError),
    #[error("cannot write {}: {}; name another with --resume-file", .0.display(), .1)]
    Unsaved(PathBuf, io::Error),
    #[error("cannot write --rejects: {0}")]
    Rejects(io::Error),
    #[error("line {0} is an event, and the settings have several sources: name its own with --source ({1})")]
    AmbiguousSource(u64, String),
    #[error("stopped before the end of the file: run it again to continue")]
    Stopped,
    #[error("{0}; run it again to continue")]
    Write(CommitError),
    #[error(transparent)]
    System(#[from] io::Error),
}

impl From<CommitError> for Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Stopped => Self::Stopped,
            error => Self::Write(error),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReplaySource {
    Named(String),
    /// Ambiguous: several sources, and `--source` is missing.
    OneOf(String),
}

impl ReplaySource {
    /// The name is optional if there is only one source. Otherwise the error has the names of all.
    pub(crate) fn select(name: Option<&str>, rules: &ReplayEvaluator) -> Result<Self, String> {
        let sources: Vec<&str> = rules.sources().collect();
        match (name, sources.as_slice()) {
            (Some(name), names) if names.contains(&name) => Ok(Self::Named(name.to_owned())),
            (Some(name), names) => {
                Err(format!("the settings have no source `{name}`; they have {}", names.join(", ")))
            }
            (None, [only]) => Ok(Self::Named((*only).to_owned())),
            (None, names) => Ok(Self::OneOf(names.join(", "))),
        }
    }
}

pub(crate) struct FileReplayOptions {
    pub(crate) kafka: kafka::Config,
    pub(crate) rules: ReplayEvaluator,
    pub(crate) source: ReplaySource,
    pub(crate) content: Content,
    pub(crate) file: PathBuf,
    /// `None` for standard input.
    pub(crate) resume_file: Option<PathBuf>,
    pub(crate) rejects: Option<PathBuf>,
    pub(crate) rate: Option<f64>,
    pub(crate) from_line: Option<u64>,
    pub(crate) dry_run: bool,
}

pub(crate) struct FileReplay {
    options: FileReplayOptions,
    stop: Arc<AtomicBool>,
    runtime: Handle,
    counts: LineCounts,
}

struct FileReplayState {
    input: LineReader,
    /// `None` if no position is saved.
    point: Option<ResumePoint>,
    rejects: Option<File>,
    writer: Option<ReplayWriter>,
    limiter: RateLimiter,
    at_end: bool,
}

impl FileReplay {
    pub(crate) fn new(options: FileReplayOptions, stop: Arc<AtomicBool>, runtime: Handle) -> Self {
        let counts = LineCounts { dry_run: options.dry_run, ..LineCounts::default() };
        Self { options, stop, runtime, counts }
    }

    /// The counts are complete even if the run ends early.
    pub(crate) fn run(mut self, report: OnFileReplayEvent<'_>) -> (LineCounts, Result<(), Error>) {
        let began = Instant::now();
        let result = self.open(report).and_then(|state| self.replay_lines(state, began, report));
        self.counts.seconds = began.elapsed().as_secs_f64();
        (self.counts, result)
    }

    fn open(&mut self, report: OnFileReplayEvent<'_>) -> Result<FileReplayState, Error> {
        // Fails early, because connecting to Kafka may take a while.
        self.resume_point()?;
        let writer = if self.options.dry_run { None } else { Some(self.open_writer(report)?) };
        // A run that this one fenced may have saved a later position.
        let point = self.resume_point()?;
        let mut input = self.open_input(point.as_ref())?;
        if self.options.from_line.is_some() || point.is_none() {
            self.skip_lines(&mut input)?;
        }
        let rejects = self.open_rejects()?;
        self.counts.first_line = input.line + 1;
        self.counts.last_line = input.line;
        self.counts.rejected_before = point.as_ref().map_or(0, |point| point.rejected);
        let continues = input.line > 0 && point.as_ref().is_none_or(|point| !point.is_at_end());
        report(FileReplayEvent::Begins { byte: input.byte, line: continues.then_some(input.line + 1) });
        let limiter = RateLimiter::new(self.options.rate, Instant::now());
        let mut state = FileReplayState { input, point, rejects, writer, limiter, at_end: false };
        // Fails before anything is written if the position cannot be saved.
        self.save_position(&mut state)?;
        Ok(state)
    }

    /// `None` at the beginning: without a saved position, or with `--from-line`.
    fn resume_point(&self) -> Result<Option<ResumePoint>, Error> {
        let Some(resume_file) = &self.options.resume_file else { return Ok(None) };
        let identity =
            FileIdentity::of(&self.options.file).map_err(|error| file_error(&self.options.file, error))?;
        let content = self.options.content.into();
        if self.options.from_line.is_some() {
            return Ok(Some(ResumePoint::beginning(identity, content)));
        }
        let point = ResumePoint::load(resume_file, &self.options.file, &identity, content);
        Ok(Some(point?.unwrap_or_else(|| ResumePoint::beginning(identity, content))))
    }

    fn open_input(&self, point: Option<&ResumePoint>) -> Result<LineReader, Error> {
        let input = match point {
            Some(point) => LineReader::file(&self.options.file, point.line, point.byte)
                .map_err(|error| file_error(&self.options.file, error))?,
            None => LineReader::of(BufReader::new(Stdin::read_until(&self.stop)?)),
        };
        Ok(if self.options.content == Content::Body { input.whole() } else { input })
    }

    fn skip_lines(&self, input: &mut LineReader) -> Result<(), Error> {
        let first = self.options.from_line.unwrap_or(1);
        while input.line + 1 < first && input.next().map_err(|error| self.read_error(error))?.is_some() {}
        Ok(())
    }

    fn open_rejects(&self) -> Result<Option<File>, Error> {
        let Some(path) = self.options.rejects.as_ref().filter(|_| !self.options.dry_run) else {
            return Ok(None);
        };
        private_file::append_lines(path).map(Some).map_err(|error| file_error(path, error))
    }

    fn open_writer(&self, report: OnFileReplayEvent<'_>) -> Result<ReplayWriter, Error> {
        let path = fs::canonicalize(&self.options.file).unwrap_or_else(|_| self.options.file.clone());
        let name = EventId::from_hash(&BodyHash::of(path.as_os_str().as_encoded_bytes()));
        let id = format!("justcall-bridge-replay-{name}");
        let should_retry: kafka::ShouldRetry<'_> = &mut |why| {
            report(FileReplayEvent::Waiting(why));
            !self.stop.load(Ordering::Acquire)
        };
        Ok(ReplayWriter::open(&self.options.kafka, &id, self.runtime.clone(), should_retry)?)
    }

    fn replay_lines(
        &mut self,
        mut state: FileReplayState,
        began: Instant,
        report: OnFileReplayEvent<'_>,
    ) -> Result<(), Error> {
        while !state.at_end {
            if self.stop.load(Ordering::Acquire) {
                return Err(Error::Stopped);
            }
            let before = state.input.byte;
            let batch = self.next_batch(&mut state)?;
            if batch.items.is_empty() {
                continue;
            }
            self.settle(batch, &mut state, report)?;
            let lines = self.counts.last_line + 1 - self.counts.first_line;
            let per_second = lines as f64 / began.elapsed().as_secs_f64().max(f64::EPSILON);
            report(FileReplayEvent::Advanced { bytes: state.input.byte - before, lines, per_second });
        }
        self.counts.finished = true;
        Ok(())
    }

    /// Waits if no line is due.
    fn next_batch(&mut self, state: &mut FileReplayState) -> Result<Batch, Error> {
        let mut batch = Batch::default();
        while !batch.is_full() {
            let wait = state.limiter.wait(Instant::now());
            if !wait.is_zero() {
                if batch.items.is_empty() {
                    sleep(wait.min(STOP_CHECK_INTERVAL));
                }
                return Ok(batch);
            }
            let Some(taken) = state.input.next().map_err(|error| self.read_error(error))? else {
                state.at_end = true;
                return Ok(batch);
            };
            state.limiter.take();
            batch.add(Item::of(taken, &self.options.rules, &self.options.source, self.options.content)?);
        }
        Ok(batch)
    }

    fn settle(
        &mut self,
        mut batch: Batch,
        state: &mut FileReplayState,
        report: OnFileReplayEvent<'_>,
    ) -> Result<(), Error> {
        if let Some(writer) = &mut state.writer {
            batch.write(writer, &mut |why| {
                report(FileReplayEvent::Waiting(why));
                !self.stop.load(Ordering::Acquire)
            })?;
        }
        let mut rejects = Vec::new();
        for item in &batch.items {
            item.count(&mut self.counts);
            let Some((reason, detail)) = item.rejection() else { continue };
            report(FileReplayEvent::Rejected { line: item.number, reason, detail });
            if let Some(bytes) = &item.bytes {
                rejects.extend_from_slice(bytes);
                rejects.push(b'\n');
            }
        }
        if let Some(file) = state.rejects.as_mut().filter(|_| !rejects.is_empty()) {
            // On the disk before the position that skips these lines.
            file.write_all(&rejects).and_then(|()| file.sync_data()).map_err(Error::Rejects)?;
        }
        self.save_position(state)
    }

    fn save_position(&self, state: &mut FileReplayState) -> Result<(), Error> {
        let (Some(point), Some(resume_file)) = (&mut state.point, &self.options.resume_file) else {
            return Ok(());
        };
        if self.options.dry_run {
            return Ok(());
        }
        point.line = state.input.line;
        point.byte = state.input.byte;
        point.rejected = self.counts.rejected_before + self.counts.rejected();
        point.save(resume_file).map_err(|error| Error::Unsaved(resume_file.clone(), error))
    }

    fn read_error(&self, error: io::Error) -> Error {
        if self.stop.load(Ordering::Acquire) {
            return Error::Stopped;
        }
        file_error(&self.options.file, error)
    }
}

fn file_error(file: &Path, error: io::Error) -> Error {
    Error::File(file.to_owned(), error)
}
