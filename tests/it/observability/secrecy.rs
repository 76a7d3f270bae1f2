//! Nothing that is somebody's business alone shows in a log line, on a page or in an answer: every
//! such value is a needle here, and everything the bridge says is searched for it.

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
