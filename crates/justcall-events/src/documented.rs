//! Events of the documented dialect, typed.

use crate::json::each_field;
use crate::{DocumentedData, KnownType, Text};
use serde::de::Error as _;
use serde::de::value::MapDeserializer;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// Event of the documented dialect, borrowed from a record's value.
///
/// Reads every event that passed [`Validation::Documented`](crate::Validation::Documented), and omits unknown
/// fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documented<'a> {
    /// Time of the event, RFC 3339.
    pub timestamp: Option<Text<'a>>,
    /// Fields of the event itself.
    pub data: DocumentedData<'a>,
}

impl<'a> Documented<'a> {
    /// Reads a record's value. Its header `ce_dialect` names the dialect.
    ///
    /// # Errors
    /// Not JSON, not of this dialect, or against the contract of its type.
    pub fn from_slice(value: &'a [u8]) -> Result<Self, serde_json::Error> {
        let text = str::from_utf8(value).map_err(serde_json::Error::custom)?;
        let envelope: DocumentedEnvelope<'a> = read_object(text)?;
        let event_type = KnownType::from_name(&envelope.event).ok_or_else(not_documented)?;
        let data = DocumentedData::read(event_type, envelope.data.get()).ok_or_else(not_documented)??;
        Ok(Self { timestamp: envelope.timestamp, data })
    }
}

impl Serialize for Documented<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut event = serializer.serialize_struct("Documented", 3)?;
        event.serialize_field("event", self.data.event_type().name())?;
        event.serialize_field("timestamp", &self.timestamp)?;
        event.serialize_field("data", &self.data)?;
        event.end()
    }
}

#[derive(Deserialize)]
struct DocumentedEnvelope<'a> {
    #[serde(borrow)]
    event: Text<'a>,
    #[serde(borrow)]
    timestamp: Option<Text<'a>>,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Reads an object, ignoring names that are not Unicode text, on which serde would fail.
pub(crate) fn read_object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, serde_json::Error> {
    serde_json::from_str(text).or_else(|error| {
        let mut fields = Vec::new();
        each_field(text, |name, value| fields.push((name.to_owned(), value)))?;
        // Other errors keep their line and column.
        T::deserialize(MapDeserializer::new(fields.into_iter())).map_err(|_: serde_json::Error| error)
    })
}

fn not_documented() -> serde_json::Error {
    serde_json::Error::custom("not one of the documented event types")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dialect, Field, samples};
    use serde_json::Value;
    use std::borrow::Cow;

    #[test]
    fn exactly_the_documented_types_have_a_table_that_begins_with_the_identity() {
        for known in KnownType::ALL {
            let fields = known.documented_fields();
            assert_eq!(fields.is_some(), known.is_listed_in(Dialect::Documented), "{known}");
            let identities = fields.unwrap_or_default().iter().map(Field::is_identity);
            assert!(identities.enumerate().all(|(at, is_identity)| is_identity == (at == 0)), "{known}");
        }
    }

    #[test]
    fn a_sample_read_and_written_is_the_same_json() {
        for (known, body) in samples(Dialect::Documented) {
            let event = Documented::from_slice(body.as_bytes()).unwrap();
            assert_eq!(event.data.event_type(), known);
            let written: Value = serde_json::to_value(&event).unwrap();
            assert_eq!(written, serde_json::from_str::<Value>(body).unwrap(), "{known}");
        }
    }

    #[test]
    fn strings_borrow_from_the_body_even_where_they_are_optional() {
        let body = r#"{"data":{"call_id":"c1","status":"missed","from":"a\/b"},"event":"call.missed"}"#;
        let event = Documented::from_slice(body.as_bytes()).unwrap();
        let DocumentedData::CallMissed(call) = event.data else { panic!("not a missed call") };
        assert!(matches!(call.call_id.into_cow(), Cow::Borrowed("c1")));
        assert!(matches!(call.status.unwrap().into_cow(), Cow::Borrowed("missed")));
        assert_eq!(call.from.unwrap(), "a/b");
        assert_eq!((event.timestamp, call.to), (None, None));
    }

    #[test]
    fn type_of_another_dialect_is_an_error() {
        for body in [
            r#"{"event":"call.incoming","data":{"call_id":"c1"}}"#,
            r#"{"event":"call.missed","data":{}}"#,
            r#"{"event":"call.missed","data":{"call_id":"c1","ring_duration":-1}}"#,
            r#"{"type":"call.missed","data":{"call_id":"c1"}}"#,
            "[]",
        ] {
            assert!(Documented::from_slice(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn field_without_a_unicode_name_is_ignored() {
        let half = r#""\ud800":1"#;
        let body = format!(r#"{{{half},"event":"call.missed","data":{{{half},"call_id":"c1","from":"a"}}}}"#);
        let event = Documented::from_slice(body.as_bytes()).unwrap();
        let DocumentedData::CallMissed(call) = event.data else { panic!("not a missed call") };
        assert_eq!((call.call_id, call.from), ("c1".into(), Some("a".into())));
        let wrong = r#"{"event":"call.missed","data":{"call_id":"c1",
"ring_duration":"1"}}"#;
        assert_eq!(Documented::from_slice(wrong.as_bytes()).unwrap_err().line(), 2);
    }
}
