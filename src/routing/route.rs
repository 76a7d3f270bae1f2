//! One entry of `routes`, checked.

use super::compile::{Entry, Problem};
use super::condition::Condition;
use super::config::{Config, Match, UnknownEvents};
use super::gaps::{Part, Read};
use super::header::{self, OwnHeaders};
use super::pattern::Pattern;
use super::template::{Template, check_topic_name};
use super::values::{Pointed, Pointers};
use justcall_events::{Family, KnownType};
use std::sync::Arc;

/// An entry of `routes`, checked.
#[derive(Debug, Clone)]
pub(super) struct Route {
    /// Index in `routes`; `None`: what takes the types that no route takes.
    pub(super) index: Option<usize>,
    pub(super) conditions: Arc<[Condition]>,
    pub(super) key: Arc<[Pointed]>,
    pub(super) headers: OwnHeaders,
    /// Whether its events are written nowhere. Then it has no topics.
    pub(super) is_drop: bool,
    /// Whether the search goes on behind it.
    pub(super) continues: bool,
    pub(super) alternatives: Vec<Alternative>,
    /// The fields that it reads, by setting.
    pub(super) reads: Arc<[Read]>,
    topics: Vec<(String, Template)>,
    unknown_events: UnknownEvents,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Alternative {
    Pattern(Pattern),
    Family(Family),
}

/// Every kind of unknown type: of each family in the order of [`Family::index`], and of none.
pub(super) const SLOTS: [Option<Family>; Family::ALL.len() + 1] = [
    Some(Family::Call),
    Some(Family::Sms),
    Some(Family::Whatsapp),
    Some(Family::Contact),
    Some(Family::Appointment),
    None,
];

impl Route {
    /// Reads an entry of `routes`; what is wrong is left out and reported.
    pub(super) fn read(
        entry: &Entry,
        unknown_events: UnknownEvents,
        pointers: &mut Pointers,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let config = &entry.config;
        let is_drop = config.drop == Some(true);
        if is_drop {
            problems.extend(beside_drop(entry));
        }
        let mut report = |at: String, reason: String| problems.push(Problem::new(at, reason));
        if config.matches.is_empty() {
            report(entry.at("match"), "names no event; `*` takes every type".into());
        }
        if !is_drop && config.topics.is_empty() {
            report(entry.at("topics"), "names no topic; `drop: true` says that none is meant".into());
        }
        let alternatives = read_each(
            &config.matches,
            Alternative::read,
            |at| entry.at(&format!("match[{at}]")),
            &mut report,
        );
        let mut point = |text: &String| pointers.read(text);
        let (mut conditions, mut reads) = (Vec::new(), Vec::new());
        for (text, test) in &config.when {
            let condition = point(text).and_then(|pointed| Condition::new(pointed, test.clone()));
            let at = entry.at(&format!("when.{text}"));
            match condition {
                Ok(condition) => {
                    reads.push(Read::of_condition(at, &condition));
                    conditions.push(condition);
                }
                Err(reason) => report(at, reason),
            }
        }
        let topic = |text: &String| Template::parse(text);
        let topics = read_each(&config.topics, topic, |at| entry.at(&format!("topics[{at}]")), &mut report);
        let key = read_each(&config.key, &mut point, |at| entry.at(&format!("key[{at}]")), &mut report);
        let headers = header::read(&config.headers, &mut point, |at| entry.at(at), &mut report);
        let key: Arc<[_]> = key.into_iter().map(|(_, pointed)| pointed).collect();
        if !key.is_empty() {
            reads.push(Read::of(entry.at("key"), Part::Key, &key));
        }
        reads.extend(headers.pointed.iter().map(|header| {
            Read::of(entry.at(&format!("headers.{}", header.name)), Part::Header, &header.pointers)
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

    /// What takes the types that no route takes: `<prefix>{event}`.
    pub(super) fn of_the_rest(config: &Config, problems: &mut Vec<Problem>) -> Self {
        let at = "topics.prefix";
        if config.prefix.is_empty() {
            let reason = "is empty; the topics that no route names need a beginning of their own";
            problems.push(Problem::new(at, reason));
        }
        let rest = Self {
            index: None,
            conditions: Arc::new([]),
            key: Arc::new([]),
            headers: OwnHeaders::default(),
            is_drop: false,
            continues: false,
            alternatives: Alternative::read(&Match::Pattern("*".into())).into_iter().collect(),
            reads: Arc::new([]),
            topics: vec![(at.into(), Template::behind(&config.prefix))],
            unknown_events: config.unknown_events,
        };
        problems.extend(rest.check_topics(&[]));
        rest
    }

    /// The whole entry as a setting.
    pub(super) fn name(&self) -> String {
        self.index.map_or_else(|| "topics.prefix".into(), |index| format!("routes[{index}]"))
    }

    /// Whether it takes a type of that name, if its conditions hold.
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

    /// Whether no event that it takes gets past it.
    pub(super) fn is_final(&self) -> bool {
        self.conditions.is_empty() && !self.continues
    }

    /// Whether it takes every type.
    pub(super) fn is_catch_all(&self) -> bool {
        self.alternatives.iter().any(|each| matches!(each, Alternative::Pattern(all) if all.is_catch_all()))
    }

    /// What of it unknown types can match.
    pub(super) fn unknown_alternatives(&self) -> impl Iterator<Item = &Alternative> {
        self.alternatives.iter().filter(|alternative| match (alternative.exact(), self.unknown_events) {
            (Some(name), _) => KnownType::from_name(name).is_none(),
            (None, UnknownEvents::Forward) => true,
            (None, UnknownEvents::DeadLetter) => false,
        })
    }

    /// Its topics for a type.
    pub(super) fn expand(
        &self,
        known: Option<KnownType>,
        family: Option<Family>,
    ) -> impl Iterator<Item = String> {
        self.topics.iter().map(move |(_, template)| template.expand(known, family))
    }

    /// Every topic that it can name, with the setting that does.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, String)> {
        self.topics.iter().flat_map(|(at, template)| {
            self.expansions().map(move |(known, family)| (at.as_str(), template.expand(known, family)))
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

    /// What is wrong with its topics, one thing of each. Not for types of which the routes before leave
    /// nothing.
    pub(super) fn check_topics(&self, before: &[Self]) -> impl Iterator<Item = Problem> {
        let is_left = |known: KnownType| {
            let takes = |route: &Self| route.is_final() && route.takes(known.name(), Some(known.family()));
            !before.iter().any(takes)
        };
        (0..self.topics.len()).filter_map(move |index| {
            self.expansions().find_map(|(known, family)| {
                let problem = self.fault_of_topic(index, known, family)?;
                known.is_none_or(is_left).then_some(problem)
            })
        })
    }

    /// Whether one of its topics has, for a type, a name that Kafka would refuse or that stands there
    /// already.
    fn fault_of_topic(
        &self,
        index: usize,
        known: Option<KnownType>,
        family: Option<Family>,
    ) -> Option<Problem> {
        let (at, topic) = &self.topics[index];
        let name = topic.expand(known, family);
        if let Err(reason) = check_topic_name(&name) {
            return Some(Problem::new(at, reason));
        }
        let is_it = |(_, other): &&(String, Template)| other.expand(known, family) == name;
        let (other, _) = self.topics[..index].iter().find(is_it)?;
        let reason = format!("the topic `{name}` stands in this route twice");
        Some(Problem { others: vec![other.clone()], ..Problem::new(at, reason) })
    }
}

/// What a route that drops its events says besides, for it would have no effect.
fn beside_drop(entry: &Entry) -> impl Iterator<Item = Problem> {
    let config = &entry.config;
    let besides = [
        ("topics", !config.topics.is_empty()),
        ("key", !config.key.is_empty()),
        ("headers", !config.headers.is_empty()),
        ("continue", config.continues == Some(true)),
    ];
    besides.into_iter().filter(|(_, is_said)| *is_said).map(|(field, _)| {
        let reason = "contradicts `drop: true`, which writes the route's events nowhere and ends the search";
        Problem { others: vec![entry.at("drop")], ..Problem::new(entry.at(field), reason) }
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
            Self::Pattern(pattern) => match (pattern.exact(), Family::of_name(pattern.fixed_start())) {
                (Some(name), _) => Family::of_name(name) == family,
                (None, Some(told)) => family == Some(told),
                (None, None) => true,
            },
        }
    }

    /// Whether it takes every unknown type that the other takes, as far as the two tell.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pattern(mine), Self::Pattern(others)) => mine.covers(others),
            (Self::Pattern(mine), Self::Family(_)) => mine.is_catch_all(),
            (Self::Family(mine), Self::Family(others)) => mine == others,
            (Self::Family(mine), Self::Pattern(others)) => {
                let told = others.exact().unwrap_or_else(|| others.fixed_start());
                Family::of_name(told) == Some(*mine)
            }
        }
    }
}

/// Reads the items of a list, each with its setting; reports those that cannot be read.
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
