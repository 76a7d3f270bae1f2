use std::collections::BTreeMap;

#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct LineCounts {
    pub(crate) dry_run: bool,
    /// Number of the first line, from 1.
    pub(crate) first_line: u64,
    /// Less than `first_line` if no line is finished.
    pub(crate) last_line: u64,
    /// True if `last_line` ends the file.
    pub(crate) finished: bool,
    /// Lines whose records are written.
    pub(crate) replayed: u64,
    /// Lines without a record: empty lines, probes, and events that a route drops.
    pub(crate) nothing: u64,
    /// Lines that earlier runs rejected.
    pub(crate) rejected_before: u64,
    pub(crate) rejected: BTreeMap<String, u64>,
    pub(crate) topics: BTreeMap<String, u64>,
    pub(crate) seconds: f64,
}

impl LineCounts {
    /// Only of this run.
    pub(crate) fn rejected(&self) -> u64 {
        self.rejected.values().sum()
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.finished && self.rejected() == 0 && self.rejected_before == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_finished_file_without_rejects_is_clean() {
        let clean = LineCounts { finished: true, replayed: 5, nothing: 1, ..LineCounts::default() };
        assert!(clean.is_clean());
        let rejected = [("not_json".to_owned(), 1)].into();
        assert!(!LineCounts { rejected, ..clean.clone() }.is_clean());
        assert!(!LineCounts { finished: false, ..clean.clone() }.is_clean());
        assert!(!LineCounts { rejected_before: 1, ..clean }.is_clean());
    }
}
