//! Tools of the benchmarks: load by wrk and oha, the kernel's accounting, ratios by round.
#![allow(dead_code, reason = "each benchmark uses a part of it")]

pub(crate) mod events;
pub(crate) mod judging;
pub(crate) mod load;
pub(crate) mod process;
pub(crate) mod ratio;
