//! Personal values and secrets are markers, and the tests search all output for them.

mod accepted;
mod authentication;
mod denied;
mod events;
pub(crate) mod markers;
mod outages;
mod refused;
mod rejected;
mod settings;
mod trace_level_logs;
mod traced;
