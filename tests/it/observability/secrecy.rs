//! Absence of personal data and secrets in logs, pages and responses.
//!
//! Each such value is a marker here, and the tests search all output of the bridge for markers.

mod events;
mod let_in;
pub(crate) mod needles;
mod outages;
mod passing;
mod refused;
mod rejected;
mod settings;
mod talkative;
mod traced;
mod turned_away;
