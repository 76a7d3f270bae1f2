use super::*;
use crate::Family;

/// Includes unlisted pairs.
fn all() -> impl Iterator<Item = (KnownType, Dialect)> {
    KnownType::ALL.iter().flat_map(|known| [(*known, Dialect::Documented), (*known, Dialect::Live)])
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

#[test]
fn documented_type_has_its_fields_with_their_descriptions() {
    let schema = schema(KnownType::CallMissed, Dialect::Documented, Validation::Documented);
    assert_eq!(names(&schema["required"]), ["event", "timestamp", "data"]);
    assert_eq!(schema["properties"]["event"]["const"], "call.missed");
    let data = &schema["properties"]["data"];
    assert_eq!(names(&data["required"]), ["call_id"]);
    assert_eq!(data["properties"].as_object().unwrap().len(), 7);
    assert_eq!(data["properties"]["ring_duration"]["description"], "Time that the call rang, in seconds.");
    assert_eq!(
        data["properties"]["agent_id"]["description"],
        "Agent that the call rang for. Null: no particular agent."
    );
}

#[test]
fn strict_requires_every_field_and_accepts_null_only_as_in_the_reference() {
    let schema = schema(KnownType::SmsSent, Dialect::Documented, Validation::Strict);
    let data = &schema["properties"]["data"];
    let fields = KnownType::SmsSent.documented_fields().unwrap();
    let required: Vec<_> = fields.iter().filter(|field| !field.nullable).map(|field| field.name).collect();
    for name in &required {
        assert!(names(&data["required"]).contains(name), "{name}");
    }
    assert_eq!(data["properties"]["media_url"]["type"], json!(["string", "null"]));
    assert_eq!(data["properties"]["body"]["type"], "string");
    assert_eq!(data["properties"]["from"]["pattern"], PHONE);
}

#[test]
fn tolerant_requires_only_envelope_and_identity() {
    let schema = schema(KnownType::ContactCreated, Dialect::Documented, Validation::Tolerant);
    assert_eq!(names(&schema["required"]), ["event", "data"]);
    let data = &schema["properties"]["data"];
    assert_eq!(names(&data["required"]), ["contact_id"]);
    assert_eq!(data["properties"]["contact_id"]["type"], json!(["string", "integer"]));
    assert!(data["properties"]["phone"].get("type").is_none());
}

#[test]
fn live_call_is_identified_by_the_first_field_with_a_value() {
    let schema = schema(KnownType::CallUpdated, Dialect::Live, Validation::Documented);
    let excluded = schema["properties"]["data"]["not"]["anyOf"].as_array().unwrap();
    let empty = json!({ "enum": [null, ""] });
    let all_empty = json!({ "call_sid": empty, "call_id": empty, "id": empty });
    assert_eq!(excluded[0], json!({ "properties": all_empty }));
    let required: Vec<_> = excluded[1..].iter().flat_map(|each| names(&each["required"])).collect();
    assert_eq!(required, ["call_sid", "call_id", "id"]);
    assert_eq!(excluded[3]["properties"]["call_sid"], empty);
    assert_eq!(excluded[3]["properties"]["id"]["not"]["anyOf"][0], empty);
}

fn parts(schema: &Value, place: &str) -> Vec<(String, Value)> {
    let mut found = vec![(place.to_owned(), schema.clone())];
    for (name, part) in schema.as_object().into_iter().flatten() {
        let place = format!("{place}/{name}");
        match name.as_str() {
            "properties" => {
                let properties = part.as_object().unwrap().iter();
                found.extend(properties.flat_map(|(name, part)| parts(part, &format!("{place}/{name}"))));
            }
            "anyOf" => found.extend(part.as_array().unwrap().iter().flat_map(|part| parts(part, &place))),
            "items" => found.extend(parts(part, &place)),
            _ => {}
        }
    }
    found
}

#[test]
fn every_object_has_a_title_and_every_field_a_description() {
    for (known, dialect) in all() {
        let schema = schema(known, dialect, Validation::Documented);
        let parts = parts(&schema, "");
        assert!(parts.len() > 3);
        for (place, part) in &parts {
            assert!(part["type"] != "object" || part["title"].is_string(), "{known} {dialect}{place}");
            let is_field = place.rsplit('/').nth(1) == Some("properties");
            assert!(!is_field || part["description"].is_string(), "{known} {dialect}{place}");
        }
    }
    assert!(schema_of_unknown(Dialect::Live)["properties"]["data"]["title"].is_string());
}

#[test]
fn only_the_time_has_a_format() {
    let mut formats = 0;
    for (known, dialect) in all() {
        for validation in [Validation::Documented, Validation::Tolerant, Validation::Strict] {
            for (place, part) in parts(&schema(known, dialect, validation), "") {
                let Some(format) = part.get("format") else { continue };
                // The pattern is narrower than the format.
                assert!(format == "date-time" && part["pattern"].is_string(), "{known} {dialect}{place}");
                formats += 1;
            }
        }
    }
    assert!(formats > 9, "{formats}");
}

#[test]
fn live_field_lists_its_usual_types_and_accepts_any() {
    let schema = schema(KnownType::CallCompleted, Dialect::Live, Validation::Strict);
    let data = &schema["properties"]["data"];
    assert_eq!(data["title"], "LiveCall");
    let properties = data["properties"].as_object().unwrap();
    assert_eq!(
        properties["agent_id"]["anyOf"][0]["type"],
        json!(["string", "integer", "number", "boolean", "null"])
    );
    let info = &properties["call_info"]["anyOf"][0];
    assert_eq!(
        (&info["title"], &info["properties"]["type"]["anyOf"][0]["type"][0]),
        (&json!("CallInfo"), &json!("string"))
    );
    assert_eq!(properties["agent_id"]["anyOf"][1], json!({}));
    let beside_object = &properties["call_info"]["anyOf"][1]["type"];
    assert_eq!(*beside_object, json!(["string", "number", "boolean", "array", "null"]));
}

#[test]
fn schema_is_self_contained_and_has_a_description() {
    for (known, dialect) in all() {
        for validation in [Validation::Documented, Validation::Tolerant, Validation::Strict] {
            let schema = schema(known, dialect, validation);
            assert_eq!(schema["title"], format!("{known} ({dialect})"));
            assert_eq!(schema["description"], known.about());
            assert!(!schema.to_string().contains("\"$"), "{known} {dialect} refers elsewhere");
            assert_eq!(schema.get("examples").is_some(), known.is_listed_in(dialect), "{known} {dialect}");
        }
    }
}

#[test]
fn schema_of_unknown_types_accepts_every_name_except_known_ones() {
    for dialect in [Dialect::Documented, Dialect::Live] {
        let schema = schema_of_unknown(dialect);
        let marker = if dialect == Dialect::Live { "type" } else { "event" };
        let not = &schema["properties"][marker]["not"]["enum"];
        assert_eq!(names(not).len(), KnownType::ALL.len());
    }
}

#[test]
fn identity_pointers_follow_the_reference_or_the_family() {
    let documented = identity_pointers(KnownType::ContactCreated, Dialect::Documented);
    assert_eq!(documented, ["/data/contact_id"]);
    let live = identity_pointers(KnownType::ContactCreated, Dialect::Live);
    assert_eq!(live, ["/data/contact_id", "/data/id"]);
    let unlisted = identity_pointers(KnownType::AppointmentScheduled, Dialect::Documented);
    assert_eq!(
        (unlisted, Family::Appointment),
        (&["/data/id"][..], KnownType::AppointmentScheduled.family())
    );
}
