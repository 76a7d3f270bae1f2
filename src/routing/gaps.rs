//! Gaps: fields that a route reads and that the events of a dialect lack.

use super::condition::Condition;
use super::field_reads::{FieldRead, RoutePart};
use super::field_values::{FieldRef, FieldTable, FieldValues};
use super::route::Route;
use super::table::RouteTable;
use justcall_events::{
    BodyHash, Dialect, Direction, EventType, Family, KnownType, NamedField, Picks, Place, Scanned,
    Validation, samples, scan_with,
};
use serde_json::Value;

#[cfg(test)]
mod tests;

/// Setting whose fields no sample of a dialect has, for all types of the route or for one family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Index in `routes`.
    pub route: usize,
    /// Setting, such as `routes[2].key`.
    pub at: String,
    pub part: RoutePart,
    /// Fields as written.
    pub fields: Vec<String>,
    /// Dialect without the fields.
    pub dialect: Dialect,
    /// Families without the fields, if other families of the route have them. Empty: no type has them.
    pub families: Vec<Family>,
    /// The fields exist, but the dialect spells the texts of the condition differently.
    pub is_spelling: bool,
    /// Named field that both dialects have instead, if there is one.
    pub instead: Option<NamedField>,
}

/// Sample of a type that a route takes.
struct TypeSample {
    known: KnownType,
    text: &'static str,
    body: Value,
}

impl RouteTable {
    /// Returns each setting whose fields no sample of one of the dialects has.
    ///
    /// A route with a condition on the envelope that excludes a dialect is not for that dialect, unless that
    /// excludes all dialects.
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
                let is_meant = |(dialect, samples): &&(Dialect, Vec<TypeSample>)| {
                    !is_ruled_out(route, *dialect, samples)
                };
                let meant: Vec<_> = all.iter().filter(is_meant).collect();
                let meant = if meant.is_empty() { all.iter().collect() } else { meant };
                let gaps: Vec<_> = route
                    .reads
                    .iter()
                    .filter(|read| !read.holds_if_absent())
                    .flat_map(|read| {
                        meant.iter().filter_map(move |(dialect, samples)| {
                            gap(index, read, *dialect, samples)
                                .or_else(|| misspelling(index, read, &self.fields, *dialect, samples))
                        })
                    })
                    .collect();
                gaps
            })
            .collect()
    }
}

/// Parses the samples of the types that a route takes.
fn samples_for(route: &Route, dialect: Dialect) -> Vec<TypeSample> {
    let taken = samples(dialect).filter(|(known, _)| route.takes(known.name(), Some(known.family())));
    taken
        .filter_map(|(known, body)| {
            Some(TypeSample { known, text: body, body: serde_json::from_str(body).ok()? })
        })
        .collect()
}

/// Returns whether a condition on the envelope cannot hold for any sample.
fn is_ruled_out(route: &Route, dialect: Dialect, samples: &[TypeSample]) -> bool {
    route.reads.iter().filter(|read| read.part == RoutePart::Condition).any(|read| {
        let is_of_envelope = |field: &FieldRef| {
            field.named().is_none() && field.text() != "/data" && !field.text().starts_with("/data/")
        };
        let has = |sample: &TypeSample| read.fields.iter().any(|field| sample.has(dialect, field));
        let fails = if read.holds_if_absent() { samples.iter().all(has) } else { !samples.iter().any(has) };
        fails && read.fields.iter().all(is_of_envelope)
    })
}

fn gap(route: usize, read: &FieldRead, dialect: Dialect, samples: &[TypeSample]) -> Option<Gap> {
    let lacks = |samples: &[&TypeSample]| {
        !samples.iter().any(|sample| read.fields.iter().any(|field| sample.has(dialect, field)))
    };
    let instead = |samples: &[&TypeSample]| {
        read.fields.iter().find_map(|field| equivalent_field(field.text(), dialect, samples))
    };
    let all: Vec<_> = samples.iter().collect();
    let (families, instead) = if lacks(&all) {
        (Vec::new(), instead(&all))
    } else {
        // If both dialects lack a field in a family, the route may be for the other families.
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

/// Returns the gap of a condition that holds for no sample, but would for some with the named field.
fn misspelling(
    route: usize,
    read: &FieldRead,
    pointers: &FieldTable,
    dialect: Dialect,
    samples: &[TypeSample],
) -> Option<Gap> {
    let condition = read.condition.as_ref().filter(|condition| condition.field().named().is_none())?;
    let pointer = condition.field().text();
    let is_meant = |field: NamedField, is_fixed: bool| {
        let is_at = |place: &Place| place.pointer == pointer && place.direction.is_none() == is_fixed;
        let is_here = |sample: &&TypeSample| field.places(dialect, sample.known.family()).iter().any(is_at);
        let here: Vec<_> = samples.iter().filter(is_here).collect();
        let mut named = FieldTable::default();
        let renamed = named.read(field.name()).and_then(|field| condition.with_field(field));
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

/// Returns the named field at a pointer in the other dialect that samples of this dialect have too. Prefers a
/// place that does not depend on the direction.
fn equivalent_field(pointer: &str, dialect: Dialect, samples: &[&TypeSample]) -> Option<NamedField> {
    let others = || Dialect::ALL.into_iter().filter(move |other| *other != dialect);
    let is_at = |field: NamedField, is_fixed: bool| {
        samples.iter().any(|sample| {
            let family = sample.known.family();
            let mut places = others().flat_map(|other| field.places(other, family));
            let is_here =
                places.any(|place| place.pointer == pointer && place.direction.is_none() == is_fixed);
            is_here && sample.has_named(dialect, field)
        })
    };
    let find = |is_fixed| NamedField::ALL.iter().copied().find(|field| is_at(*field, is_fixed));
    find(true).or_else(|| find(false))
}

impl TypeSample {
    fn meets(&self, condition: &Condition, pointers: &FieldTable) -> bool {
        let mut picks = Picks::of(pointers.picks());
        let Ok(Scanned::Envelope(envelope)) = scan_with(self.text.as_bytes(), &mut picks) else {
            return false;
        };
        let hash = BodyHash::of(self.text.as_bytes());
        let event = envelope.validate_with(Validation::Tolerant, &hash, &mut picks);
        event.is_ok_and(|event| condition.holds(&FieldValues::new(pointers, &picks, &event)))
    }

    /// Returns whether the sample has a field. Null counts as present.
    fn has(&self, dialect: Dialect, field: &FieldRef) -> bool {
        match field.named() {
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
                let has_direction =
                    || is_implied || is_direction || self.has_named(dialect, NamedField::Direction);
                reaches(&self.body, place.pointer) && (place.direction.is_none() || has_direction())
            })
    }
}

/// Returns whether a pointer leads to a value, or into a null or an empty object or array of a sample.
fn reaches(body: &Value, pointer: &str) -> bool {
    let mut here = body;
    for token in pointer.split('/').skip(1) {
        let name = token.replace("~1", "/").replace("~0", "~");
        let next = match here {
            Value::Object(fields) if !fields.is_empty() => fields.get(&name),
            Value::Array(items) if !items.is_empty() => {
                // Other events may have longer arrays.
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
