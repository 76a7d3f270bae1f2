//! What the bridge promises, tried on the real thing: its binary, its library, Apache Kafka.

mod attacks;
mod bad_inputs;
mod check;
mod cluster;
mod completions;
mod consumers;
mod dead_letters;
mod deploy;
