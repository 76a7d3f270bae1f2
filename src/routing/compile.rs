//! From what the operator wrote to routes that hold, or to everything that is wrong with them.

use super::config::{Config, Match, RouteConfig, UnknownEvents};
use super::pattern::Pattern;
use super::pointer::Pointer;
use super::table::{SLOTS, Table};
use super::template::{Template, check_topic_name};
use crate::event::{Family, KnownType};
use crate::record::Headers;
use std::fmt;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Something wrong with the settings of the routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting, such as `routes[2].topics[0]`.
    pub at: String,
    /// What is wrong with it and what would be right.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.reason)
    }
}

impl std::error::Error for Problem {}

/// An entry of `routes`, checked.
#[derive(Debug, Clone)]
pub(super) struct Route {
    /// Index in `routes`; `None`: what takes the types that no route takes.
    pub(super) index: Option<usize>,
    pub(super) topics: Vec<Template>,
    pub(super) key: Arc<[Pointer]>,
    pub(super) headers: Headers,
    alternatives: Vec<Alternative>,
    unknown_events: UnknownEvents,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Alternative {
    Pattern(Pattern),
    Family(Family),
}

impl Table {
    /// Checks the settings and works out where each type goes.
    ///
    /// # Errors
    /// Every problem there is, in the order of the settings.
    pub fn compile(config: &Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let rest = Route::of_the_rest(config, &mut problems);
        let routes: Vec<_> = config
            .routes
            .iter()
            .enumerate()
            .map(|(index, route)| Route::read(index, route, config.unknown_events, &mut problems))
            .collect();
        if problems.is_empty() { Ok(Self::new(&routes, &rest)) } else { Err(problems) }
    }
}

impl Route {
    /// Reads an entry of `routes`; what is wrong is left out and reported.
    fn read(
        index: usize,
        config: &RouteConfig,
        unknown_events: UnknownEvents,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let at = |rest: &str| format!("routes[{index}].{rest}");
        let mut report = |at: String, reason: String| problems.push(Problem { at, reason });
        if config.matches.is_empty() {
            report(at("match"), "names no event; `*` takes every type".into());
        }
        if config.topics.is_empty() {
            report(at("topics"), "names no topic".into());
        }
        let route = Self {
            index: Some(index),
            alternatives: read_each(&config.matches, Alternative::read, &at("match"), &mut report),
            topics: read_each(&config.topics, |text| Template::parse(text), &at("topics"), &mut report),
            key: read_each(&config.key, |text| Pointer::parse(text), &at("key"), &mut report).into(),
            headers: read_headers(config, &at("headers"), &mut report),
            unknown_events,
        };
        if route.topics.len() == config.topics.len() {
            route.check_topics(&at("topics"), &mut report);
        }
        route
    }

    /// What takes the types that no route takes: `<prefix>{event}`.
    fn of_the_rest(config: &Config, problems: &mut Vec<Problem>) -> Self {
        let mut report = |reason| problems.push(Problem { at: "topics.prefix".into(), reason });
        if config.prefix.is_empty() {
            report("is empty; the topics that no route names need a beginning of their own".into());
        }
        let rest = Self {
            index: None,
            alternatives: Alternative::read(&Match::Pattern("*".into())).into_iter().collect(),
            topics: vec![Template::behind(&config.prefix)],
            key: Arc::new([]),
            headers: Headers::default(),
            unknown_events: config.unknown_events,
        };
        rest.check_topics("topics.prefix", &mut |_, reason| report(reason));
        rest
    }

    /// Whether it takes a type of that name.
    pub(super) fn takes(&self, name: &str, family: Option<Family>) -> bool {
        self.alternatives.iter().any(|alternative| alternative.takes(name, family))
    }

    /// The route without what only known types can match, or which the operator's word on unknown
    /// types takes away. `None` where nothing is left.
    pub(super) fn for_unknown_types(&self) -> Option<Self> {
        let alternatives: Vec<_> = self.unknown_alternatives().cloned().collect();
        (!alternatives.is_empty()).then(|| Self { alternatives, ..self.clone() })
    }

    /// Whether it takes unknown types whose name tells that family. Says yes where it cannot tell.
    pub(super) fn can_take_unknown(&self, family: Option<Family>) -> bool {
        self.unknown_alternatives().any(|alternative| alternative.can_take_family(family))
    }

    /// Whether nothing gets past it.
    pub(super) fn is_catch_all(&self) -> bool {
        self.alternatives.iter().any(|each| matches!(each, Alternative::Pattern(all) if all.is_catch_all()))
    }

    fn unknown_alternatives(&self) -> impl Iterator<Item = &Alternative> {
        self.alternatives.iter().filter(|alternative| match (alternative.exact(), self.unknown_events) {
            (Some(name), _) => KnownType::from_name(name).is_none(),
            (None, UnknownEvents::Forward) => true,
            (None, UnknownEvents::DeadLetter) => false,
        })
    }

    /// Every type it can expand its topics for, as far as templates tell types apart.
    fn expansions(&self) -> impl Iterator<Item = (Option<KnownType>, Option<Family>)> {
        let known = KnownType::ALL
            .iter()
            .filter(|known| self.takes(known.name(), Some(known.family())))
            .map(|known| (Some(*known), Some(known.family())));
        let unknown = SLOTS.into_iter().filter(|family| self.can_take_unknown(*family));
        known.chain(unknown.map(|family| (None, family)))
    }

    /// Reports, for each topic once, a name that Kafka would refuse or that stands there already.
    fn check_topics(&self, at: &str, report: &mut impl FnMut(String, String)) {
        for (index, topic) in self.topics.iter().enumerate() {
            let fault = self.expansions().find_map(|(known, family)| {
                let name = topic.expand(known, family);
                let is_twice = self.topics[..index].iter().any(|other| other.expand(known, family) == name);
                let twice = is_twice.then(|| format!("the topic `{name}` stands in this route twice"));
                check_topic_name(&name).err().or(twice)
            });
            if let Some(reason) = fault {
                report(format!("{at}[{index}]"), reason);
            }
        }
    }
}

impl Alternative {
    fn read(config: &Match) -> Result<Self, String> {
        match config {
            Match::Pattern(text) => Pattern::parse(text).map(Self::Pattern),
            Match::Family(family) => Ok(Self::Family(*family)),
        }
    }

    fn takes(&self, name: &str, family: Option<Family>) -> bool {
        match self {
            Self::Pattern(pattern) => pattern.matches(name),
            Self::Family(wanted) => family == Some(*wanted),
        }
    }

    fn exact(&self) -> Option<&str> {
        match self {
            Self::Pattern(pattern) => pattern.exact(),
            Self::Family(_) => None,
        }
    }

    fn can_take_family(&self, family: Option<Family>) -> bool {
        match self {
            Self::Family(wanted) => family == Some(*wanted),
            Self::Pattern(pattern) => match (pattern.exact(), Family::of_name(pattern.fixed_start())) {
                (Some(name), _) => Family::of_name(name) == family,
                (None, Some(told)) => family == Some(told),
                (None, None) => true,
            },
        }
    }
}

/// Reads the items of a list, reporting those that cannot be read.
fn read_each<T, U>(
    items: &[T],
    read: impl Fn(&T) -> Result<U, String>,
    at: &str,
    report: &mut impl FnMut(String, String),
) -> Vec<U> {
    let mut good = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match read(item) {
            Ok(each) => good.push(each),
            Err(reason) => report(format!("{at}[{index}]"), reason),
        }
    }
    good
}

/// Encodes a route's own headers.
fn read_headers(config: &RouteConfig, at: &str, report: &mut impl FnMut(String, String)) -> Headers {
    let mut headers = Headers::builder(0);
    for (name, value) in &config.headers {
        match check_header_name(name) {
            Ok(()) => headers = headers.add(name, value),
            Err(reason) => report(format!("{at}.{name}"), reason),
        }
    }
    let headers = headers.build();
    if headers.size() > LARGEST_HEADERS {
        report(at.to_owned(), format!("are larger than {LARGEST_HEADERS} bytes together"));
    }
    headers
}

/// Room that a route's headers may take, in bytes: half of what is left between the largest body and
/// the largest record.
const LARGEST_HEADERS: usize = 8 * 1024;

/// Names that the bridge writes itself, besides the reserved beginnings.
const OWN_HEADERS: [&str; 3] = ["content-type", "traceparent", super::records::VIOLATIONS];

fn check_header_name(name: &str) -> Result<(), String> {
    let lower = name.to_ascii_lowercase();
    if name.is_empty() {
        Err("a header's name is empty".into())
    } else if name.len() > usize::from(u8::MAX) {
        Err("a header's name is longer than 255 bytes".into())
    } else if lower.starts_with("ce_") || lower.starts_with("dlq_") {
        Err("header names that begin with `ce_` or `dlq_` are the bridge's own".into())
    } else if OWN_HEADERS.contains(&lower.as_str()) {
        Err("is a header that the bridge writes itself".into())
    } else {
        Ok(())
    }
}
