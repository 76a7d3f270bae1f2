use super::*;
use crate::Family;

/// Every known type in both dialects, listed there or not.
fn all() -> impl Iterator<Item = (KnownType, Dialect)> {
    KnownType::ALL.iter().flat_map(|known| [(*known, Dialect::Documented), (*known, Dialect::Live)])
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

#[test]
fn documented_type_has_its_fields_with_the_words_of_the_docs() {
    let schema = schema(KnownType::CallMissed, Dialect::Documented, Validation::Documented);
    assert_eq!(names(&schema["required"]), ["event", "timestamp", "data"]);
    assert_eq!(schema["properties"]["event"]["const"], "call.missed");
    let data = &schema["properties"]["data"];
    assert_eq!(names(&data["required"]), ["call_id"]);
    assert_eq!(data["properties"].as_object().unwrap().len(), 7);
    assert_eq!(data["properties"]["ring_duration"]["description"], "How long it rang, in seconds.");
    assert_eq!(
        data["properties"]["agent_id"]["description"],
        "The agent it rang for, null where it rang for nobody in particular."
    );
}

#[test]
fn strict_requires_every_field_and_takes_null_only_where_the_reference_shows_it() {
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
fn tolerant_asks_for_envelope_and_identity_only() {
    let schema = schema(KnownType::ContactCreated, Dialect::Documented, Validation::Tolerant);
    assert_eq!(names(&schema["required"]), ["event", "data"]);
    let data = &schema["properties"]["data"];
    assert_eq!(names(&data["required"]), ["contact_id"]);
    assert_eq!(data["properties"]["contact_id"]["type"], json!(["string", "integer"]));
    assert!(data["properties"]["phone"].get("type").is_none());
}

#[test]
fn live_call_is_identified_by_the_first_field_that_says_anything() {
    let schema = schema(KnownType::CallUpdated, Dialect::Live, Validation::Documented);
    let alternatives = schema["properties"]["data"]["anyOf"].as_array().unwrap();
    let required: Vec<_> = alternatives.iter().flat_map(|each| names(&each["required"])).collect();
    assert_eq!(required, ["call_sid", "call_id", "id"]);
    assert_eq!(alternatives[2]["properties"]["call_sid"], json!({ "enum": [null, ""] }));
}

#[test]
fn a_schema_stands_alone_and_says_what_it_is_of() {
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
fn unknown_type_is_every_name_but_the_known_ones() {
    for dialect in [Dialect::Documented, Dialect::Live] {
        let schema = schema_of_unknown(dialect);
        let marker = if dialect == Dialect::Live { "type" } else { "event" };
        let not = &schema["properties"][marker]["not"]["enum"];
        assert_eq!(names(not).len(), KnownType::ALL.len());
    }
}

#[test]
fn identity_stands_where_the_reference_or_the_family_says() {
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
