//! Findings and their output.

use crate::terminal::printable;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Ok,
    Warning,
    /// Events would be rejected, lost or visible to others.
    Failure,
    /// Not checked. Another finding has the reason.
    Skipped,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failure => "failure",
            Self::Skipped => "skipped",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    /// Name of the check or the setting. Stable between runs.
    pub(crate) key: String,
    /// Topic, server or file, if a check has several.
    pub(crate) subject: Option<String>,
    pub(crate) text: String,
    /// Unless `text` contains it.
    pub(crate) fix: Option<String>,
}

impl Finding {
    fn new(level: Level, key: impl Into<String>, text: impl Into<String>) -> Self {
        Self { level, key: key.into(), subject: None, text: text.into(), fix: None }
    }

    pub(crate) fn ok(key: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(Level::Ok, key, text)
    }

    pub(crate) fn skipped(key: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(Level::Skipped, key, text)
    }

    pub(crate) fn warning(key: impl Into<String>, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..Self::new(Level::Warning, key, text) }
    }

    pub(crate) fn failure(key: impl Into<String>, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..Self::new(Level::Failure, key, text) }
    }

    /// Returns a failure whose text contains the remedy.
    pub(crate) fn bad_setting(key: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(Level::Failure, key, text)
    }

    pub(crate) fn of(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    fn json(&self) -> Value {
        let mut line = json!({ "level": self.level.name(), "key": self.key, "text": self.text });
        for (name, value) in [("subject", &self.subject), ("fix", &self.fix)] {
            if let Some(value) = value {
                line[name] = value.as_str().into();
            }
        }
        line
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FindingCounts {
    pub(crate) ok: usize,
    pub(crate) warnings: usize,
    pub(crate) failures: usize,
    pub(crate) skipped: usize,
}

impl FindingCounts {
    pub(crate) fn of(findings: &[Finding]) -> Self {
        let count = |level| findings.iter().filter(|finding| finding.level == level).count();
        Self {
            ok: count(Level::Ok),
            warnings: count(Level::Warning),
            failures: count(Level::Failure),
            skipped: count(Level::Skipped),
        }
    }

    fn line(self) -> String {
        let plural = |count: usize, word: &str| match count {
            1 => format!("1 {word}"),
            count => format!("{count} {word}s"),
        };
        let mut parts = vec![format!("{} ok", self.ok)];
        parts.extend((self.warnings > 0).then(|| plural(self.warnings, "warning")));
        parts.extend((self.failures > 0).then(|| plural(self.failures, "failure")));
        parts.extend((self.skipped > 0).then(|| format!("{} skipped", self.skipped)));
        parts.join(", ")
    }
}

/// Writes a line for each finding and for its remedy. Equal findings on several topics share one line. Line
/// feeds in names are escaped.
pub(crate) fn print(findings: &[Finding], out: &mut impl Write) -> io::Result<()> {
    for (finding, subjects) in gathered(findings) {
        let Finding { level, key, text, fix, .. } = finding;
        let subjects = if subjects.is_empty() { String::new() } else { format!(" ({})", few(&subjects)) };
        let line = format!("{:<8} {key}{subjects}: {text}", level.name());
        writeln!(out, "{}", printable(&line))?;
        if let Some(fix) = fix {
            writeln!(out, "         -> {}", printable(fix))?;
        }
    }
    writeln!(out, "\n{}", FindingCounts::of(findings).line())
}

pub(crate) fn print_json(is_good: bool, findings: &[Finding], out: &mut impl Write) -> io::Result<()> {
    let findings: Vec<Value> = findings.iter().map(Finding::json).collect();
    writeln!(out, "{:#}", json!({ "ok": is_good, "findings": findings }))
}

/// Groups findings that differ only in their subject, in order of first occurrence.
fn gathered(findings: &[Finding]) -> Vec<(&Finding, Vec<&str>)> {
    let mut places = BTreeMap::new();
    let mut all: Vec<(&Finding, Vec<&str>)> = Vec::new();
    for finding in findings {
        let same = (finding.level, &finding.key, &finding.text, &finding.fix);
        let place = *places.entry(same).or_insert(all.len());
        if place == all.len() {
            all.push((finding, Vec::new()));
        }
        all[place].1.extend(finding.subject.as_deref());
    }
    all
}

fn few(subjects: &[&str]) -> String {
    const MAX_SHOWN: usize = 3;
    match subjects.len().saturating_sub(MAX_SHOWN) {
        0 | 1 => subjects.join(", "),
        more => format!("{} and {more} more", subjects[..MAX_SHOWN].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(findings: &[Finding]) -> String {
        let mut out = Vec::new();
        print(findings, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn finding_has_a_line_of_text_and_a_line_of_advice() {
        let findings = [
            Finding::ok("settings", "right"),
            Finding::failure("topic", "does not exist", "create it").of("a"),
            Finding::skipped("clock", "not looked at"),
        ];
        let expected = "ok       settings: right\n\
                    failure  topic (a): does not exist\n\
                    \x20        -> create it\n\
                    skipped  clock: not looked at\n\n\
                    1 ok, 1 failure, 1 skipped\n";
        assert_eq!(printed(&findings), expected);
    }

    #[test]
    fn equal_findings_share_a_line_and_count_separately() {
        let of = |topic: &str| Finding::warning("topic.replicas", "one", "more").of(topic);
        let mut findings = ["a", "b", "c", "d"].map(of).to_vec();
        findings.insert(1, Finding::warning("topic.replicas", "two", "more").of("x"));
        let text = printed(&findings);
        assert!(text.starts_with("warning  topic.replicas (a, b, c, d): one\n"), "{text}");
        assert!(
            text.contains("warning  topic.replicas (x): two\n") && text.ends_with("0 ok, 5 warnings\n"),
            "{text}"
        );
        findings.push(of("e"));
        assert!(printed(&findings).contains("(a, b, c and 2 more): one"));
    }

    #[test]
    fn line_feed_in_a_name_begins_no_line() {
        let forged = "x\nok       kafka: FAKE";
        let findings = [Finding::warning(forged, forged, forged).of(forged)];
        assert_eq!(printed(&findings).lines().count(), 4);
    }

    #[test]
    fn json_lists_every_finding() {
        let findings = [Finding::ok("a", "b"), Finding::warning("c", "d", "e").of("f")];
        let mut out = Vec::new();
        print_json(false, &findings, &mut out).unwrap();
        let expected = json!({ "ok": false, "findings": [
            { "level": "ok", "key": "a", "text": "b" },
            { "level": "warning", "key": "c", "subject": "f", "text": "d", "fix": "e" },
        ]});
        assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), expected);
    }
}
