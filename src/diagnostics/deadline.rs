//! Worker threads that may never end, and a deadline for their results.

use super::finding::Finding;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;

enum WorkEvent {
    Found(Finding),
    Next(String),
}

pub(super) struct Reporter(Sender<WorkEvent>);

impl Reporter {
    pub(super) fn report(&self, finding: Finding) {
        let _ = self.0.send(WorkEvent::Found(finding));
    }

    pub(super) fn next(&self, what: &str) {
        let _ = self.0.send(WorkEvent::Next(what.to_owned()));
    }
}

pub(super) struct Work {
    name: &'static str,
    events: Receiver<WorkEvent>,
    thread: Option<JoinHandle<()>>,
}

impl Work {
    pub(super) fn begin(name: &'static str, work: impl FnOnce(&Reporter) + Send + 'static) -> Self {
        let (sender, events) = channel();
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || work(&Reporter(sender)));
        Self { name, events, thread: thread.ok() }
    }

    fn finish(self, deadline: Instant, on_step: &dyn Fn(&str)) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut last = "beginning".to_owned();
        loop {
            match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(WorkEvent::Found(finding)) => findings.push(finding),
                Ok(WorkEvent::Next(what)) => {
                    on_step(&what);
                    last = what;
                }
                Err(RecvTimeoutError::Timeout) => {
                    let text = format!("no answer in time, while {last}: later checks were not run");
                    findings.push(Finding::failure(
                        self.name,
                        text,
                        "see whether the disk and Kafka's brokers answer, and run check again",
                    ));
                    return findings;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if self.thread.is_none_or(|thread| thread.join().is_err()) {
            let text = format!("the check ended early, while {last}: this is a bug");
            findings.push(Finding::failure(self.name, text, "report it"));
        }
        findings
    }
}

pub(super) fn finish(
    all: impl IntoIterator<Item = Work>,
    deadline: Instant,
    on_step: &dyn Fn(&str),
) -> Vec<Finding> {
    all.into_iter().flat_map(|work| work.finish(deadline, on_step)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;
    use std::time::Duration;

    fn within(milliseconds: u64, all: Vec<Work>) -> Vec<Finding> {
        finish(all, Instant::now() + Duration::from_millis(milliseconds), &|_| {})
    }

    #[test]
    fn findings_keep_the_order_of_the_workers() {
        let work = |name: &'static str, pause| {
            Work::begin(name, move |reporter| {
                std::thread::sleep(Duration::from_millis(pause));
                reporter.next("looking");
                reporter.report(Finding::ok(name, ""));
            })
        };
        let keys: Vec<_> = within(30_000, vec![work("a", 50), work("b", 0)])
            .into_iter()
            .map(|finding| finding.key)
            .collect();
        assert_eq!(keys, ["a", "b"]);
    }

    #[test]
    fn hanging_worker_is_a_failure_and_keeps_its_findings() {
        let (hold, held) = channel::<()>();
        let work = Work::begin("a", move |reporter| {
            reporter.report(Finding::ok("one", ""));
            reporter.next("asking for topics");
            let _ = held.recv();
        });
        let begun = Instant::now();
        let findings = within(300, vec![work]);
        assert!(begun.elapsed() < Duration::from_secs(30));
        drop(hold);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert_eq!((findings[1].level, findings[1].key.as_str()), (Level::Failure, "a"));
        assert!(findings[1].text.contains("asking for topics"));
    }

    #[test]
    fn panicking_worker_is_a_failure() {
        let findings = within(30_000, vec![Work::begin("a", |_| panic!("on purpose"))]);
        assert_eq!(findings.iter().map(|finding| finding.level).collect::<Vec<_>>(), [Level::Failure]);
    }
}
