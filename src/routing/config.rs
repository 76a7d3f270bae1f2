//! What the operator says about topics.

use crate::event::Family;
use std::collections::BTreeMap;

/// What the operator says about topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// What begins the name of every topic that no route names: `justcall.`
    pub prefix: String,
    /// Tried in this order; the first that matches takes the event.
    pub routes: Vec<RouteConfig>,
    /// What happens to types that no route names and JustCall does not document.
    pub unknown_events: UnknownEvents,
}

/// One entry of `routes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteConfig {
    /// The events it takes: any of these.
    pub matches: Vec<Match>,
    /// One or several topics, each a name or a template with `{event}` and `{family}`.
    pub topics: Vec<String>,
    /// JSON pointers to the field that becomes the key, tried in order; empty: the entity id.
    pub key: Vec<String>,
    /// Headers added to each record.
    pub headers: BTreeMap<String, String>,
}

/// One alternative of a route's `match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// A type's name, in which `*` stands for one segment, or for the rest where it stands last.
    Pattern(String),
    /// Every type about such a thing.
    Family(Family),
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
