//! Rows in the order of their hand-over.

use crate::spool::RowId;
use std::collections::VecDeque;

/// Rows that were handed over, each with the time in milliseconds since 1970.
#[derive(Default)]
pub(super) struct HandedOver(VecDeque<(RowId, i64)>);

impl HandedOver {
    pub(super) fn push(&mut self, row: RowId, at_ms: i64) {
        self.0.push_back((row, at_ms));
    }

    /// Returns the time of the last hand-over whose row is still out, and forgets later ones.
    pub(super) fn newest(&mut self, is_out: impl Fn(RowId, i64) -> bool) -> Option<i64> {
        while let Some(&(row, at_ms)) = self.0.back() {
            if is_out(row, at_ms) {
                return Some(at_ms);
            }
            self.0.pop_back();
        }
        None
    }
}
