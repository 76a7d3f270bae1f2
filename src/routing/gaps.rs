//! Fields that a route reads and that the events of a dialect do not have.

use super::condition::Condition;
use super::route::Route;
use super::table::Table;
use super::values::{Pointed, Pointers, Values};
use justcall_events::{
    BodyHash, Dialect, Direction, EventType, Family, KnownType, NamedField, Picks, Place, Scanned,
    Validation, samples, scan_with,
};
use serde_json::Value;

#[cfg(test)]
mod tests;

/// Part of a route that reads fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A condition. Without its field it does not hold.
    Condition,
    /// The key. Without its fields it is the entity id.
    Key,
    /// A header. Without its fields it is left out.
    Header,
}

/// Fields that one setting of a route reads, tried in order.
#[derive(Debug, Clone)]
pub(super) struct Read {
    /// The setting, such as `routes[2].key`.
    pub(super) at: String,
    pub(super) part: Part,
    pub(super) fields: Box<[Pointed]>,
    /// The condition, if it is one.
    condition: Option<Condition>,
}

impl Read {
    pub(super) fn of(at: String, part: Part, fields: &[Pointed]) -> Self {
        Self { at, part, fields: fields.into(), condition: None }
    }

    pub(super) fn of_condition(at: String, condition: &Condition) -> Self {
        let fields = std::slice::from_ref(condition.pointed());
        Self { condition: Some(condition.clone()), ..Self::of(at, Part::Condition, fields) }
    }

    /// Returns whether it is a condition that holds where the field is absent.
    fn wants_absence(&self) -> bool {
        self.condition.as_ref().is_some_and(Condition::wants_absence)
    }
}

/// Setting whose fields no sample of a dialect has, among the types that the route takes or those of one
/// family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Index in `routes`.
    pub route: usize,
    /// The setting, such as `routes[2].key`.
    pub at: String,
    /// The part of the route.
    pub part: Part,
    /// The fields as they are written.
    pub fields: Vec<String>,
    /// The dialect that has none of them.
    pub dialect: Dialect,
    /// The families without them, where others of the route have them. Empty: no type has them.
    pub families: Vec<Family>,
    /// The fields are there, and the dialect spells the texts of a condition otherwise.
    pub is_spelling: bool,
    /// The named field that both dialects have instead, if there is one.
    pub instead: Option<NamedField>,
}

/// Sample of a type that a route takes.
struct Sample {
    known: KnownType,
    text: &'static str,
    body: Value,
}

impl Table {
    /// Returns every setting that reads only fields which no sample of one of the dialects has.
    ///
    /// A route with a condition on the envelope that rules out a dialect is not for that dialect, unless
    /// that leaves it none.
    pub fn gaps(&self, dialects: &[Dialect]) -> Vec<Gap> {
        self.routes
            .iter()
            .filter_map(|route| Some((route.index?, route)))
            .flat_map(|(index, route)| {
                let all: Vec<_> = dialects
                    .iter()
                    .map(|dialect| (*dialect, samples_for(route, *dialect)))
                    .filter(|(_, samples)| !samples.is_empty())
                    .collect();
                let is_meant =
                    |(dialect, samples): &&(Dialect, Vec<Sample>)| !is_ruled_out(route, *dialect, samples);
                let meant: Vec<_> = all.iter().filter(is_meant).collect();
                let meant = if meant.is_empty() { all.iter().collect() } else { meant };
                let gaps: Vec<_> = route
                    .reads
                    .iter()
                    .filter(|read| !read.wants_absence())
                    .flat_map(|read| {
                        meant.iter().filter_map(move |(dialect, samples)| {
                            gap(index, read, *dialect, samples)
                                .or_else(|| misspelling(index, read, &self.pointers, *dialect, samples))
                        })
                    })
                    .collect();
                gaps
            })
            .collect()
    }
}

/// Parses the samples of the types that a route takes.
fn samples_for(route: &Route, dialect: Dialect) -> Vec<Sample> {
    let taken = samples(dialect).filter(|(known, _)| route.takes(known.name(), Some(known.family())));
    taken
        .filter_map(|(known, body)| {
            Some(Sample { known, text: body, body: serde_json::from_str(body).ok()? })
        })
        .collect()
}

/// Returns whether a condition on the envelope cannot hold for any sample.
fn is_ruled_out(route: &Route, dialect: Dialect, samples: &[Sample]) -> bool {
    route.reads.iter().filter(|read| read.part == Part::Condition).any(|read| {
        let is_of_envelope = |field: &Pointed| {
            field.field().is_none() && field.text() != "/data" && !field.text().starts_with("/data/")
        };
        let has = |sample: &Sample| read.fields.iter().any(|field| sample.has(dialect, field));
        let fails = if read.wants_absence() { samples.iter().all(has) } else { !samples.iter().any(has) };
        fails && read.fields.iter().all(is_of_envelope)
    })
}

fn gap(route: usize, read: &Read, dialect: Dialect, samples: &[Sample]) -> Option<Gap> {
    let lacks = |samples: &[&Sample]| {
        !samples.iter().any(|sample| read.fields.iter().any(|field| sample.has(dialect, field)))
    };
    let instead =
        |samples: &[&Sample]| read.fields.iter().find_map(|field| named_like(field, dialect, samples));
    let all: Vec<_> = samples.iter().collect();
    let (families, instead) = if lacks(&all) {
        (Vec::new(), instead(&all))
    } else {
        // Where both dialects lack a field in a family, the route may be meant for the other families.
        let by_family = Family::ALL.into_iter().filter_map(|family| {
            let samples: Vec<_> = samples.iter().filter(|sample| sample.known.family() == family).collect();
            let instead = instead(&samples).filter(|_| lacks(&samples))?;
            Some((family, instead))
        });
        let (families, named): (Vec<_>, Vec<_>) = by_family.unzip();
        (families, Some(*named.first()?))
    };
    let fields = read.fields.iter().map(|field| field.text().to_owned()).collect();
    Some(Gap {
        route,
        at: read.at.clone(),
        part: read.part,
        fields,
        dialect,
        families,
        is_spelling: false,
        instead,
    })
}

/// Returns the gap of a condition that holds for no sample, and would for some if it named the field.
fn misspelling(
    route: usize,
    read: &Read,
    pointers: &Pointers,
    dialect: Dialect,
    samples: &[Sample],
) -> Option<Gap> {
    let condition = read.condition.as_ref().filter(|condition| condition.pointed().field().is_none())?;
    let pointer = condition.pointer();
    let is_meant = |field: NamedField, is_fixed: bool| {
        let is_at = |place: &Place| place.pointer == pointer && place.direction.is_none() == is_fixed;
        let is_here = |sample: &&Sample| field.places(dialect, sample.known.family()).iter().any(is_at);
        let here: Vec<_> = samples.iter().filter(is_here).collect();
        let mut named = Pointers::default();
        let renamed = named.read(field.name()).and_then(|pointed| condition.with(pointed));
        renamed.is_ok_and(|renamed| {
            !here.iter().any(|sample| sample.meets(condition, pointers))
                && here.iter().any(|sample| sample.meets(&renamed, &named))
        })
    };
    let find = |is_fixed| NamedField::ALL.iter().copied().find(|field| is_meant(*field, is_fixed));
    let instead = find(true).or_else(|| find(false))?;
    Some(Gap {
        route,
        at: read.at.clone(),
        part: read.part,
        fields: vec![pointer.to_owned()],
        dialect,
        families: Vec::new(),
        is_spelling: true,
        instead: Some(instead),
    })
}

/// Returns the named field that has its place at a pointer in one dialect and that samples of the other
/// have too. A place that does not depend on the direction is preferred.
fn named_like(pointed: &Pointed, dialect: Dialect, samples: &[&Sample]) -> Option<NamedField> {
    let others = || Dialect::ALL.into_iter().filter(move |other| *other != dialect);
    let is_at = |field: NamedField, is_fixed: bool| {
        samples.iter().any(|sample| {
            let family = sample.known.family();
            let mut places = others().flat_map(|other| field.places(other, family));
            let is_it =
                places.any(|place| place.pointer == pointed.text() && place.direction.is_none() == is_fixed);
            is_it && sample.has_named(dialect, field)
        })
    };
    let find = |is_fixed| NamedField::ALL.iter().copied().find(|field| is_at(*field, is_fixed));
    find(true).or_else(|| find(false))
}

impl Sample {
    fn meets(&self, condition: &Condition, pointers: &Pointers) -> bool {
        let mut picks = Picks::of(pointers.picks());
        let Ok(Scanned::Envelope(envelope)) = scan_with(self.text.as_bytes(), &mut picks) else {
            return false;
        };
        let hash = BodyHash::of(self.text.as_bytes());
        let event = envelope.validate_with(Validation::Tolerant, &hash, &mut picks);
        event.is_ok_and(|event| condition.holds(&Values::new(pointers, &picks, &event)))
    }

    /// Returns whether the sample has a field, null included.
    fn has(&self, dialect: Dialect, field: &Pointed) -> bool {
        match field.field() {
            None => reaches(&self.body, field.text()),
            Some(named) => self.has_named(dialect, named),
        }
    }

    fn has_named(&self, dialect: Dialect, field: NamedField) -> bool {
        let is_implied = Direction::implied_by(&EventType::Known(self.known)).is_some();
        let mut places = field.places(dialect, self.known.family()).iter();
        let is_direction = field == NamedField::Direction;
        (is_direction && is_implied)
            || places.any(|place| {
                let is_told = || is_implied || is_direction || self.has_named(dialect, NamedField::Direction);
                reaches(&self.body, place.pointer) && (place.direction.is_none() || is_told())
            })
    }
}

/// Returns whether a pointer leads to a value, or into one that a sample leaves open: null, an empty
/// object or an empty array.
fn reaches(body: &Value, pointer: &str) -> bool {
    let mut here = body;
    for token in pointer.split('/').skip(1) {
        let name = token.replace("~1", "/").replace("~0", "~");
        let next = match here {
            Value::Object(fields) if !fields.is_empty() => fields.get(&name),
            Value::Array(items) if !items.is_empty() => {
                // Other events have longer arrays.
                name.parse::<usize>().ok().and_then(|index| items.get(index).or(items.last()))
            }
            Value::Object(_) | Value::Array(_) | Value::Null => return true,
            Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        };
        match next {
            Some(next) => here = next,
            None => return false,
        }
    }
    true
}
