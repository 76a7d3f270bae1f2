use super::print_config;
use crate::config::{Settings, SettingsFile, SettingsInput};

fn loaded(yaml: &str) -> Settings {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), yaml).unwrap();
    let sources = SettingsInput { file: SettingsFile::At(file.path().into()), ..SettingsInput::default() };
    Settings::load(&sources).unwrap_or_else(|errors| panic!("{errors}"))
}

const EVERYTHING: &str = r#"
server: { listen: '[::1]:1', workers: 3, max_body_bytes: 1001, max_in_flight: 70000 B, request_timeout: 1m 1s }
admin: { listen: "127.0.0.1:2" }
sources:
  b-1: { path: /b, validation: strict, signature: { required: false, mode: enforce, urls: "https://a/b, http://c", tolerance: 11m } }
  "0": { path: /, validation: tolerant }
kafka: { bootstrap_servers: "a:1, b:2", ack_deadline: 1500ms, properties: { linger.ms: 0.5, client.id: "007", sasl.username: "true", client.rack: "", group.id: "a: 'b' #c" } }
topics: { prefix: j., create_missing: false, partitions: 6, replication_factor: 3, config: { retention.ms: -1 } }
routes:
  - { match: "*.received", topics: "j.{event}" }
  - { match: [{ family: sms }, "null"], topics: [a, "1"], key: [/data/a, "/~0"], headers: { team: "~", n: 1 } }
unknown_events: dead_letter
dead_letter: { topic: lost, answer: ok }
deduplication: { window: 0s, capacity: 7 }
shutdown: { delay: 0s, timeout: 3s }
telemetry: { log_format: json, log_filter: "warn,a=debug", log_sample: 100, otlp_endpoint: "http://c:4318", otlp_timeout: 3s, otlp_sample_ratio: 0.25 }
"#;

#[test]
fn printed_settings_load_to_the_same_settings() {
    let everything = EVERYTHING.replace("1001", "1025");
    for settings in [Settings::default(), loaded(&everything)] {
        let printed = print_config(&settings);
        assert!(loaded(&printed) == settings, "{printed}");
    }
}

#[test]
fn texts_that_look_like_something_else_are_printed_as_they_are() {
    let odd = [
        "",
        " ",
        "~",
        "null",
        "true",
        "No",
        "0x1f",
        "0o17",
        "+49",
        "0049",
        "1.0",
        "1e3",
        ".5",
        ".inf",
        "-",
        "- a",
        "? a",
        "a: b",
        "a #b",
        "{a",
        "[a",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "|",
        ">",
        "'",
        "\"",
        "\\",
        "a\nb",
        "\u{7}",
        "\u{8}",
        "\u{b}",
        "\u{1b}[2J",
        "\u{7f}",
        "\u{9b}",
        "\u{85}",
        "\u{2028}",
        "\u{2029}",
        "\u{61c}",
        "a\u{202e}b",
        "\u{2066}\u{2069}",
        "\u{feff}a",
        "<<",
        "=",
        "---",
        "...",
        "é",
        "a, b",
        "***",
    ];
    let texts = quoted(&odd[..]);
    let fields: Vec<_> = odd.iter().map(|odd| quoted(&format!("/data/{odd}").replace('~', "~0"))).collect();
    let when = fields.iter().map(|pointer| format!("{pointer}: {texts}")).collect::<Vec<_>>().join(", ");
    let headers: Vec<_> = fields
        .iter()
        .zip(odd)
        // Headers have no control characters.
        .filter(|(_, odd)| !odd.contains(char::is_control))
        .map(|(name, odd)| format!("{name}: {}", quoted(odd)))
        .collect();
    let headers = headers.join(", ");
    let settings = loaded(&format!(
        r#"routes: [{{ "match": "*", "topics": "t", "when": {{ {when} }}, "headers": {{ {headers} }} }}]"#
    ));
    let printed = print_config(&settings);
    assert!(loaded(&printed) == settings, "{printed}");
    let is_shown_raw = |c: char| c.is_ascii_graphic() || matches!(c, ' ' | '\n' | 'é');
    let raw: Vec<_> = printed.chars().filter(|c| !is_shown_raw(*c)).collect();
    assert!(raw.is_empty(), "{raw:?}");
}

/// JSON allows control characters that YAML does not.
fn quoted(value: &(impl serde::Serialize + ?Sized)) -> String {
    let json = serde_json::to_string(value).unwrap();
    json.replace('\u{7f}', "\\u007f").replace('\u{85}', "\\u0085").replace('\u{9b}', "\\u009b")
}

#[test]
fn secrets_tokens_and_urls_with_tokens_are_hidden() {
    let settings = loaded(
        r#"sources: { main: { token: 0123-hush-4567-89ab, signature: { secrets: [hush, hush], urls: [
            "https://a.example/webhooks/justcall/0123-hush-4567-89ab", "https://b.example/webhooks/justcall",
            "https://c.example/behind/0123-hush-4567-89ab"] } } }"#,
    );
    let printed = print_config(&settings);
    assert!(!printed.contains("hush"), "{printed}");
    assert!(printed.contains("https://c.example/behind/***"), "{printed}");
    assert!(printed.contains("https://a.example/webhooks/justcall/***"), "{printed}");
    assert!(printed.contains("https://b.example/webhooks/justcall\""), "{printed}");
}

#[test]
fn secrets_are_hidden() {
    let printed = print_config(&loaded("kafka: { properties: { sasl.password: hush, sasl.username: me } }"));
    assert!(!printed.contains("hush"), "{printed}");
    assert!(printed.contains("***") && printed.contains("sasl.username: me"), "{printed}");
}
