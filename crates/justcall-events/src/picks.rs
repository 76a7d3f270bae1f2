use super::json::Value;
use smallvec::SmallVec;

/// Object with a picked field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// Outermost object.
    Envelope,
    /// `data`
    Data,
}

/// Field to keep.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pick {
    /// Object.
    pub level: Level,
    /// Unescaped name.
    pub name: Box<str>,
}

/// Picked fields of one body, stored by [`scan_with`](crate::scan_with) and
/// [`Envelope::validate_with`](crate::Envelope::validate_with), which saves a second reading.
#[derive(Debug, Default)]
pub struct Picks<'p, 'a> {
    wanted: &'p [Pick],
    /// Parallel to `wanted`.
    found: SmallVec<[Option<&'a str>; 8]>,
}

impl<'p, 'a> Picks<'p, 'a> {
    /// Returns picks without values.
    pub fn of(wanted: &'p [Pick]) -> Self {
        Self { wanted, found: SmallVec::from_elem(None, wanted.len()) }
    }

    /// Returns a field's raw JSON. The last of repeated fields counts, as in most readers.
    pub fn get(&self, index: usize) -> Option<&'a str> {
        self.found.get(index).copied().flatten()
    }

    pub(super) fn wants_data(&self) -> bool {
        self.wanted.iter().any(|pick| pick.level == Level::Data)
    }

    pub(super) fn see(&mut self, level: Level, name: &str, value: Value<'a>) {
        for (pick, found) in self.wanted.iter().zip(&mut self.found) {
            if pick.level == level && *pick.name == *name {
                *found = Some(value.text());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Level, Pick, Picks};
    use crate::{BodyHash, Scanned, Validation, scan_with};

    const ALL: [Validation; 3] = [Validation::Documented, Validation::Tolerant, Validation::Strict];

    fn pick(level: Level, name: &str) -> Pick {
        Pick { level, name: name.into() }
    }

    fn found<'a>(wanted: &[Pick], body: &'a str, validation: Validation) -> Vec<Option<&'a str>> {
        let mut picks = Picks::of(wanted);
        let Ok(Scanned::Envelope(envelope)) = scan_with(body.as_bytes(), &mut picks) else {
            panic!("{body}")
        };
        let _ = envelope.validate_with(validation, &BodyHash::of(body.as_bytes()), &mut picks);
        (0..wanted.len()).map(|index| picks.get(index)).collect()
    }

    #[test]
    fn wanted_fields_are_picked_in_every_mode() {
        let wanted = [
            pick(Level::Envelope, "extra"),
            pick(Level::Data, "direction"),
            pick(Level::Data, "extra"),
            pick(Level::Envelope, "direction"),
            pick(Level::Data, "call_id"),
        ];
        let data = r#""extra":1,"data":{"call_id":"c","direc\u0074ion":"in","extra":{"a":[2]},"id":"i"}"#;
        let bodies = [
            // Documented type, known family, unknown family.
            format!(r#"{{"event":"call.missed","timestamp":"2026-01-02T03:04:05Z",{data}}}"#),
            format!(r#"{{"type":"call.updated",{data}}}"#),
            format!(r#"{{"type":"party.started",{data}}}"#),
        ];
        for (body, validation) in bodies.iter().flat_map(|body| ALL.map(|validation| (body, validation))) {
            let expected = [Some("1"), Some(r#""in""#), Some(r#"{"a":[2]}"#), None, Some(r#""c""#)];
            assert_eq!(found(&wanted, body, validation), expected, "{body}");
        }
    }

    #[test]
    fn last_of_repeated_fields_counts() {
        let body = r#"{"event":"x.y","a":1,"a":2,"data":{"b":3,"b":null}}"#;
        let wanted = [pick(Level::Envelope, "a"), pick(Level::Data, "b")];
        assert_eq!(found(&wanted, body, Validation::Documented), [Some("2"), Some("null")]);
    }

    #[test]
    fn unwanted_or_missing_field_is_not_found() {
        let wanted = [pick(Level::Data, "a"), pick(Level::Envelope, "event")];
        let body = r#"{"event":"x.y","data":{}}"#;
        assert_eq!(found(&wanted, body, Validation::Documented), [None, Some(r#""x.y""#)]);
        assert_eq!(Picks::default().get(0), None);
    }
}
