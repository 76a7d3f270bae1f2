use super::*;
use crate::{Dialect, KnownType, samples};
use serde_json::json;

fn read(body: &str) -> Live<'_> {
    Live::from_slice(body.as_bytes()).unwrap()
}

/// They read like missing fields.
fn without_nulls(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(without_nulls);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

#[test]
fn sample_read_and_written_is_the_same_json() {
    for (known, body) in samples(Dialect::Live) {
        let event = read(body);
        assert_eq!(event.event_type.known(), Some(known));
        let mut expected: serde_json::Value = serde_json::from_str(body).unwrap();
        without_nulls(&mut expected);
        // The only field with two forms.
        if let Some(traits) = expected.pointer_mut("/data/call_info/call_traits")
            && let Some(text) = traits.as_str()
        {
            *traits = text.split(", ").filter(|part| !part.is_empty()).collect();
        }
        assert_eq!(serde_json::to_value(&event).unwrap(), expected, "{known}");
    }
}

#[test]
fn every_field_of_the_samples_is_in_a_struct() {
    for (known, body) in samples(Dialect::Live) {
        let debug = format!("{:?}", read(body));
        assert!(debug.contains("other: {}") && !debug.contains("other: {\""), "{known}: {debug}");
    }
}

#[test]
fn field_of_any_type_is_read_and_nothing_is_lost() {
    let values =
        [json!(null), json!(true), json!(0), json!(1.5), json!("a"), json!([]), json!({}), json!([1])];
    for (known, body) in samples(Dialect::Live) {
        let sample: serde_json::Value = serde_json::from_str(body).unwrap();
        let data = sample["data"].as_object().unwrap();
        let nested = data.iter().filter_map(|(name, value)| Some((name, value.as_object()?)));
        let nested =
            nested.flat_map(|(name, fields)| fields.keys().map(move |field| format!("/data/{name}/{field}")));
        let pointers = data.keys().map(|name| format!("/data/{name}")).chain(nested);
        for (pointer, value) in
            pointers.flat_map(|pointer| values.iter().map(move |value| (pointer.clone(), value)))
        {
            let mut body = sample.clone();
            *body.pointer_mut(&pointer).unwrap() = value.clone();
            let text = body.to_string();
            let written = serde_json::to_value(read(&text)).unwrap();
            let is_list = pointer.ends_with("/call_traits") || pointer.ends_with("/tags");
            let expected = if is_list && value == "a" { &json!(["a"]) } else { value };
            assert_eq!(written.pointer(&pointer).unwrap_or(&json!(null)), expected, "{known} {pointer}");
        }
    }
}

#[test]
fn unexpected_and_unknown_fields_are_in_other() {
    let body = r#"{"type":"sms.sent","metadata":{"a":1},"data":{"id":7,"direction":[1, 2],"new":1e400,"sms_info":"x"}}"#;
    let event = read(body);
    assert_eq!(event.metadata.map(|json| json.get()), Some(r#"{"a":1}"#));
    assert!(event.other.is_empty());
    let LiveData::Sms(sms) = event.data else { panic!("another family") };
    assert_eq!((sms.id.as_ref().and_then(Scalar::as_u64), &sms.direction), (Some(7), &None));
    let other: Vec<_> = sms.other.iter().map(|(name, value)| (name.as_str(), value.get())).collect();
    assert_eq!(other, [("direction", "[1, 2]"), ("new", "1e400"), ("sms_info", "\"x\"")]);
    assert_eq!(sms.other["direction"].read::<Vec<u8>>().unwrap(), [1, 2]);
}

#[test]
fn repeated_field_has_its_last_value() {
    let body =
        r#"{"type":"sms.sent","data":{"direction":[],"direction":"Incoming","medium":"a","medium":1}}"#;
    let LiveData::Sms(sms) = read(body).data else { panic!("another family") };
    assert_eq!(sms.direction.as_deref(), Some("Incoming"));
    assert_eq!((sms.medium, sms.other.len()), (None, 1));
}

#[test]
fn new_type_has_the_shape_of_its_family() {
    for (name, expected) in [
        ("call.transferred", Some(LiveKind::Call)),
        ("sd.call_started", Some(LiveKind::SalesDialerCall)),
        ("sms.optout", Some(LiveKind::Sms)),
        ("contact.created", Some(LiveKind::Contact)),
        ("invoice.paid", None),
    ] {
        assert_eq!(LiveKind::of(&EventType::from_name(name.into())), expected, "{name}");
    }
    let event = read(r#"{"type":"invoice.paid","data":{"amount":12.50}}"#);
    let LiveData::Unknown(fields) = event.data else { panic!("a family") };
    assert_eq!(fields["amount"].get(), "12.50");
}

#[test]
fn every_listed_type_has_a_shape() {
    for known in KnownType::ALL {
        assert_eq!(known.live_kind().is_some(), known.is_listed_in(Dialect::Live), "{known}");
    }
}

#[test]
fn another_dialect_or_no_envelope_is_an_error() {
    for body in [
        r#"{"event":"call.missed","data":{"call_id":"c1"}}"#,
        r#"{"type":"call.missed"}"#,
        r#"{"type":"call.missed","data":[]}"#,
        r#"{"type":7,"data":{}}"#,
        "[]",
        "",
        "\u{feff}{}",
    ] {
        assert!(Live::from_slice(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn scalar_reads_a_number_and_its_string_alike() {
    let scalar = |text: &'static str| {
        let body = format!(r#"{{"type":"call.missed","data":{{"id":{text}}}}}"#);
        let LiveData::Call(call) = read(&body).data else { panic!("another family") };
        call.id.map(|id| (id.text().to_owned(), id.as_u64(), id.as_i64(), id.as_f64(), id.as_bool()))
    };
    for text in ["7", r#""7""#] {
        assert_eq!(scalar(text), Some(("7".to_owned(), Some(7), Some(7), Some(7.0), None)));
    }
    assert_eq!(scalar("-1.5"), Some(("-1.5".to_owned(), None, None, Some(-1.5), None)));
    assert_eq!(scalar("1e400"), Some(("1e400".to_owned(), None, None, None, None)));
    for (text, expected) in
        [("true", true), (r#""True""#, true), ("1", true), (r#""0""#, false), ("false", false)]
    {
        assert_eq!(scalar(text).and_then(|read| read.4), Some(expected), "{text}");
    }
    for text in ["null", "[]", "{}", r#""\ud800""#] {
        assert_eq!(scalar(text), None);
    }
}
