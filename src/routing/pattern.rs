//! Patterns over the names of event types.

#[cfg(test)]
mod tests;

/// An event type's name, in which `*` stands for one segment, or for the rest where it stands last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Box<str>);

/// The longest name of a type that the bridge takes, in bytes.
const LONGEST_NAME: usize = 256;

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it, for the operator.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("is empty; `*` takes every type".into());
        }
        if text.len() > LONGEST_NAME {
            return Err(format!("is longer than {LONGEST_NAME} bytes, which no type's name is"));
        }
        if text.chars().any(|each| each.is_control() || each.is_whitespace()) {
            return Err("holds white space or a control character, which no type's name does".into());
        }
        for segment in text.split('.') {
            if segment.is_empty() {
                return Err("has an empty segment: two dots in a row, or one at an end".into());
            }
            if segment.contains('*') && segment != "*" {
                return Err(format!(
                    "`*` stands for a whole segment between dots, not for a part of `{segment}`"
                ));
            }
        }
        Ok(Self(text.into()))
    }

    /// Whether a type of that name is meant.
    pub fn matches(&self, name: &str) -> bool {
        let mut wanted = self.0.split('.').peekable();
        let mut found = name.split('.');
        loop {
            match (wanted.next(), found.next()) {
                (Some("*"), Some(_)) if wanted.peek().is_none() => return true,
                (Some("*"), Some(_)) => {}
                (Some(wanted), Some(found)) if wanted == found => {}
                (None, None) => return true,
                _ => return false,
            }
        }
    }

    /// Whether every name that the other means is meant.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let mut mine = self.0.split('.').peekable();
        let mut others = other.0.split('.').peekable();
        loop {
            match (mine.next(), others.next()) {
                (Some("*"), Some(_)) if mine.peek().is_none() => return true,
                // A `*` at the end stands for several segments too.
                (Some(_), Some("*")) if others.peek().is_none() => return false,
                (Some("*"), Some(_)) => {}
                (Some(mine), Some(other)) if mine == other => {}
                (None, None) => return true,
                _ => return false,
            }
        }
    }

    /// The name, where the pattern means one type only.
    pub(super) fn exact(&self) -> Option<&str> {
        (!self.0.contains('*')).then_some(&self.0)
    }

    /// Whether it means every type.
    pub(super) fn is_catch_all(&self) -> bool {
        &*self.0 == "*"
    }

    /// What every name that it means begins with.
    pub(super) fn fixed_start(&self) -> &str {
        self.0.split('*').next().unwrap_or_default()
    }
}
