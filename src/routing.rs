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

pub(crate) use config::RouteTemplate;
#[allow(unreachable_pub, reason = "exported by `internals`")]
pub use config::{Config, HeaderValue, Match, Operator, Predicate, RouteConfig, UnknownEvents};
pub(crate) use error::{InvalidRoutes, RouteError};
pub(crate) use explain::RouteExplanation;
#[allow(unreachable_pub, reason = "exported by `internals`")]
pub use explain::RouteResult;
pub(crate) use field_reads::RoutePart;
pub(crate) use field_values::FieldRef;
pub(crate) use gaps::Gap;
pub(crate) use pattern::Pattern;
pub(crate) use records::Records;
#[allow(unreachable_pub, reason = "exported by `internals`")]
pub use records::{RecordContext, Routed};
pub(crate) use table::Destination;
#[allow(unreachable_pub, reason = "exported by `internals`")]
pub use table::{Decision, RouteTable};
pub(crate) use topic_template::check_topic_name;
