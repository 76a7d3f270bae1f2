//! Tests of the kit, because every other test relies on it.

mod verdict;
mod with_kafka;
mod without_kafka;
