//! What the operator says about topics.

use justcall_events::Family;
use std::collections::BTreeMap;

/// What the operator says about topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// What begins the name of every topic that no route names: `justcall.`
    pub prefix: String,
    /// What routes can say in common, by name.
    pub templates: Vec<RouteTemplate>,
    /// Tried in this order; the first that takes the event ends the search, unless it continues.
    pub routes: Vec<RouteConfig>,
    /// What happens to types that no route names and JustCall does not document.
    pub unknown_events: UnknownEvents,
}

/// One entry of `route_templates`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTemplate {
    /// What routes call it by under `use`.
    pub name: String,
    /// What it says for them.
    pub route: RouteConfig,
}

/// One entry of `routes`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteConfig {
    /// `use`: the template that says what this route does not say itself. Conditions and headers of
    /// both hold; of the same name the route's.
    pub template: Option<String>,
    /// The events it takes: any of these.
    pub matches: Vec<Match>,
    /// What must hold besides, all of it: by JSON pointer, or by the name of a field.
    pub when: BTreeMap<String, Test>,
    /// One or several topics, each a name or a template with `{event}` and `{family}`.
    pub topics: Vec<String>,
    /// JSON pointers or named fields that become the key, tried in order; empty: the entity id.
    pub key: Vec<String>,
    /// Headers added to each record.
    pub headers: BTreeMap<String, HeaderValue>,
    /// Whether its events are written nowhere.
    pub drop: Option<bool>,
    /// `continue`: whether the routes behind it are tried too.
    pub continues: Option<bool>,
}

/// One alternative of a route's `match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// A type's name, in which `*` stands for one segment, or for the rest where it stands last.
    Pattern(String),
    /// Every type about such a thing.
    Family(Family),
}

/// What is asked of the value of a field. Strings are compared as they read, numbers, `true` and
/// `false` as they are written; arrays, objects and null are like nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// What it must be.
    pub wanted: Wanted,
    /// Whether `Inbound` is as good as `inbound`.
    pub ignore_case: bool,
}

/// What the value of a field must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// One of these.
    OneOf(Vec<String>),
    /// Begin with one of these.
    Prefix(Vec<String>),
    /// There, and not null; or the contrary.
    Exists(bool),
}

/// What a header of a route says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderValue {
    /// Always this.
    Text(String),
    /// The text of the first of these JSON pointers and named fields that has one; left out otherwise.
    From(Vec<String>),
}

/// What happens to types that neither a route nor JustCall's lists name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownEvents {
    /// They go by the routes' wildcards, else to `justcall.unknown`.
    #[default]
    Forward,
    /// They become dead letters, unless a route names the type in full.
    DeadLetter,
}
