//! Compiled named fields: lookups of the same fact in each dialect.

use super::pointer::Pointer;
use justcall_events::{Dialect, Direction, Family, NamedField, Pick};

#[cfg(test)]
mod tests;

/// Named field with its places in each dialect and family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CompiledField {
    pub(super) field: NamedField,
    /// Lookup of the direction, for a field whose place depends on it.
    pub(super) direction: Option<usize>,
    /// Places by dialect, then by family.
    places: Box<[Box<[CompiledPlace]>]>,
}

/// Place of a named field, with the index of its pick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CompiledPlace {
    pub(super) direction: Option<Direction>,
    pub(super) pick: usize,
    pub(super) pointer: Pointer,
}

impl CompiledField {
    /// Compiles a field. `add_pick` returns the index of a pick.
    ///
    /// # Errors
    /// A place is not a JSON pointer, which tests of the contract exclude.
    pub(super) fn compile(
        field: NamedField,
        direction: Option<usize>,
        mut add_pick: impl FnMut(&Pick) -> usize,
    ) -> Result<Self, String> {
        let kinds = Dialect::ALL.into_iter().flat_map(|dialect| Family::ALL.map(|family| (dialect, family)));
        let places = kinds.map(|(dialect, family)| {
            let places = field.places(dialect, family).iter().map(|place| {
                let pointer = Pointer::parse(place.pointer)?;
                let pick = add_pick(pointer.pick());
                Ok(CompiledPlace { direction: place.direction, pick, pointer })
            });
            places.collect::<Result<_, String>>()
        });
        Ok(Self { field, direction, places: places.collect::<Result<_, _>>()? })
    }

    pub(super) fn places(&self, dialect: Dialect, family: Family) -> &[CompiledPlace] {
        &self.places[dialect.index() * Family::ALL.len() + family.index()]
    }
}

pub(super) fn depends_on_direction(field: NamedField) -> bool {
    let mut kinds = Dialect::ALL.into_iter().flat_map(|dialect| Family::ALL.map(|family| (dialect, family)));
    kinds.any(|(dialect, family)| field.places(dialect, family).iter().any(|place| place.direction.is_some()))
}
