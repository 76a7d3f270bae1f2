use super::*;
use proptest::prelude::*;

const MODES: [Validation; 3] = [Validation::Documented, Validation::Tolerant, Validation::Strict];

fn any_sample() -> impl Strategy<Value = &'static str> {
    let all: Vec<_> =
        samples(Dialect::Documented).chain(samples(Dialect::Live)).map(|(_, body)| body).collect();
    proptest::sample::select(all)
}

fn run(body: &[u8]) -> Result<usize, Malformed> {
    let mut passed = 0;
    for validation in MODES {
        if let Scanned::Envelope(envelope) = scan(body)? {
            passed += usize::from(envelope.validate(validation, &BodyHash::of(body)).is_ok());
        }
    }
    Ok(passed)
}

fn any_raw() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,4})?",
        any::<String>().prop_map(|text| json!(text).to_string()),
        r#""(\\u[0-9a-fA-F]{4}|\\[nrtbf/"\\]|[a-z]){0,6}""#,
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            proptest::collection::vec(("[a-z]{0,3}", inner), 0..4).prop_map(|fields| {
                let fields: Vec<_> = fields.iter().map(|(name, raw)| format!(r#""{name}":{raw}"#)).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

fn any_field() -> impl Strategy<Value = &'static str> {
    let tables = KnownType::ALL.iter().filter_map(|known| known.documented_fields()).flatten();
    let names: Vec<_> = tables.map(|field| field.name).chain(["call_sid", "id", "other"]).collect();
    proptest::sample::select(names)
}

fn any_known() -> impl Strategy<Value = KnownType> {
    proptest::sample::select(KnownType::ALL)
}

fn object(fields: &[(String, String)], space: &str) -> String {
    let fields: Vec<_> =
        fields.iter().map(|(name, raw)| format!("{space}\"{name}\"{space}:{space}{raw}{space}")).collect();
    format!("{space}{{{}}}{space}", fields.join(","))
}

fn any_live_field() -> impl Strategy<Value = String> {
    let mut names = vec!["other".to_owned()];
    for (_, body) in samples(Dialect::Live) {
        let words = body.split('"').map(str::to_owned);
        names.extend(words.filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
    }
    names.retain(|name| !name.is_empty());
    proptest::sample::select(names)
}

fn any_live_object() -> impl Strategy<Value = String> {
    let text = |fields: Vec<(String, String)>| object(&fields, "");
    let inner = proptest::collection::vec((any_live_field(), any_raw()), 0..4).prop_map(text).boxed();
    let value = prop_oneof![any_raw(), inner.clone(), inner.prop_map(|object| format!("[{object}]"))];
    proptest::collection::vec((any_live_field(), value), 0..8).prop_map(text)
}

proptest! {
    #[test]
    fn truncated_or_changed_samples_never_panic(
        body in any_sample(),
        cut in any::<proptest::sample::Index>(),
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut body = body.as_bytes().to_vec();
        for (at, byte) in flips {
            let at = at.index(body.len());
            body[at] ^= byte;
        }
        let _ = run(&body);
        body.truncate(cut.index(body.len()));
        let _ = run(&body);
    }

    #[test]
    fn any_values_in_known_fields_end_in_an_event_or_a_violation_under_data(
        known in any_known(),
        documented in any::<bool>(),
        data in proptest::collection::vec((any_field(), any_raw()), 0..8),
    ) {
        let data: Vec<_> = data.into_iter().map(|(name, raw)| (name.to_owned(), raw)).collect();
        let marker = if documented { "event" } else { "type" };
        let body = format!(
            r#"{{"{marker}":"{known}","timestamp":"2026-04-07T09:15:42Z","data":{}}}"#,
            object(&data, "")
        );
        for validation in MODES {
            match validate(&body, validation) {
                Ok(event) => prop_assert!(event.entity_id.is_some_and(|id| !id.is_empty())),
                Err(violation) => prop_assert!(violation.pointer.starts_with("/data/"), "{violation}"),
            }
        }
        if documented && known.is_listed_in(Dialect::Documented) && validate(&body, Validation::Documented).is_ok() {
            prop_assert!(Documented::from_slice(body.as_bytes()).is_ok(), "{body}");
        }
        if validate(&body, Validation::Strict).is_ok() {
            prop_assert!(validate(&body, Validation::Documented).is_ok());
        }
        if validate(&body, Validation::Documented).is_ok() {
            prop_assert_eq!(validate(&body, Validation::Tolerant).unwrap().violations, 0);
        }
    }

    #[test]
    fn order_and_space_change_no_identity(
        (known, body) in proptest::sample::select(samples(Dialect::Documented).collect::<Vec<_>>()),
        seed in any::<u64>(),
        space in "[ \t\r\n]{0,3}",
    ) {
        let sample: serde_json::Value = serde_json::from_str(body).unwrap();
        let shuffled = |value: &serde_json::Value| {
            let mut fields: Vec<_> =
                value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.to_string())).collect();
            let by = usize::try_from(seed % 97).unwrap() % fields.len();
            fields.rotate_left(by);
            if seed & 1 == 0 { fields.reverse(); }
            fields
        };
        let mut envelope = shuffled(&sample);
        for (name, raw) in &mut envelope {
            if name == "data" { *raw = object(&shuffled(&sample["data"]), &space); }
        }
        let changed = object(&envelope, &space);
        let (before, after) = (validate(body, Validation::Strict).unwrap(), validate(&changed, Validation::Strict).unwrap());
        prop_assert_eq!(after.event_type.known(), Some(known));
        prop_assert_eq!((after.entity_id, after.time), (before.entity_id, before.time));
    }

    #[test]
    fn a_number_and_its_decimal_string_give_equal_entity_ids(id in 1_u64.., live in any::<bool>()) {
        let body = |raw: String| if live {
            format!(r#"{{"type":"sms.sent","data":{{"id":{raw}}}}}"#)
        } else {
            documented("contact.created", &format!(r#"{{"contact_id":{raw}}}"#))
        };
        let (number, string) = (body(id.to_string()), body(format!(r#""{id}""#)));
        let (number, string) = (validate(&number, Validation::Documented), validate(&string, Validation::Documented));
        prop_assert_eq!(number.unwrap().entity_id, string.unwrap().entity_id);
    }

    #[test]
    fn event_ids_are_equal_exactly_for_equal_bytes(id in 1_u32..) {
        let body = documented("contact.created", &format!(r#"{{"contact_id":{id}}}"#));
        let other = documented("contact.created", &format!(r#"{{"contact_id":{}}}"#, u64::from(id) + 1));
        let event_id = |body: &str| validate(body, Validation::Documented).unwrap().id;
        prop_assert_eq!(event_id(&body), event_id(&body.clone()));
        prop_assert_ne!(event_id(&body), event_id(&other));
    }

    #[test]
    fn accepted_live_events_are_read_and_written_by_the_structs(known in any_known(), data in any_live_object(), raw in any_raw()) {
        let body = format!(r#"{{"type":"{known}","url_id":{raw},"data":{data}}}"#);
        let Ok(Scanned::Envelope(envelope)) = scan(body.as_bytes()) else { return Ok(()) };
        let passes = envelope.validate(Validation::Tolerant, &BodyHash::of(body.as_bytes())).is_ok();
        let read = Live::from_slice(body.as_bytes());
        prop_assert!(read.is_ok() || !passes, "{body}");
        let Ok(read) = read else { return Ok(()) };
        let written = serde_json::to_string(&read).unwrap();
        prop_assert_eq!(Live::from_slice(written.as_bytes()).unwrap(), read);
    }
}
