use super::condition::Condition;
use super::config::{Config, Match, UnknownEvents};
use super::error::RouteError;
use super::field_reads::{FieldRead, RoutePart};
use super::field_values::{FieldRef, FieldTable};
use super::pattern::Pattern;
use super::route_entry::RouteEntry;
use super::route_headers::{self, RouteHeaders};
use super::topic_template::{TopicTemplate, check_topic_name};
use justcall_events::{Family, KnownType};
use std::sync::Arc;

/// Validated entry of `routes`.
#[derive(Debug, Clone)]
pub(super) struct Route {
    /// `None`: the default route, for types that no other takes.
    pub(super) index: Option<usize>,
    pub(super) conditions: Arc<[Condition]>,
    pub(super) key: Arc<[FieldRef]>,
    pub(super) headers: RouteHeaders,
    /// Events are not written, and there are no topics.
    pub(super) is_drop: bool,
    pub(super) continues: bool,
    pub(super) alternatives: Vec<Alternative>,
    pub(super) reads: Arc<[FieldRead]>,
    topics: Vec<(String, TopicTemplate)>,
    unknown_events: UnknownEvents,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Alternative {
    Pattern(Pattern),
    Family(Family),
}

/// Groups of unknown types: each family in the order of [`Family::index`], and no family.
pub(super) const UNKNOWN_FAMILIES: [Option<Family>; Family::ALL.len() + 1] = [
    Some(Family::Call),
    Some(Family::Sms),
    Some(Family::Whatsapp),
    Some(Family::Contact),
    Some(Family::Appointment),
    None,
];

impl Route {
    /// Reports and leaves out invalid parts.
    pub(super) fn read(
        entry: &RouteEntry,
        unknown_events: UnknownEvents,
        pointers: &mut FieldTable,
        problems: &mut Vec<RouteError>,
    ) -> Self {
        let config = &entry.config;
        let is_drop = config.drop == Some(true);
        if is_drop {
            problems.extend(conflicts_with_drop(entry));
        }
        let mut report = |at: String, reason: String| problems.push(RouteError::new(at, reason));
        if config.matches.is_empty() {
            report(entry.at("match"), "is empty; `*` takes every type".into());
        }
        if !is_drop && config.topics.is_empty() {
            report(entry.at("topics"), "is empty; `drop: true` writes the events nowhere".into());
        }
        let alternatives = read_each(
            &config.matches,
            Alternative::read,
            |at| entry.at(&format!("match[{at}]")),
            &mut report,
        );
        let mut read_field = |text: &String| pointers.read(text);
        let (mut conditions, mut reads) = (Vec::new(), Vec::new());
        for (text, predicate) in &config.when {
            let condition = read_field(text).and_then(|field| Condition::new(field, predicate.clone()));
            let at = entry.at(&format!("when.{text}"));
            match condition {
                Ok(condition) => {
                    reads.push(FieldRead::of_condition(at, &condition));
                    conditions.push(condition);
                }
                Err(reason) => report(at, reason),
            }
        }
        let topic = |text: &String| TopicTemplate::parse(text);
        let topics = read_each(&config.topics, topic, |at| entry.at(&format!("topics[{at}]")), &mut report);
        let key = read_each(&config.key, &mut read_field, |at| entry.at(&format!("key[{at}]")), &mut report);
        let headers = route_headers::read(&config.headers, &mut read_field, |at| entry.at(at), &mut report);
        let key: Arc<[_]> = key.into_iter().map(|(_, field)| field).collect();
        if !key.is_empty() {
            reads.push(FieldRead::new(entry.at("key"), RoutePart::Key, &key));
        }
        reads.extend(headers.from_fields.iter().map(|header| {
            FieldRead::new(entry.at(&format!("headers.{}", header.name)), RoutePart::Header, &header.fields)
        }));
        Self {
            index: Some(entry.index),
            conditions: conditions.into(),
            key,
            headers,
            is_drop,
            continues: config.continues == Some(true),
            alternatives: alternatives.into_iter().map(|(_, each)| each).collect(),
            reads: reads.into(),
            topics,
            unknown_events,
        }
    }

    pub(super) fn default_route(config: &Config, problems: &mut Vec<RouteError>) -> Self {
        let at = "topics.prefix";
        if config.prefix.is_empty() {
            let reason = "is empty; the topics of types that no route takes need a prefix";
            problems.push(RouteError::new(at, reason));
        }
        let route = Self {
            index: None,
            conditions: Arc::new([]),
            key: Arc::new([]),
            headers: RouteHeaders::default(),
            is_drop: false,
            continues: false,
            alternatives: Alternative::read(&Match::Pattern("*".into())).into_iter().collect(),
            reads: Arc::new([]),
            topics: vec![(at.into(), TopicTemplate::with_prefix(&config.prefix))],
            unknown_events: config.unknown_events,
        };
        problems.extend(route.check_topics(&[]));
        route
    }

    pub(super) fn name(&self) -> String {
        self.index.map_or_else(|| "topics.prefix".into(), |index| format!("routes[{index}]"))
    }

    /// The conditions may still not hold.
    pub(super) fn takes(&self, name: &str, family: Option<Family>) -> bool {
        self.alternatives.iter().any(|alternative| alternative.takes(name, family))
    }

    /// Keeps the alternatives that unknown types can match. `None`: there are none.
    pub(super) fn for_unknown_types(&self) -> Option<Self> {
        let alternatives: Vec<_> = self.unknown_alternatives().cloned().collect();
        (!alternatives.is_empty()).then(|| Self { alternatives, ..self.clone() })
    }

    pub(super) fn can_take_unknown(&self, family: Option<Family>) -> bool {
        self.unknown_alternatives().any(|alternative| alternative.can_take_family(family))
    }

    /// Ends the search for every event that it takes.
    pub(super) fn is_final(&self) -> bool {
        self.conditions.is_empty() && !self.continues
    }

    pub(super) fn is_catch_all(&self) -> bool {
        self.alternatives.iter().any(|each| matches!(each, Alternative::Pattern(all) if all.is_catch_all()))
    }

    pub(super) fn unknown_alternatives(&self) -> impl Iterator<Item = &Alternative> {
        self.alternatives.iter().filter(|alternative| match (alternative.exact(), self.unknown_events) {
            (Some(name), _) => KnownType::from_name(name).is_none(),
            (None, UnknownEvents::Forward) => true,
            (None, UnknownEvents::DeadLetter) => false,
        })
    }

    pub(super) fn expand(
        &self,
        known: Option<KnownType>,
        family: Option<Family>,
    ) -> impl Iterator<Item = String> {
        self.topics.iter().map(move |(_, template)| template.expand(known, family))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = (&str, String)> {
        self.topics.iter().flat_map(|(at, template)| {
            self.expansions().map(move |(known, family)| (at.as_str(), template.expand(known, family)))
        })
    }

    fn expansions(&self) -> impl Iterator<Item = (Option<KnownType>, Option<Family>)> {
        let known = KnownType::ALL
            .iter()
            .filter(|known| self.takes(known.name(), Some(known.family())))
            .map(|known| (Some(*known), Some(known.family())));
        let unknown = UNKNOWN_FAMILIES.into_iter().filter(|family| self.can_take_unknown(*family));
        known.chain(unknown.map(|family| (None, family)))
    }

    /// Returns the first error of each topic. Ignores types that earlier routes take completely.
    pub(super) fn check_topics(&self, before: &[Self]) -> impl Iterator<Item = RouteError> {
        let is_left = |known: KnownType| {
            let takes = |route: &Self| route.is_final() && route.takes(known.name(), Some(known.family()));
            !before.iter().any(takes)
        };
        (0..self.topics.len()).filter_map(move |index| {
            self.expansions().find_map(|(known, family)| {
                let problem = self.topic_error(index, known, family)?;
                known.is_none_or(is_left).then_some(problem)
            })
        })
    }

    /// An illegal name, or a repeated one.
    fn topic_error(
        &self,
        index: usize,
        known: Option<KnownType>,
        family: Option<Family>,
    ) -> Option<RouteError> {
        let (at, topic) = &self.topics[index];
        let name = topic.expand(known, family);
        if let Err(reason) = check_topic_name(&name) {
            return Some(RouteError::new(at, reason));
        }
        let is_same = |(_, other): &&(String, TopicTemplate)| other.expand(known, family) == name;
        let (other, _) = self.topics[..index].iter().find(is_same)?;
        let reason = format!("the topic `{name}` is twice in this route");
        Some(RouteError { others: vec![other.clone()], ..RouteError::new(at, reason) })
    }
}

/// Settings without effect beside `drop: true`.
fn conflicts_with_drop(entry: &RouteEntry) -> impl Iterator<Item = RouteError> {
    let config = &entry.config;
    let settings = [
        ("topics", !config.topics.is_empty()),
        ("key", !config.key.is_empty()),
        ("headers", !config.headers.is_empty()),
        ("continue", config.continues == Some(true)),
    ];
    settings.into_iter().filter(|(_, is_set)| *is_set).map(|(field, _)| {
        let reason = "contradicts `drop: true`, which writes the route's events nowhere and ends the search";
        RouteError { others: vec![entry.at("drop")], ..RouteError::new(entry.at(field), reason) }
    })
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
            Self::Pattern(pattern) => match (pattern.exact(), Family::of_name(pattern.fixed_prefix())) {
                (Some(name), _) => Family::of_name(name) == family,
                (None, Some(known)) => family == Some(known),
                (None, None) => true,
            },
        }
    }

    /// Returns whether it takes every unknown type that `other` takes. `false` if that is unknown.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pattern(mine), Self::Pattern(others)) => mine.covers(others),
            (Self::Pattern(mine), Self::Family(_)) => mine.is_catch_all(),
            (Self::Family(mine), Self::Family(others)) => mine == others,
            (Self::Family(mine), Self::Pattern(others)) => {
                let name = others.exact().unwrap_or_else(|| others.fixed_prefix());
                Family::of_name(name) == Some(*mine)
            }
        }
    }
}

/// Reports and leaves out invalid items.
fn read_each<T, U>(
    items: &[T],
    mut read: impl FnMut(&T) -> Result<U, String>,
    at: impl Fn(usize) -> String,
    report: &mut impl FnMut(String, String),
) -> Vec<(String, U)> {
    let mut good = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match read(item) {
            Ok(each) => good.push((at(index), each)),
            Err(reason) => report(at(index), reason),
        }
    }
    good
}
