//! Each personal value or secret is a marker, and the tests search all output of the bridge for markers.

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
