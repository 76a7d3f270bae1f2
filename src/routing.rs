//! Routing of events to records. Pure: compiled once from the settings.
//!
//! [`RouteTable::compile`] validates the settings and resolves the routes of each known type, so that routes
//! for other types cost nothing. [`RouteTable::records`] returns an event's records, and
//! [`RouteTable::explain`] the reasons. The fields that routes read ([`RouteTable::picks`]) are captured while
//! the body is first read.

mod compile;
mod condition;
mod config;
mod conflicts;
mod error;
mod explain;
mod field_reads;
mod field_values;
mod gaps;
mod named_fields;
mod pattern;
mod pointer;
mod records;
mod route;
mod route_entry;
mod route_headers;
mod table;
mod topic_template;

pub use config::{
    Config, HeaderValue, Match, Operator, Predicate, RouteConfig, RouteTemplate, UnknownEvents,
};
pub use error::{InvalidRoutes, RouteError};
pub use explain::{RouteExplanation, RouteResult};
pub use field_reads::RoutePart;
pub use field_values::FieldRef;
pub use gaps::Gap;
pub use pattern::Pattern;
pub use records::{RecordContext, Records, Routed};
pub use table::{Decision, Destination, RouteTable};
pub use topic_template::check_topic_name;
