use justcall_events::{Dialect, KnownType, Validation, identity_pointers, samples, schema};
use serde_json::{Value, json};

fn values() -> Vec<Value> {
    let long = "x".repeat(256);
    let times = [
        "2026-03-12T14:30:00Z",
        "2026-03-12t14:30:00.123456789012z",
        "2026-03-12T14:30:00+00:00",
        "2026-03-12T14:30:00-00:00",
        "2026-03-12T14:30:00+05:30",
        "2016-12-31T23:59:60Z",
        "2026-13-01T00:00:00Z",
        "2026-03-12T24:00:00Z",
        "2026-03-12 14:30:00Z",
        "2026-03-12T14:30:00",
        "2026-03-12T14:30:00+24:00",
    ];
    let urls = [
        "https://example.com/a.mp3?b=c#d",
        "HTTP://user:word@example.com:8443/",
        "https:///a.mp3",
        "https://:443/a",
        "https://user@/a",
        "https://user@:80/a",
        "https://a@b@c",
        "https://?q",
        "ftp://example.com/a",
        "https://example.com/a b",
        "https://example.com/\u{1}",
    ];
    let phones = ["+14155550123", "14155550123", "+04155550123", "+123456", "+1234567890123456"];
    let others = ["", "0", "12", "007", "-1", "call", "18446744073709551615", &long];
    let texts = times.iter().chain(&urls).chain(&phones).chain(&others).map(|text| json!(text));
    let rest = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(7),
        json!(1.5),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!("x".repeat(257)),
        json!([]),
        json!(["a", ""]),
        json!(["a", null]),
        json!([1]),
        json!({}),
        json!({ "a": 1 }),
    ];
    texts.chain(rest).collect()
}

/// Omits fields that no schema describes.
fn right(known: KnownType, dialect: Dialect) -> Value {
    if let Some((_, sample)) = samples(dialect).find(|(sample, _)| *sample == known) {
        let mut right: Value = serde_json::from_str(sample).expect("a sample is JSON");
        if dialect == Dialect::Documented {
            let known_fields = fields(known, dialect);
            let data = right["data"].as_object_mut().expect("an object");
            data.retain(|name, _| known_fields.contains(&name.as_str()));
        }
        return right;
    }
    let marker = marker(dialect);
    json!({ marker: known.name(), "timestamp": "2026-03-12T14:30:00Z", "data": { "id": "x" } })
}

const fn marker(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Documented => "event",
        Dialect::Live => "type",
    }
}

fn fields(known: KnownType, dialect: Dialect) -> Vec<&'static str> {
    let documented = known.documented_fields().filter(|_| dialect == Dialect::Documented).unwrap_or_default();
    let identity =
        identity_pointers(known, dialect).iter().map(|pointer| pointer.trim_start_matches("/data/"));
    let mut names: Vec<_> =
        documented.iter().map(|field| field.name).chain(identity).chain(["other"]).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Returns the fields of `data` that may have any value.
fn live_fields(known: KnownType, dialect: Dialect) -> Vec<String> {
    if dialect == Dialect::Documented {
        return Vec::new();
    }
    let schema = schema(known, dialect, Validation::Documented);
    let described = schema["properties"]["data"]["properties"].as_object();
    let identity = identity_pointers(known, dialect);
    let is_identity = |name: &String| identity.contains(&format!("/data/{name}").as_str());
    described
        .into_iter()
        .flat_map(|fields| fields.keys().cloned())
        .filter(|name| !is_identity(name))
        .collect()
}

fn nested_fields(body: &Value) -> Vec<(String, String)> {
    let data = body["data"].as_object().into_iter().flatten();
    let objects = data.filter_map(|(name, value)| Some((name, value.as_object()?)));
    objects.flat_map(|(object, fields)| fields.keys().map(|name| (object.clone(), name.clone()))).collect()
}

fn with(body: &Value, pointer: &str, name: &str, value: Option<&Value>) -> Value {
    let mut body = body.clone();
    let object = body.pointer_mut(pointer).and_then(Value::as_object_mut).expect("an object");
    match value {
        Some(value) => object.insert(name.to_owned(), value.clone()),
        None => object.remove(name),
    };
    body
}

/// Returns the valid body, each field removed or replaced, and all combinations of identity and envelope.
pub(super) fn of(known: KnownType, dialect: Dialect) -> Vec<Value> {
    let right = right(known, dialect);
    let values = values();
    let anything = || std::iter::once(None).chain(values.iter().map(Some));
    let mut bodies = vec![right.clone(), json!({}), json!([right]), json!("event"), json!(null)];
    bodies.extend(anything().map(|value| with(&right, "", "timestamp", value)));
    let of_each_type =
        [json!(null), json!(true), json!(7), json!(1.5), json!("a"), json!(""), json!([]), json!({})];
    for name in ["event", "type", "request_id", "webhook_url", "url_id", "data", "metadata"] {
        bodies.push(with(&right, "", name, None));
        bodies.extend(of_each_type.iter().map(|value| with(&right, "", name, Some(value))));
    }
    for name in live_fields(known, dialect) {
        bodies.extend(of_each_type.iter().map(|value| with(&right, "/data", &name, Some(value))));
    }
    for (object, name) in nested_fields(&right) {
        let pointer = format!("/data/{object}");
        bodies.extend(of_each_type.iter().map(|value| with(&right, &pointer, &name, Some(value))));
    }
    for name in fields(known, dialect) {
        bodies.extend(anything().map(|value| with(&right, "/data", name, value)));
    }
    let contents =
        [None, Some(json!(null)), Some(json!("")), Some(json!("a")), Some(json!(5)), Some(json!([]))];
    let mut combined = vec![right.clone()];
    for pointer in identity_pointers(known, dialect) {
        let name = pointer.trim_start_matches("/data/");
        let each = |body: &Value| {
            contents.iter().map(|value| with(body, "/data", name, value.as_ref())).collect::<Vec<_>>()
        };
        combined = combined.iter().flat_map(each).collect();
    }
    bodies.extend(combined);
    let foreign =
        KnownType::ALL.iter().map(|other| with(&right, "", marker(dialect), Some(&json!(other.name()))));
    bodies.extend(foreign);
    bodies
}
