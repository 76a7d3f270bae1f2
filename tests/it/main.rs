//! The real program with a real Apache Kafka. A test belongs to the module of its subject.

mod commands;
mod consumers;
mod delivery;
mod deploy;
mod documents;
mod ingress;
mod kit;
mod kit_tests;
mod observability;
