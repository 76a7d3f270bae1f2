//! What the bridge promises, tried on the real thing: its binary, its library, Apache Kafka.

mod attacks;
mod bad_inputs;
mod check;
mod cluster;
mod completions;
mod dead_letters;
mod failures;
mod faults;
mod help;
mod kit;
mod kit_itself;
mod kit_works;
mod late_leader;
mod lifecycle;
mod outage;
mod records;
mod reload;
mod replay;
mod route;
mod schemas;
mod secrecy;
mod signatures;
mod tail;
mod tls;
mod topics;
mod verdict_bites;
