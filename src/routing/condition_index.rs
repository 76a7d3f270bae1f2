//! Index of many routes by the value of one field.

use super::condition::Condition;
use super::field_values::{FieldRef, FieldValue, FieldValues};
use std::collections::HashMap;
use std::sync::Arc;

/// Positions of routes by the text that their conditions require of one field.
///
/// The field is the one that most routes have such a condition on. Routes without one can take any event.
#[derive(Debug, Clone, Default)]
pub(super) struct ConditionIndex {
    field: Option<FieldRef>,
    by_text: HashMap<Box<str>, Vec<usize>>,
    /// Positions of the routes without a condition on the text of the field.
    others: Vec<usize>,
}

impl ConditionIndex {
    /// Builds the index from the conditions of each route.
    pub(super) fn new(routes: &[Arc<[Condition]>]) -> Self {
        let field = most_required_field(routes);
        let mut index = Self { field: field.cloned(), ..Self::default() };
        for (position, conditions) in routes.iter().enumerate() {
            let texts =
                conditions.iter().filter_map(Condition::exact_texts).find(|(each, _)| Some(*each) == field);
            match texts {
                None => index.others.push(position),
                Some((_, texts)) => {
                    for text in texts {
                        let positions = index.by_text.entry(text.as_str().into()).or_default();
                        // A list may contain a text twice.
                        if positions.last() != Some(&position) {
                            positions.push(position);
                        }
                    }
                }
            }
        }
        index
    }

    /// Returns the positions of the routes that can take an event, in order.
    pub(super) fn candidates<'i>(
        &'i self,
        values: &FieldValues<'_, '_>,
    ) -> impl Iterator<Item = usize> + use<'i> {
        let matching = self.field.as_ref().and_then(|field| match values.get(field) {
            FieldValue::Text(text) => self.by_text.get(&**text),
            FieldValue::Absent | FieldValue::Other => None,
        });
        let (mut matching, mut others) = (matching.map_or(&[][..], Vec::as_slice), &self.others[..]);
        std::iter::from_fn(move || {
            let first = match (matching.first(), others.first()) {
                (Some(one), Some(other)) if other < one => &mut others,
                (Some(_), _) => &mut matching,
                (None, _) => &mut others,
            };
            let (position, rest) = first.split_first()?;
            *first = rest;
            Some(*position)
        })
    }
}

/// Returns the field that most routes require a text of.
fn most_required_field(routes: &[Arc<[Condition]>]) -> Option<&FieldRef> {
    let mut counts: Vec<(&FieldRef, usize)> = Vec::new();
    for (field, _) in
        routes.iter().flat_map(|conditions| conditions.iter().filter_map(Condition::exact_texts))
    {
        match counts.iter_mut().find(|(each, _)| *each == field) {
            Some((_, count)) => *count += 1,
            None => counts.push((field, 1)),
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(field, _)| field)
}

#[cfg(test)]
mod tests {
    use super::ConditionIndex;
    use crate::routing::condition::Condition;
    use crate::routing::field_values::{FieldTable, FieldValues};
    use crate::routing::pointer::Pointer;
    use crate::routing::table::tests::event;
    use crate::routing::{Operator, Predicate};
    use justcall_events::{Picks, scan_with};
    use std::sync::Arc;

    /// Conditions of a route: pointers with the required texts. No texts stand for `exists`.
    type When<'a> = &'a [(&'a str, &'a [&'a str])];

    fn candidates(routes: &[When<'_>], fields: &str) -> Vec<usize> {
        let mut pointers = FieldTable::default();
        let mut condition = |(pointer, texts): &(&str, &[&str])| {
            let wanted = match texts {
                [] => Operator::Exists(true),
                texts => Operator::OneOf(texts.iter().map(|text| (*text).into()).collect()),
            };
            let pointed = pointers.add(Pointer::parse(pointer).unwrap());
            Condition::new(pointed, Predicate { operator: wanted, ignore_case: pointer.ends_with("loose") })
                .unwrap()
        };
        let routes: Vec<Arc<[_]>> =
            routes.iter().map(|when| when.iter().map(&mut condition).collect()).collect();
        let body = format!(r#"{{"event":"x.y",{fields}"data":{{}}}}"#);
        let mut picks = Picks::of(pointers.picks());
        scan_with(body.as_bytes(), &mut picks).unwrap();
        ConditionIndex::new(&routes).candidates(&FieldValues::new(&pointers, &picks, &event("x.y"))).collect()
    }

    #[test]
    fn routes_for_another_text_are_skipped_in_order() {
        let routes: [When<'_>; 7] = [
            &[("/a", &["1"])],
            &[],
            &[("/a", &["2"])],
            &[("/a", &["1", "2", "1"]), ("/b", &["x"])],
            &[("/b", &["y"])],
            &[("/a", &[])],
            &[("/a", &["1"])],
        ];
        assert_eq!(candidates(&routes, r#""a":1,"#), [0, 1, 3, 4, 5, 6]);
        assert_eq!(candidates(&routes, r#""a":"2","#), [1, 2, 3, 4, 5]);
        assert_eq!(candidates(&routes, r#""a":"3","#), [1, 4, 5]);
        assert_eq!(candidates(&routes, ""), [1, 4, 5]);
    }

    #[test]
    fn conditions_that_ignore_case_are_not_indexed() {
        let routes: [When<'_>; 2] = [&[("/loose", &["a"])], &[("/loose", &["b"])]];
        assert_eq!(candidates(&routes, r#""loose":"B","#), [0, 1]);
    }

    #[test]
    fn without_an_indexed_condition_every_route_is_a_candidate() {
        let routes: [When<'_>; 2] = [&[], &[("/a", &[])]];
        assert_eq!(candidates(&routes, r#""a":1,"#), [0, 1]);
        assert_eq!(candidates(&[], ""), [0; 0]);
    }
}
