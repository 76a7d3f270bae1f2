//! Which records an event becomes. Pure: compiled once from the settings, then only asked.
//!
//! [`Table::compile`] checks the settings and works out beforehand what each known type can come to, so
//! that routes for other types cost nothing later. [`Table::records`] makes an event's records, and
//! [`Table::explain`] says why. What routes ask of a body ([`Table::picks`]) is taken along while the
//! body is read for the first time.

mod compile;
mod condition;
mod config;
mod explain;
mod gaps;
mod header;
mod index;
mod named;
mod overlap;
mod pattern;
mod pointer;
mod records;
mod route;
mod table;
mod template;
mod values;

pub use compile::Problem;
pub use condition::Condition;
pub use config::{Config, HeaderValue, Match, RouteConfig, RouteTemplate, Test, UnknownEvents, Wanted};
pub use explain::{Step, Verdict};
pub use gaps::{Gap, Part};
pub use header::{OwnHeaders, PointedHeader};
pub use pattern::Pattern;
pub use records::{RecordContext, Records, Routed};
pub use table::{Decision, Destination, Table};
pub use template::check_topic_name;
pub use values::Pointed;
