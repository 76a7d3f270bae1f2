//! Counts of answers, and their output.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// `None`: no answer.
    pub(super) status: Option<u16>,
    /// Tag from a closed list, such as `acked`.
    pub(super) outcome: &'static str,
    /// Problem that the bridge reported.
    pub(super) detail: Option<String>,
}

/// Counts of answers, in constant memory.
#[derive(Debug, Default)]
pub(super) struct AnswerCounts {
    answers: BTreeMap<(Option<u16>, &'static str), u64>,
    first_problem: Option<String>,
}

#[derive(Debug)]
pub(crate) struct SendSummary {
    /// Without credentials.
    pub(super) to: String,
    pub(super) planned: u64,
    pub(super) elapsed: Duration,
    pub(super) counts: AnswerCounts,
}

impl Answer {
    pub(super) fn read(status: u16, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let outcome = match status {
            200 => acceptance(body["outcome"].as_str().unwrap_or_default()),
            503 => "refused",
            401 => "denied",
            400..=499 => "rejected",
            _ => "unexpected",
        };
        let detail = ["detail", "title"].iter().find_map(|name| body[*name].as_str());
        Self { status: Some(status), outcome, detail: detail.filter(|_| status != 200).map(one_line) }
    }

    pub(super) const fn none(why: &'static str) -> Self {
        Self { status: None, outcome: why, detail: None }
    }
}

/// Limits the outcome of a 200 to a closed list, because an unknown server could fill the counts with others.
fn acceptance(outcome: &str) -> &'static str {
    const OUTCOMES: [&str; 6] = ["acked", "spooled", "duplicate", "dropped", "probe", "dead_lettered"];
    OUTCOMES.into_iter().find(|known| *known == outcome).unwrap_or("unexpected")
}

/// Shortens text from a server, and removes control characters.
fn one_line(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(200).collect()
}

impl AnswerCounts {
    pub(super) fn add(&mut self, answer: Answer) {
        if self.first_problem.is_none() {
            self.first_problem = answer.detail;
        }
        *self.answers.entry((answer.status, answer.outcome)).or_default() += 1;
    }

    pub(super) fn answered(&self) -> u64 {
        self.count(|status| status.is_some())
    }

    fn count(&self, chosen: impl Fn(Option<u16>) -> bool) -> u64 {
        self.answers.iter().filter(|((status, _), _)| chosen(*status)).map(|(_, count)| count).sum()
    }
}

impl SendSummary {
    pub(crate) fn is_success(&self) -> bool {
        self.ok() == self.planned
    }

    pub(crate) fn json(&self) -> Value {
        let answers: Vec<Value> = self
            .counts
            .answers
            .iter()
            .map(|((status, outcome), count)| json!({"status": status, "outcome": outcome, "count": count}))
            .collect();
        json!({
            "to": self.to,
            "planned": self.planned,
            "sent": self.sent(),
            "ok": self.ok(),
            "seconds": self.elapsed.as_secs_f64(),
            "answers": answers,
            "first_problem": self.counts.first_problem,
        })
    }

    fn sent(&self) -> u64 {
        self.counts.count(|_| true)
    }

    fn ok(&self) -> u64 {
        self.counts.count(|status| status == Some(200))
    }
}

impl fmt::Display for SendSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.elapsed.as_secs_f64();
        writeln!(f, "Sent {} of {} events to {}", self.sent(), self.planned, self.to)?;
        writeln!(f, "in {seconds:.2} s.\n")?;
        writeln!(f, "  {:<8}{:<16}{:>10}", "status", "outcome", "events")?;
        for ((status, outcome), count) in &self.counts.answers {
            let status = status.map_or("none".to_owned(), |status| status.to_string());
            writeln!(f, "  {status:<8}{outcome:<16}{count:>10}")?;
        }
        match &self.counts.first_problem {
            Some(problem) => writeln!(f, "\n  first problem: {problem}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
