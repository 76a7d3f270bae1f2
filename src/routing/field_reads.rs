//! Fields that a route reads.

use super::condition::Condition;
use super::field_values::FieldRef;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoutePart {
    /// Condition. Without its field it does not hold.
    Condition,
    /// Key. Without its fields it is the entity id.
    Key,
    /// Header. Without its fields it is left out.
    Header,
}

/// Fields that one setting of a route reads, tried in order.
#[derive(Debug, Clone)]
pub(super) struct FieldRead {
    /// Setting, such as `routes[2].key`.
    pub(super) at: String,
    pub(super) part: RoutePart,
    pub(super) fields: Box<[FieldRef]>,
    pub(super) condition: Option<Condition>,
}

impl FieldRead {
    pub(super) fn new(at: String, part: RoutePart, fields: &[FieldRef]) -> Self {
        Self { at, part, fields: fields.into(), condition: None }
    }

    pub(super) fn of_condition(at: String, condition: &Condition) -> Self {
        let fields = std::slice::from_ref(condition.field());
        Self { condition: Some(condition.clone()), ..Self::new(at, RoutePart::Condition, fields) }
    }

    pub(super) fn holds_if_absent(&self) -> bool {
        self.condition.as_ref().is_some_and(Condition::holds_if_absent)
    }
}
