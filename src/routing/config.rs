//! Settings of the routes.

use justcall_events::Family;
use std::collections::BTreeMap;

/// Settings under `topics`, `routes` and `route_templates`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Prefix of topics of types that no route takes, such as `justcall.`.
    pub prefix: String,
    pub templates: Vec<RouteTemplate>,
    /// The first route that takes an event ends the search, unless it continues.
    pub routes: Vec<RouteConfig>,
    pub unknown_events: UnknownEvents,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTemplate {
    pub name: String,
    pub route: RouteConfig,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteConfig {
    /// `use`: template for fields that this route does not set. Conditions and headers are merged by name.
    pub template: Option<String>,
    /// `match`: any may match.
    pub matches: Vec<Match>,
    /// All must hold. By JSON pointer or named field.
    pub when: BTreeMap<String, Predicate>,
    /// Names or templates with `{event}` and `{family}`.
    pub topics: Vec<String>,
    /// JSON pointers or named fields, tried in order. Empty: the entity id.
    pub key: Vec<String>,
    pub headers: BTreeMap<String, HeaderValue>,
    pub drop: Option<bool>,
    /// `continue`: later routes are tried too.
    pub continues: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// `*` matches one segment, or all remaining segments at the end.
    Pattern(String),
    Family(Family),
}

/// Strings compare by their text; numbers, `true` and `false` as written. Arrays, objects and null match no
/// text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate {
    pub operator: Operator,
    pub ignore_case: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operator {
    OneOf(Vec<String>),
    Prefix(Vec<String>),
    /// `true`: present and not null. `false`: absent or null.
    Exists(bool),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderValue {
    Text(String),
    /// First of these pointers and fields with a text. Without any, the header is left out.
    From(Vec<String>),
}

/// Types that neither a route nor JustCall's documentation names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownEvents {
    /// A route with a wildcard takes them, otherwise the topic `<prefix>unknown`.
    #[default]
    Forward,
    /// Dead letters, unless a route names the type in full.
    DeadLetter,
}
