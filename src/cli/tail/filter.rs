//! Filter for records.

use crate::kafka::TailedRecord;
use crate::record::names;
use crate::routing::Pattern;

#[cfg(test)]
mod tests;

/// Pattern in which `*` stands for any characters and `?` for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob(String);

impl Glob {
    /// Parses a pattern.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("is empty; `*` takes all".into()) } else { Ok(Self(text.to_owned())) }
    }

    /// Returns true if the whole text matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        let (pattern, text): (Vec<char>, Vec<char>) = (self.0.chars().collect(), text.chars().collect());
        let (mut p, mut t) = (0, 0);
        // Position of the last `*`, and the end of the text that it covers so far.
        let mut star: Option<(usize, usize)> = None;
        while t < text.len() {
            match (pattern.get(p), star) {
                (Some('*'), _) => {
                    star = Some((p, t));
                    p += 1;
                }
                (Some(wanted), _) if *wanted == '?' || *wanted == text[t] => {
                    p += 1;
                    t += 1;
                }
                (_, Some((at, reach))) => {
                    star = Some((at, reach + 1));
                    p = at + 1;
                    t = reach + 1;
                }
                (_, None) => return false,
            }
        }
        pattern[p..].iter().all(|rest| *rest == '*')
    }
}

/// Filter by type and key. An empty list accepts every record.
#[derive(Debug)]
pub(super) struct Filter {
    /// Patterns of types.
    pub(super) types: Vec<Pattern>,
    /// Patterns of keys.
    pub(super) keys: Vec<Glob>,
}

impl Filter {
    /// Returns true if a record passes.
    pub(super) fn takes(&self, record: &TailedRecord) -> bool {
        let event_type = || record.headers.get(names::CE_TYPE).map(String::from_utf8_lossy);
        let key = || record.key.as_deref().map(String::from_utf8_lossy);
        (self.types.is_empty()
            || event_type().is_some_and(|name| self.types.iter().any(|pattern| pattern.matches(&name))))
            && (self.keys.is_empty()
                || key().is_some_and(|key| self.keys.iter().any(|glob| glob.matches(&key))))
    }
}
