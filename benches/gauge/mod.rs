//! Tools of the benchmarks.
#![allow(dead_code, reason = "each benchmark uses a part of it")]

pub(crate) mod events;
pub(crate) mod judging;
pub(crate) mod load;
pub(crate) mod process;
pub(crate) mod ratio;
