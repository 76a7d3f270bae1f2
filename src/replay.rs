//! Replays with the current settings: of dead letters, and of events or records from a file.
//!
//! Every call may block.

pub(crate) mod dead_letters;
mod evaluator;
pub(crate) mod file;
mod writer;

pub(crate) use evaluator::ReplayEvaluator;
