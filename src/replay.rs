//! Replays of dead letters and files with the current settings. Every call may block.

pub(crate) mod dead_letters;
mod evaluator;
pub(crate) mod file;
mod writer;

pub(crate) use evaluator::ReplayEvaluator;
