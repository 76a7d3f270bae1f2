//! Settings of the routes.

use justcall_events::Family;
use std::collections::BTreeMap;

/// Settings under `topics`, `routes` and `route_templates`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Prefix of the topics of types that no route takes, such as `justcall.`.
    pub prefix: String,
    /// Route templates.
    pub templates: Vec<RouteTemplate>,
    /// Routes in their order. The first that takes an event ends the search, unless it continues.
    pub routes: Vec<RouteConfig>,
    /// Treatment of types that neither a route nor JustCall's documentation names.
    pub unknown_events: UnknownEvents,
}

/// Entry of `route_templates`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTemplate {
    /// Name for `use`.
    pub name: String,
    /// Fields for the routes that use it.
    pub route: RouteConfig,
}

/// Entry of `routes`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteConfig {
    /// `use`: template for the fields that this route does not set. Conditions and headers are merged by
    /// name, and the route has precedence.
    pub template: Option<String>,
    /// `match`: types of which any may match.
    pub matches: Vec<Match>,
    /// Conditions that must all hold, by JSON pointer or named field.
    pub when: BTreeMap<String, Predicate>,
    /// Topics, each a name or a template with `{event}` and `{family}`.
    pub topics: Vec<String>,
    /// JSON pointers or named fields for the key, tried in order. Empty: the entity id.
    pub key: Vec<String>,
    /// Headers added to each record.
    pub headers: BTreeMap<String, HeaderValue>,
    /// Events are not written.
    pub drop: Option<bool>,
    /// `continue`: later routes are tried too.
    pub continues: Option<bool>,
}

/// Alternative of a route's `match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// Type name, in which `*` matches one segment, or all remaining segments at the end.
    Pattern(String),
    /// Every type of a family.
    Family(Family),
}

/// Condition on the value of a field.
///
/// Strings compare by their text; numbers, `true` and `false` compare as written. Arrays, objects and null
/// match no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate {
    /// Comparison with the value.
    pub operator: Operator,
    /// Letter case is ignored.
    pub ignore_case: bool,
}

/// Comparison of a field's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operator {
    /// Equals one of these texts.
    OneOf(Vec<String>),
    /// Begins with one of these texts.
    Prefix(Vec<String>),
    /// `true`: present and not null. `false`: absent or null.
    Exists(bool),
}

/// Value of a header of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderValue {
    /// Constant text.
    Text(String),
    /// Text of the first of these JSON pointers and named fields that has one. Without any, the header is
    /// left out.
    From(Vec<String>),
}

/// Treatment of types that neither a route nor JustCall's documentation names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownEvents {
    /// Routes with wildcards take them, otherwise the topic `<prefix>unknown` does.
    #[default]
    Forward,
    /// They become dead letters, unless a route names the type in full.
    DeadLetter,
}
