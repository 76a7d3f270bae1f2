//! Which of many routes can take an event, found by the value of one field.

use super::condition::Condition;
use super::values::{Found, Pointed, Values};
use std::collections::HashMap;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// The places of a list of routes, by what most of them ask of one field: that it be a certain text. The
/// others can take any event, as far as this tells.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    by: Option<Pointed>,
    by_text: HashMap<Box<str>, Vec<usize>>,
    /// Those that do not ask for a text of that field.
    others: Vec<usize>,
}

impl Index {
    /// Sorts routes, given by their conditions.
    pub(super) fn new(routes: &[Arc<[Condition]>]) -> Self {
        let by = asked_most(routes);
        let mut index = Self { by: by.cloned(), ..Self::default() };
        for (place, conditions) in routes.iter().enumerate() {
            let texts =
                conditions.iter().filter_map(Condition::texts).find(|(pointed, _)| Some(*pointed) == by);
            match texts {
                None => index.others.push(place),
                Some((_, texts)) => {
                    for text in texts {
                        let places = index.by_text.entry(text.as_str().into()).or_default();
                        // A list may name a text twice.
                        if places.last() != Some(&place) {
                            places.push(place);
                        }
                    }
                }
            }
        }
        index
    }

    /// The places of the routes that can take an event, in their order.
    pub(super) fn places<'i>(&'i self, values: &Values<'_, '_>) -> impl Iterator<Item = usize> + use<'i> {
        let meant = self.by.as_ref().and_then(|by| match values.get(by) {
            Found::Text(text) => self.by_text.get(&**text),
            Found::Nothing | Found::Other => None,
        });
        let (mut meant, mut others) = (meant.map_or(&[][..], Vec::as_slice), &self.others[..]);
        std::iter::from_fn(move || {
            let first = match (meant.first(), others.first()) {
                (Some(one), Some(other)) if other < one => &mut others,
                (Some(_), _) => &mut meant,
                (None, _) => &mut others,
            };
            let (place, rest) = first.split_first()?;
            *first = rest;
            Some(*place)
        })
    }
}

/// The field that most routes ask a certain text of.
fn asked_most(routes: &[Arc<[Condition]>]) -> Option<&Pointed> {
    let mut counts: Vec<(&Pointed, usize)> = Vec::new();
    for (pointed, _) in routes.iter().flat_map(|conditions| conditions.iter().filter_map(Condition::texts)) {
        match counts.iter_mut().find(|(each, _)| *each == pointed) {
            Some((_, count)) => *count += 1,
            None => counts.push((pointed, 1)),
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(pointed, _)| pointed)
}
