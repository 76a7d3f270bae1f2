//! Patterns of event type names.

#[cfg(test)]
mod tests;

/// Type name, in which `*` matches one segment, or all remaining segments at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Box<str>);

/// Longest type name that the bridge accepts, in bytes.
const MAX_NAME_LEN: usize = 256;

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// The pattern is invalid. The message is for the operator.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("is empty; `*` takes every type".into());
        }
        if text.len() > MAX_NAME_LEN {
            return Err(format!("is longer than {MAX_NAME_LEN} bytes, which no type name is"));
        }
        if text.chars().any(|each| each.is_control() || each.is_whitespace()) {
            return Err("contains white space or a control character, which no type name does".into());
        }
        for segment in text.split('.') {
            if segment.is_empty() {
                return Err("has an empty segment: two dots in a row, or one at an end".into());
            }
            if segment.contains('*') && segment != "*" {
                return Err(format!("`*` matches a whole segment between dots, not a part of `{segment}`"));
            }
        }
        Ok(Self(text.into()))
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
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

    /// Returns whether the pattern matches every name that `other` matches.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let mut mine = self.0.split('.').peekable();
        let mut others = other.0.split('.').peekable();
        loop {
            match (mine.next(), others.next()) {
                (Some("*"), Some(_)) if mine.peek().is_none() => return true,
                // A `*` at the end also matches several segments.
                (Some(_), Some("*")) if others.peek().is_none() => return false,
                (Some("*"), Some(_)) => {}
                (Some(mine), Some(other)) if mine == other => {}
                (None, None) => return true,
                _ => return false,
            }
        }
    }

    /// Returns the name, if the pattern matches one type only.
    pub(super) fn exact(&self) -> Option<&str> {
        (!self.0.contains('*')).then_some(&self.0)
    }

    /// Returns whether the pattern matches every type.
    pub(super) fn is_catch_all(&self) -> bool {
        &*self.0 == "*"
    }

    /// Returns the common prefix of all names that the pattern matches.
    pub(super) fn fixed_prefix(&self) -> &str {
        self.0.split('*').next().unwrap_or_default()
    }
}
