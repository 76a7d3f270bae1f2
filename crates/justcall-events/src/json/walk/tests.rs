use super::super::each_field;
use super::*;
use proptest::prelude::*;
use serde_json::Value as Json;

fn walked(text: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    each_known_field(text, |name, value| fields.push((name.to_owned(), value.0.to_owned())));
    fields
}

fn read(text: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    each_field(text, |name, value| fields.push((name.to_owned(), value.get().to_owned()))).unwrap();
    fields
}

#[test]
fn fields_are_those_that_a_reader_of_json_finds() {
    for text in [
        "{}",
        " { } ",
        r#"{"a":1}"#,
        " {\n\"a\" :\t-1.5e3 ,\r\n \"\" : null}",
        r#"{"a\"b":"c\\","d":"}{][\",","e":{"f":[1,{"g":"]}"}],"h":{}},"i":[],"j":true}"#,
        r#"{"\u0061":"\u0022","\ud83d\ude00":1,"\ud83d":2,"a":3,"a":4}"#,
        r#"{"a":[[[[]]]],"é":"ü","b":"\\\\\\\""}"#,
    ] {
        assert_eq!(walked(text), read(text), "{text}");
    }
}

#[test]
fn what_is_no_json_ends_the_walk() {
    for text in
        ["", "{", "\"", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":\"", "{\"a\":[", "{\"a\\", "{\"a\":\"é\\"]
    {
        let _ = walked(text);
    }
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        any::<String>().prop_map(Json::from),
        r#"[\\"{}\[\],: \n]*"#.prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|fields| Json::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_object_walks_as_it_reads(
        fields in prop::collection::hash_map(any::<String>(), json(), 0..6),
        pretty: bool,
    ) {
        let object = Json::Object(fields.into_iter().collect());
        let text = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) };
        let text = text.unwrap();
        prop_assert_eq!(walked(&text), read(&text));
    }

    #[test]
    fn any_text_ends(text: String) {
        let _ = walked(&text);
    }
}
