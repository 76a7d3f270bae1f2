//! Which records an event becomes. Pure: compiled once from the settings, then only asked.
//!
//! [`Table::compile`] checks the settings and works out beforehand where each known type goes, so
//! that the number of routes costs nothing later. [`Table::records`] makes an event's records.

mod compile;
mod config;
mod pattern;
mod pointer;
mod records;
mod table;
mod template;

pub use compile::Problem;
pub use config::{Config, Match, RouteConfig, UnknownEvents};
pub use pattern::Pattern;
pub use pointer::Pointer;
pub use records::{RecordContext, Records};
pub use table::{Decision, Destination, Table};
pub use template::check_topic_name;
