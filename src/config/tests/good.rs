use super::{good, load, load_from};
use crate::config::yaml::parse;
use crate::config::{ReferencedFiles, Settings, SettingsFile, SettingsInput, print_config};
use crate::routing::{HeaderValue, Match, Operator, Predicate};
use crate::secret::Secret;
use config::{Value, ValueKind};
use justcall_events::Family;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

const BRIDGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/bridge.yaml");

#[test]
fn empty_settings_are_the_defaults() {
    assert!(good(Settings::load(&SettingsInput::default())) == Settings::default());
    for text in ["", "# comment", "---\n# comment\n", "~"] {
        assert!(good(load(text)) == Settings::default(), "{text}");
    }
    assert!(good(load("server:\nroutes:\nkafka: { properties: }")) == Settings::default());
}

#[test]
fn the_shipped_file_has_the_defaults() {
    let sources = SettingsInput { file: SettingsFile::At(BRIDGE.into()), ..SettingsInput::default() };
    assert!(good(Settings::load(&sources)) == Settings::default());
    let usual = SettingsInput {
        file: SettingsFile::Usual,
        flags: vec!["server.workers=9".into()],
        ..SettingsInput::default()
    };
    assert_eq!(good(Settings::load(&usual)).server.workers, Some(9));
}

fn keys(yaml: &str) -> BTreeSet<String> {
    fn walk(at: &str, value: &Value, keys: &mut BTreeSet<String>) {
        if let ValueKind::Table(table) = &value.kind {
            for (key, value) in table {
                let at = format!("{at}.{key}");
                walk(&at, value, keys);
                keys.insert(at);
            }
        }
    }
    let mut all = BTreeSet::new();
    walk("", &parse(yaml, |_| String::new()).unwrap(), &mut all);
    all
}

#[test]
fn the_shipped_file_names_every_key() {
    let shipped = std::fs::read_to_string(BRIDGE).unwrap();
    assert_eq!(keys(&shipped), keys(&print_config(&Settings::default())));
}

#[test]
fn every_example_loads() {
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "a-password").unwrap();
    let mut count = 0;
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/examples")).unwrap() {
        let path = entry.unwrap().path();
        // The example's own paths are not on this machine.
        let flag = format!("kafka.properties_files.sasl.password={}", password.path().display());
        let loaded = Settings::load(&SettingsInput {
            file: SettingsFile::At(path),
            flags: vec![flag, "kafka.properties.ssl.ca.location=probe".into()],
            ..SettingsInput::default()
        });
        assert!(good(loaded) != Settings::default());
        count += 1;
    }
    assert!(count >= 4);
}

#[test]
fn a_later_layer_overrides_key_by_key() {
    let yaml = "kafka: { ack_deadline: 3s, bootstrap_servers: 'file:1' }\nserver: { workers: 2 }";
    let environment = [
        ("JUSTCALL_BRIDGE__KAFKA__ACK_DEADLINE", "4s"),
        ("JUSTCALL_BRIDGE__SERVER__WORKERS", "3"),
        ("PATH", "/bin"),
    ];
    let settings = good(load_from(yaml, &environment, &["server.workers=4", "server.workers=5"]));
    assert_eq!(settings.kafka.bootstrap_servers, "file:1");
    assert_eq!(settings.delivery.ack_deadline, Duration::from_secs(4));
    assert_eq!(settings.server.workers, Some(5));
}

#[test]
fn variables_and_flags_reach_names_with_dots_and_dashes() {
    let environment = [
        ("JUSTCALL_BRIDGE__KAFKA__PROPERTIES__SASL_PASSWORD", "{not, json"),
        ("JUSTCALL_BRIDGE__TOPICS__CONFIG__RETENTION_MS", "1000"),
        ("JUSTCALL_BRIDGE__SOURCES__EU_WEST__PATH", "/eu/"),
        ("JUSTCALL_BRIDGE__ROUTES", r#"[{"match": ["call.*", {"family": "sms"}], "topics": "a, b"}]"#),
        ("JUSTCALL_BRIDGE_SERVICE_HOST", "10.0.0.1"),
    ];
    let flags = [
        "kafka.properties.linger.ms=0.5",
        "sources.eu-west.validation=strict",
        "topics.config.cleanup.policy=compact",
    ];
    let settings =
        good(load_from("kafka: { properties: { sasl.username: Me, linger.ms: 1 } }", &environment, &flags));
    let property = |name| settings.kafka.properties.get(name).map(Secret::expose);
    assert_eq!(property("sasl.password"), Some("{not, json"));
    assert_eq!(property("sasl.username"), Some("Me"));
    assert_eq!(property("linger.ms"), Some("0.5"));
    assert_eq!(settings.kafka.topics.config["retention.ms"], "1000");
    assert_eq!(settings.kafka.topics.config["cleanup.policy"], "compact");
    assert_eq!(settings.ingest.sources.len(), 1);
    assert_eq!(settings.ingest.sources[0].name, "eu-west");
    assert_eq!(settings.ingest.sources[0].path, "/eu");
    assert_eq!(
        settings.routing.routes[0].matches,
        [Match::Pattern("call.*".into()), Match::Family(Family::Sms)]
    );
    assert_eq!(settings.routing.routes[0].topics, ["a", "b"]);
}

#[test]
fn properties_come_from_files_too_without_the_line_end() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), " hush \r\n").unwrap();
    let settings = good(load(&format!(
        "kafka: {{ properties_files: {{ sasl.password: '{}' }} }}",
        file.path().display()
    )));
    assert_eq!(settings.kafka.properties["sasl.password"].expose(), " hush ");
    let printed = print_config(&settings);
    assert!(!printed.contains("hush"), "{printed}");
    assert!(good(load(&printed)) == settings);
}

#[test]
fn headers_for_the_collector_are_secrets_and_reached_from_everywhere() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "Bearer hush\n").unwrap();
    let environment = [("JUSTCALL_BRIDGE__TELEMETRY__OTLP_HEADERS__API_KEY", "hush-too")];
    let flag = format!("telemetry.otlp_headers_files.authorization={}", file.path().display());
    let settings =
        good(load_from("telemetry: { otlp_headers: { tenant: 'hush 3' } }", &environment, &[&flag]));
    let headers = settings.telemetry.otlp.headers.iter();
    let headers: Vec<_> = headers.map(|(name, value)| (name.as_str(), value.expose())).collect();
    assert_eq!(headers, [("api-key", "hush-too"), ("authorization", "Bearer hush"), ("tenant", "hush 3")]);
    let printed = print_config(&settings);
    assert!(!printed.contains("hush") && printed.contains("tenant"), "{printed}");
}

#[test]
fn the_dead_letter_topic_follows_the_prefix_unless_it_is_set() {
    assert_eq!(good(load("topics: { prefix: j. }")).ingest.dead_letter.topic, "j.dead-letter");
    let set = good(load("topics: { prefix: j. }\ndead_letter: { topic: lost }"));
    assert_eq!(set.ingest.dead_letter.topic, "lost");
}

#[test]
fn settings_at_their_limits_are_accepted() {
    for yaml in [
        "admin: { listen: '0.0.0.0:0' }\nserver: { listen: '0.0.0.0:0' }",
        "server: { listen: '127.0.0.1:9' }\nadmin: { listen: '127.0.0.2:9' }",
        "server: { max_body_bytes: 983616 }",
        "server: { max_body_bytes: 1 MiB }\nkafka: { properties: { message.max.bytes: 1064960 } }",
        "server: { max_in_flight: 1982464 }",
        "shutdown: { delay: 0s, timeout: 2s }",
        "deduplication: { window: 0s, capacity: 1 }",
        "sources: { main: { path: / } }",
        "kafka: { bootstrap_servers: ['[::1]:9092', 'b:1'] }",
    ] {
        good(load(yaml));
    }
}

#[test]
fn secrets_and_tokens_in_the_environment_are_unchanged() {
    let variables = [
        ("JUSTCALL_BRIDGE__SOURCES__MAIN__SIGNATURE__SECRETS", "0083, 1e400"),
        ("JUSTCALL_BRIDGE__SOURCES__MAIN__SIGNATURE__URLS", "https://a.example/x,https://b.example/y"),
        ("JUSTCALL_BRIDGE__SOURCES__MAIN__TOKEN", "01234567890123456789"),
    ];
    let environment = variables.map(|(name, value)| (name.into(), value.into())).into();
    let settings = good(Settings::load_to_serve(&SettingsInput { environment, ..SettingsInput::default() }));
    let source = &settings.ingest.sources[0];
    assert_eq!(source.signature.secrets, ["0083", "1e400"].map(Secret::from));
    assert_eq!(source.signature.urls, ["https://a.example/x", "https://b.example/y"]);
    assert!(source.signature.is_required());
    assert_eq!(source.token, Some("01234567890123456789".into()));
}

#[test]
fn without_reading_files_every_other_error_is_reported() {
    let on_paper = |flags: &[&str]| {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        Settings::load(&SettingsInput {
            flags,
            referenced_files: ReferencedFiles::None,
            ..SettingsInput::default()
        })
    };
    let files = [
        "sources.main.signature.secrets_file=/no/such/file",
        "sources.main.token_file=/no/such/file",
        "kafka.properties_files={\"sasl.password\": \"/no/such/file\"}",
        "server.tls.certificate=/no/such/file",
        "server.tls.key=/no/such/file",
    ];
    let settings = good(on_paper(&files));
    assert!(settings.ingest.sources[0].signature.is_required(), "there is a secret, wherever it is");
    assert!(settings.ingest.sources[0].takes_token());
    for wrong in ["sources.main.token=short", "topics.prefix=", "server.listen=nowhere"] {
        assert!(on_paper(&[&files[..], &[wrong]].concat()).is_err(), "{wrong}");
    }
}

/// YAML takes a `+` and zeros away.
#[test]
fn numbers_in_routes_are_the_text_that_is_written() {
    let written = "[{ match: '*', when: { /data/a: +4930, /data/b: { prefix: [0049, 1.50] } }, topics: t, headers: { v: 1.0, n: &zip 0815, z: *zip } }]";
    let in_template = format!("route_templates: {{ t: {} }}", &written[1..written.len() - 1]);
    let by_flag = format!("routes={written}");
    let settings = [
        good(load(&format!("routes: {written}"))),
        good(load_from("", &[], &[&by_flag])),
        good(load(&in_template)),
    ];
    let texts = |test: Option<&Predicate>| match test.map(|test| &test.operator) {
        Some(Operator::OneOf(texts) | Operator::Prefix(texts)) => texts.clone(),
        other => panic!("{other:?}"),
    };
    for settings in settings {
        let template = settings.routing.templates.first().map(|template| &template.route);
        let route = settings.routing.routes.first().or(template).unwrap();
        assert_eq!(texts(route.when.get("/data/a")), ["+4930"]);
        assert_eq!(texts(route.when.get("/data/b")), ["0049", "1.50"]);
        let header = |name: &str| route.headers.get(name).cloned();
        assert_eq!(header("v"), Some(HeaderValue::Text("1.0".into())));
        assert_eq!(header("n"), Some(HeaderValue::Text("0815".into())));
        assert_eq!(header("z"), header("n"));
    }
}

#[test]
fn text_that_begins_like_json_is_text_where_text_is_wanted() {
    let flags = [
        "server.listen=[::1]:8080",
        "kafka.bootstrap_servers=[::1]:9092",
        "sources.main.signature.secrets=[abcdefgh]",
        "sources.b-1.path=/b",
        "sources.b-1.signature.secrets={\"0123456789abcdef",
        "telemetry.otlp_headers.authorization=[x]",
        "kafka.properties.client.id=[a]",
    ];
    let settings = good(Settings::load(&SettingsInput::given(&flags)));
    assert_eq!(settings.server.listen.to_string(), "[::1]:8080");
    assert_eq!(settings.kafka.bootstrap_servers, "[::1]:9092");
    let secret = |name: &str| {
        let source = settings.ingest.sources.iter().find(|source| source.name == name).unwrap();
        source.signature.secrets[0].expose().to_owned()
    };
    assert_eq!(secret("main"), "[abcdefgh]");
    assert_eq!(secret("b-1"), "{\"0123456789abcdef");
    assert_eq!(settings.telemetry.otlp.headers["authorization"].expose(), "[x]");
    assert_eq!(settings.kafka.properties["client.id"].expose(), "[a]");
    let listed =
        good(load_from("", &[("JUSTCALL_BRIDGE__KAFKA__BOOTSTRAP_SERVERS", r#"["a:1","b:2"]"#)], &[]));
    assert_eq!(listed.kafka.bootstrap_servers, "a:1,b:2");
}

#[test]
fn numbers_and_words_that_are_names_stay_as_they_are_written() {
    let yaml = "kafka: { properties: { sasl.username: 0123, client.id: 1e3, client.rack: True, sasl.password: 0083 } }\n\
                topics: { prefix: 10., config: { a: 0x10 } }\n\
                sources: { main: { token: 0123456789012345678901234567890, signature: { secrets: [0083] } } }\n\
                telemetry: { otlp_headers: { a: +1 } }\nserver: { workers: 0x10 }";
    let settings = good(load(yaml));
    let property = |name: &str| settings.kafka.properties[name].expose();
    assert_eq!(property("sasl.username"), "0123");
    assert_eq!(property("client.id"), "1e3");
    assert_eq!(property("client.rack"), "True");
    assert_eq!(property("sasl.password"), "0083");
    assert_eq!(settings.routing.prefix, "10.");
    assert_eq!(settings.kafka.topics.config["a"], "0x10");
    let token = settings.ingest.sources[0].token.as_ref().unwrap();
    assert_eq!(token.expose(), "0123456789012345678901234567890");
    assert_eq!(settings.ingest.sources[0].signature.secrets[0].expose(), "0083");
    assert_eq!(settings.telemetry.otlp.headers["a"].expose(), "+1");
    assert_eq!(settings.server.workers, Some(16));
}

#[test]
fn surrogate_pairs_in_json_are_one_character() {
    let routes =
        r#"[{"match": "*", "topics": "t", "headers": {"\ud83d\uDE00": "a\\ud83d\\ude00\"\ud83d\ude00"}}]"#;
    let file = format!("{{ \"routes\": {routes} }}");
    for settings in [
        load_from("", &[], &[&format!("routes={routes}")]),
        load_from("", &[("JUSTCALL_BRIDGE__ROUTES", routes)], &[]),
        load(&file),
    ] {
        let route = &good(settings).routing.routes[0];
        let expected = HeaderValue::Text("a\\ud83d\\ude00\"\u{1f600}".into());
        assert_eq!(route.headers.get("\u{1f600}"), Some(&expected), "{:?}", route.headers);
    }
    let lone = routes.replace(r"\uDE00", "");
    assert!(load_from("", &[], &[&format!("routes={lone}")]).is_err());
}

#[test]
fn byte_order_mark_is_skipped() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "\u{feff}hush\n").unwrap();
    let flag = format!("kafka.properties_files.sasl.password={}", file.path().display());
    let settings = good(load_from("\u{feff}topics: { prefix: j. }", &[], &[&flag]));
    assert_eq!(settings.routing.prefix, "j.");
    assert_eq!(settings.kafka.properties["sasl.password"].expose(), "hush");
}

#[test]
fn keys_that_look_like_numbers_stay_as_they_are_written() {
    let settings = good(load(
        "sources: { 007: { path: /x, token: 00000000000000001234 } }\ntopics: { config: { 010: 0x1F, True: 007 } }",
    ));
    let [source] = &settings.ingest.sources[..] else { panic!("one source") };
    assert_eq!((&*source.name, source.token.as_ref().unwrap().expose()), ("007", "00000000000000001234"));
    let config: Vec<_> = settings.kafka.topics.config.iter().map(|(key, value)| (&**key, &**value)).collect();
    assert_eq!(config, [("010", "0x1F"), ("True", "007")]);
}

#[test]
fn match_may_be_overridden_in_its_other_form() {
    let with = |form: &str| {
        format!("route_templates: {{ t: {{ match: {form}, topics: t, when: {{ direction: a }} }} }}")
    };
    let variable = "JUSTCALL_BRIDGE__ROUTE_TEMPLATES__T__MATCH";
    let matches = |yaml: &str, text: &str| {
        let settings = good(load_from(yaml, &[(variable, text)], &[]));
        settings.routing.templates[0].route.matches.clone()
    };
    let family = matches(&with("call.*"), "{\"family\": \"call\"}");
    assert_eq!(family, [Match::Family(Family::Call)]);
    assert_eq!(matches(&with("{ family: call }"), "call.*"), [Match::Pattern("call.*".into())]);
    let flag = "route_templates.t.when={\"direction\": {\"prefix\": \"b\"}}";
    let settings = good(load_from(&with("a"), &[], &[flag]));
    let when = &settings.routing.templates[0].route.when;
    assert_eq!(when["direction"].operator, Operator::Prefix(vec!["b".into()]));
}

#[test]
fn keys_that_look_alike_keep_their_own_values() {
    let yaml =
        "sources:\n  \"007\": { path: /a }\n  0x7: { path: /b }\n  '0x8': { path: /c }\n  8: { path: /d }\n";
    // Maps have a new order each time.
    for _ in 0..20 {
        let settings = good(load(yaml));
        let paths: Vec<_> =
            settings.ingest.sources.iter().map(|source| (&*source.name, &*source.path)).collect();
        assert_eq!(paths, [("007", "/a"), ("0x7", "/b"), ("0x8", "/c"), ("8", "/d")]);
    }
}
