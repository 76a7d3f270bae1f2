use super::{errors, good, load, load_from};
use crate::config::{ReferencedFiles, SettingErrors, Settings, SettingsFile, SettingsInput};

/// Settings, key of the error, part of its message.
const BAD: &[(&str, &str, &str)] = &[
    // Unknown keys.
    ("sever: {}", "sever", "did you mean `server`?"),
    ("server: { max_body: 1 KiB }", "server.max_body", "is not a setting; the settings here are `listen`"),
    ("server: { max_body_byte: 1 KiB }", "server.max_body_byte", "did you mean `max_body_bytes`?"),
    ("kafka: { ack_dedline: 1s }", "kafka.ack_dedline", "did you mean `ack_deadline`?"),
    ("sources: { main: { pth: /x } }", "sources.main.pth", "did you mean `path`?"),
    ("sources: { main: { signatur: { secrets: [hush] } } }", "sources.main.signatur", "is not a setting"),
    ("routes: [{ match: '*', topic: t, topics: u }]", "routes[0].topic", "did you mean `topics`?"),
    // Wrong types.
    ("server: 8080", "server", "= 8080"),
    ("server: { listen: 8080 }", "server.listen", "must be an address and a port"),
    ("server: { listen: 'localhost:8080' }", "server.listen", "= \"localhost:8080\""),
    ("server: { listen: [a] }", "server.listen", "must be one value, not a list"),
    ("server: { workers: many }", "server.workers", "must be a whole number from 1 to 512"),
    ("server: { max_body_bytes: 1 KiBi }", "server.max_body_bytes", "must be a size"),
    ("server: { max_body_bytes: -1 }", "server.max_body_bytes", "must be a size"),
    ("server: { max_body_bytes: 99999999999 GiB }", "server.max_body_bytes", "must be a size"),
    ("server: { keep_alive: 75 }", "server.keep_alive", "must be a time with its unit"),
    ("sources: [main]", "sources", "must be a map from names to settings"),
    ("sources: { main: /path }", "sources.main", "must be a map of settings"),
    ("routes: { match: '*' }", "routes", "must be a list"),
    ("routes: ['*']", "routes[0]", "must be a map of settings"),
    ("topics: { create_missing: perhaps }", "topics.create_missing", "must be `true` or `false`"),
    (
        "topics: { config: { retention: { ms: 1 } } }",
        "topics.config",
        "`retention` must be one value, not a map",
    ),
    ("kafka: { properties: [a] }", "kafka.properties", "must be a map from names to values"),
    ("unknown_events: drop", "unknown_events", "must be one of `forward`, `dead_letter`"),
    ("dead_letter: { answer: maybe }", "dead_letter.answer", "must be one of `problem`, `ok`"),
    ("telemetry: { log_format: xml }", "telemetry.log_format", "must be one of `auto`, `text`, `json`"),
    ("telemetry: { log_filter: 'a=loud' }", "telemetry.log_filter", "must be a level"),
    ("telemetry: { log_sample: -1 }", "telemetry.log_sample", "must be a whole number"),
    ("telemetry: { otlp_endpoint: 'collector:4318' }", "telemetry.otlp_endpoint", "base URL"),
    ("telemetry: { otlp_endpoint: 'http://me:pw@c' }", "telemetry.otlp_endpoint", "a user or a password"),
    ("telemetry: { otlp_sample_ratio: 1.5 }", "telemetry.otlp_sample_ratio", "from 0 to 1"),
    ("telemetry: { otlp_timeout: 2m }", "telemetry.otlp_timeout", "must be from 100ms to 1m"),
    (
        "telemetry: { otlp_headers: { 'a b': x } }",
        "telemetry.otlp_headers.a b",
        "not a valid HTTP header name",
    ),
    (
        "telemetry: { otlp_headers: { a: x }, otlp_headers_files: { a: /x } }",
        "telemetry.otlp_headers_files.a",
        "is set under `telemetry.otlp_headers` as well: remove one of them",
    ),
    ("telemetry: { otlp_headers_files: { a: /no/such/file } }", "telemetry.otlp_headers_files.a", "cannot"),
    ("telemetry: { log_filter: '' }", "telemetry.log_filter", "is empty"),
    ("sources: { main: { validation: lax } }", "sources.main.validation", "must be one of `documented`"),
    // Out of range.
    ("server: { workers: 0 }", "server.workers", "must be from 1 to 512"),
    ("server: { max_body_bytes: 1023 }", "server.max_body_bytes", "must be from 1 KiB to 100 MiB"),
    ("kafka: { ack_deadline: 9ms }", "kafka.ack_deadline", "must be from 10ms to 1m"),
    ("kafka: { ack_deadline: 61s }", "kafka.ack_deadline", "must be from 10ms to 1m"),
    ("topics: { partitions: 0 }", "topics.partitions", "must be from 1"),
    ("topics: { replication_factor: 0 }", "topics.replication_factor", "must be from 1"),
    ("deduplication: { capacity: 0 }", "deduplication.capacity", "must be from 1"),
    ("deduplication: { window: 8days }", "deduplication.window", "must be from 0s to 7days"),
    // Paths, names, addresses.
    ("sources: { main: { path: hooks } }", "sources.main.path", "must begin with `/`"),
    ("sources: { main: { path: '/a//b' } }", "sources.main.path", "must not contain `//`"),
    ("sources: { main: { path: '/{id}' } }", "sources.main.path", "must contain only a-z"),
    ("sources: { Main: { path: /a } }", "sources.Main", "a source's name is 1 to 63"),
    ("sources: {}", "sources", "has no source"),
    ("kafka: { bootstrap_servers: '' }", "kafka.bootstrap_servers", "must be `host:port`"),
    ("kafka: { bootstrap_servers: 'a:1,b' }", "kafka.bootstrap_servers", "not `b`"),
    ("kafka: { bootstrap_servers: 'a:0' }", "kafka.bootstrap_servers", "not `a:0`"),
    ("dead_letter: { topic: 'no spaces' }", "dead_letter.topic", "contains ' '"),
    ("topics: { prefix: 'no spaces.' }", "topics.prefix", "contains ' '"),
    // Signatures and tokens.
    ("sources: { main: { signature: { mode: watch } } }", "sources.main.signature.mode", "one of `enforce`"),
    (
        "sources: { main: { signature: { tolerance: 59s } } }",
        "sources.main.signature.tolerance",
        "from 1m to 1day",
    ),
    (
        "sources: { main: { signature: { secrets: 'a,,b' } } }",
        "sources.main.signature.secrets",
        "an empty part",
    ),
    ("sources: { main: { signature: { secrets: [''] } } }", "sources.main.signature.secrets", "is empty"),
    (
        "sources: { main: { signature: { secrets: [a, b, c, d, e, f, g, h, i] } } }",
        "sources.main.signature.secrets",
        "there are 9 secrets; 8 can be valid at once",
    ),
    (
        "sources: { main: { signature: { secrets_file: /no/such/file } } }",
        "sources.main.signature.secrets_file",
        "the file cannot be read: entity not found",
    ),
    (
        "sources: { main: { signature: { required: true } } }",
        "sources.main.signature.required",
        "needs a secret to verify signatures",
    ),
    (
        "sources: { main: { signature: { mode: monitor } } }",
        "sources.main.signature.mode",
        "needs a secret to verify signatures: set `secrets_file`",
    ),
    (
        "sources: { main: { signature: { secrets: [a], urls: [hooks.example.com] } } }",
        "sources.main.signature.urls[0]",
        "must be a whole URL",
    ),
    ("sources: { main: { token: short-4711 } }", "sources.main.token", "16 or more of a-z"),
    ("sources: { main: { token: 'has/a/slash/4711-4711' } }", "sources.main.token", "16 or more of a-z"),
    ("sources: { main: { token_file: /no/such/file } }", "sources.main.token_file", "entity not found"),
    // Contradictions.
    ("admin: { listen: '127.0.0.1:8080' }", "admin.listen", "has the port of `server.listen`"),
    ("server: { max_in_flight: 1 MiB }", "server.max_in_flight", "must be at least 1982464 bytes"),
    (
        "server: { max_body_bytes: 1 MiB }",
        "server.max_body_bytes",
        "does not fit `message.max.bytes`, which is 1000000",
    ),
    ("kafka: { properties: { message.max.bytes: 5000 } }", "server.max_body_bytes", "which is 5000"),
    (
        "kafka: { properties: { message.max.bytes: big } }",
        "kafka.properties.message.max.bytes",
        "librdkafka accepts as a whole",
    ),
    (
        "sources: { a: { path: /x }, b: { path: /x/ } }",
        "sources.b.path",
        "is the path of the source `a` as well",
    ),
    ("dead_letter: { topic: justcall.unknown }", "dead_letter.topic", "dead letters need their own"),
    ("shutdown: { timeout: 1s }", "shutdown.timeout", "must be at least `kafka.ack_deadline`, 2s"),
    (
        "topics: { replication_factor: 1, config: { min.insync.replicas: 2 } }",
        "topics.config.min.insync.replicas",
        "more than `topics.replication_factor`, 1",
    ),
    // Errors of the single parts.
    ("kafka: { properties: { acks: 1 } }", "kafka.properties.acks", "= 1"),
    (
        "kafka: { properties: { compression.type: brotli } }",
        "kafka.properties.compression.type",
        "librdkafka accepts as a whole",
    ),
    (
        "kafka: { properties: { linger.ms: many } }",
        "kafka.properties.linger.ms",
        "that librdkafka accepts as a whole",
    ),
    (
        "kafka: { properties: { security.protocol: TLS } }",
        "kafka.properties.security.protocol",
        "librdkafka accepts as a whole",
    ),
    (
        "kafka: { properties: { socket.keepalive.enable: yes } }",
        "kafka.properties.socket.keepalive.enable",
        "librdkafka accepts as a whole",
    ),
    (
        "kafka: { properties: { security.protocol: SASL_SSL } }",
        "kafka.properties.sasl.mechanism",
        "GSSAPI is not built in",
    ),
    (
        "kafka: { properties: { security.protocol: SASL_SSL, sasl.mechanisms: OAUTHBEARER } }",
        "kafka.properties.sasl.mechanisms",
        "has no source of tokens",
    ),
    (
        "kafka: { properties: { security.protocol: SASL_SSL, sasl.mechanism: PLAIN, sasl.password: p } }",
        "kafka.properties.sasl.username",
        "is not set, and the SASL mechanism needs it",
    ),
    (
        "kafka: { properties: { security.protocol: SSL, ssl.ca.location: /no/such/ca.pem } }",
        "kafka.properties.ssl.ca.location",
        "no Kafka client can be created",
    ),
    (
        "kafka: { properties: { security.protocol: SSL, ssl.keystore.location: /no/such.p12 } }",
        "kafka.properties.ssl.keystore.password",
        "is not set, and `ssl.keystore.location` needs it",
    ),
    ("kafka: { properties: { max.in.flight: 6 } }", "kafka.properties.max.in.flight", "from 1 to 5"),
    ("routes: [{ match: 'call.miss*', topics: t }]", "routes[0].match[0]", "= \"call.miss*\""),
    ("routes: [{ topics: t }]", "routes[0].match", "is empty"),
    ("routes: [{ match: { family: fax }, topics: t }]", "routes[0].match", "a family is one of `call`"),
    ("routes: [{ match: { type: call }, topics: t }]", "routes[0].match", "must be a pattern"),
    ("routes: [{ match: '*' }]", "routes[0].topics", "is empty"),
    ("routes: [{ match: '*', topics: ['a', '{event}'] }]", "routes[0].topics[1]", "= \"{event}\""),
    ("routes: [{ match: '*', topics: a, key: id }]", "routes[0].key[0]", "neither a JSON pointer"),
    (
        "routes: [{ match: '*', topics: a, headers: { ce_id: x } }]",
        "routes[0].headers.ce_id",
        "are reserved for the bridge",
    ),
];

#[test]
fn a_bad_setting_is_named_with_its_value_its_origin_and_the_reason() {
    for (yaml, key, part) in BAD {
        let found = errors(load(yaml));
        assert_eq!(found.0.len(), 1, "{yaml}:\n{found}");
        assert_eq!(found.0[0].key, *key, "{yaml}:\n{found}");
        assert!(found.to_string().contains(part), "{yaml}:\n{found}");
        // A contradiction may come from a default, which has no line.
        let is_said = found.0[0].value.is_some() || found.to_string().contains("is not a setting");
        assert!(!is_said || found.to_string().contains("bridge.yaml:"), "{yaml}:\n{found}");
    }
}

#[test]
fn a_certificate_that_cannot_be_served_is_an_error() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let certificate = file("tls.crt", &made.cert.pem());
    let key = file("tls.key", &made.signing_key.serialize_pem());
    let other = file("other.key", &rcgen::KeyPair::generate().unwrap().serialize_pem());
    let found = |certificate: &str, key: &str| {
        let yaml = format!("server: {{ tls: {{ certificate: {certificate}, key: {key} }} }}");
        errors(load(&yaml)).0.into_iter().map(|error| error.to_string()).collect::<Vec<_>>()
    };
    let one = |certificate: &str, key: &str, at: &str, part: &str| {
        let found = found(certificate, key);
        assert!(found.len() == 1 && found[0].starts_with(at) && found[0].contains(part), "{part}: {found:?}");
    };
    one(&certificate, "null", "server.tls.key", "set both for TLS, or neither for plain HTTP");
    one("null", &key, "server.tls.certificate", "is not set, but `server.tls.key` is");
    one(&certificate, "[x]", "server.tls.key", "must be one value");
    one("/no/such.crt", &key, "server.tls.certificate = ", "cannot be read: entity not found");
    one(&key, &key, "server.tls.certificate = ", "holds no certificate");
    one(&certificate, &certificate, "server.tls.key = ", "holds no private key");
    one(&certificate, &other, "server.tls.key = ", "set two files that were issued together");
    assert_eq!(found("/no/such.crt", "/no/such.key").len(), 2);
    let yaml = format!("server: {{ tls: {{ certificate: {certificate}, key: {key} }} }}");
    assert!(load(&yaml).is_ok());
}

#[test]
fn every_error_is_reported_on_its_own_line() {
    let found = errors(load(
        "server: { listen: here, max_in_flight: 1 MiB }\nkafka: { ack_deadline: 5, properties: { acks: 0 } }\nroutes: [{}]\nnonsense: 1",
    ));
    let keys: Vec<_> = found.0.iter().map(|error| error.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "server.listen",
            "kafka.ack_deadline",
            "nonsense",
            "server.max_in_flight",
            "kafka.properties.acks",
            "routes[0].match",
            "routes[0].topics",
        ]
    );
    assert_eq!(found.to_string().lines().count(), keys.len());
}

#[test]
fn a_setting_that_cannot_be_read_is_not_validated() {
    let found = errors(load(
        "topics: { prefix: '' }\nserver: { max_in_flight: lots }\nsources: { main: { path: x }}",
    ));
    let keys: Vec<_> = found.0.iter().map(|error| error.key.as_str()).collect();
    assert_eq!(keys, ["server.max_in_flight", "sources.main.path", "topics.prefix"]);
}

#[test]
fn two_errors_of_one_source_are_both_reported() {
    let found = errors(load("sources: { A: { path: /x }, B: { path: /x } }"));
    let keys: Vec<_> = found.0.iter().map(|error| error.key.as_str()).collect();
    assert_eq!(keys, ["sources.A", "sources.B", "sources.B.path"]);
}

#[test]
fn an_error_names_its_variable_or_flag() {
    let variable =
        errors(load_from("", &[("JUSTCALL_BRIDGE__KAFKA__ACK_DEADLINE", "soon")], &[])).to_string();
    assert!(
        variable.contains("\"soon\" (environment variable JUSTCALL_BRIDGE__KAFKA__ACK_DEADLINE)"),
        "{variable}"
    );
    let flag = errors(load_from("", &[], &["kafka.ack_deadline=soon"])).to_string();
    assert!(flag.contains("\"soon\" (flag --set kafka.ack_deadline)"), "{flag}");
    let no_value = errors(load_from("", &[], &["server.workers=1", "hush"])).to_string();
    assert_eq!(no_value, "--set (flag 2): must be written `key=value`");
    let unknown =
        errors(load_from("", &[("JUSTCALL_BRIDGE__KAFKA__ACK", "1s"), ("JUSTCALL_BRIDGE__", "x")], &[]));
    assert_eq!(unknown.0.len(), 2, "{unknown}");
}

#[test]
fn a_secret_is_in_no_message() {
    let secret = "hush-hush";
    let cases = [
        format!("kafka: {{ properties: {{ sasl.password: [{secret}] }} }}"),
        format!("kafka: {{ properties: 'sasl.password={secret}' }}"),
        format!("kafka: 'sasl.password={secret}'"),
        format!("kafka: {{ propertis: {{ sasl.password: {secret} }} }}"),
        format!(
            "kafka: {{ properties: {{ transactional.id: x, ssl.key.password: {secret} }}, properties_files: {{ ssl.key.password: /{secret} }} }}"
        ),
        format!("kafka: {{ properties_files: {{ sasl.password: /no/{secret} }} }}"),
        format!("kafka: {{ properties: {{ secret_cb: {secret} }} }}"),
        format!("telemetry: {{ otlp_headers: {{ 'a b': {secret} }} }}"),
        format!("telemetry: {{ otlp_headers: {{ a: [{secret}] }} }}"),
        format!("telemetry: {{ otlp_headers: {secret} }}"),
        format!("telemetry: {{ otlp_endpoint: 'http://me:{secret}@c' }}"),
        format!("sources: {{ main: {{ secret: {secret} }} }}"),
        secret.to_owned(),
        format!("? {{ password: {secret} }}\n: 1"),
        format!("password: {secret}\npassword: {secret}"),
        format!("kafka: {{ properties: {{ sasl.password: {secret}"),
    ];
    for yaml in cases {
        let found = errors(load(&yaml));
        for text in [found.to_string(), format!("{found:?}")] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    let variables = [("JUSTCALL_BRIDGE__KAFKA", "{hush-hush")];
    let found = errors(load_from("", &variables, &["hush-hush"])).to_string();
    assert!(!found.contains(secret), "{found}");
}

#[test]
fn a_file_that_is_missing_or_not_yaml_is_an_error() {
    let missing =
        SettingsInput { file: SettingsFile::At("/no/such/file.yaml".into()), ..SettingsInput::default() };
    let found = errors(Settings::load(&missing)).to_string();
    assert!(found.starts_with("/no/such/file.yaml: cannot be read"), "{found}");
    for (yaml, fault) in [
        ("a: 1\nb: [", "is not valid YAML: "),
        ("a: 1\na: 2", "is not valid YAML: "),
        ("- a\n- b", "is not a map of settings"),
        ("just text", "is not a map of settings"),
    ] {
        let found = errors(load(yaml)).to_string();
        assert!(found.contains(&format!("bridge.yaml: {fault}")), "{found}");
    }
}

#[test]
fn deep_nesting_is_an_error_with_its_line() {
    for opening in ["- ", "? ", "[", "{", "{a: ", "[{a: "] {
        let found = errors(load(&format!("sources:\n  {}", opening.repeat(6000)))).to_string();
        assert!(found.contains("line 2"), "{opening}: {found}");
    }
    let json = format!("routes={}{}", "[".repeat(65), "]".repeat(65));
    let found = errors(load_from("", &[], &[&json])).to_string();
    assert!(found.contains("nested more than 64 levels deep"), "{found}");
    let key = "a.".repeat(6000) + "a=1";
    let found = errors(load_from("", &[], &[&key])).to_string();
    assert!(found.contains("has more than 64 keys"), "{found}");
    let variable = "JUSTCALL_BRIDGE__A".to_owned() + &"__A".repeat(6000);
    let found = errors(load_from("", &[(&variable, "1")], &[])).to_string();
    assert!(found.contains("has more than 64 keys"), "{found}");
}

#[test]
fn number_of_routes_is_limited() {
    let yaml = |count: usize| {
        let route = |index| format!("  - {{ match: call.missed, when: {{ from: '{index}' }}, topics: t }}\n");
        format!("routes:\n{}", (0..count).map(route).collect::<String>())
    };
    good(load(&yaml(2000)));
    let found = errors(load(&yaml(2001))).to_string();
    assert!(found.contains("routes = […]") && found.contains("has 2001 routes; at most 2000"), "{found}");
}

#[test]
fn a_value_that_is_not_finite_is_reported_with_its_key_and_line() {
    for (yaml, key, line) in [
        ("a: 1\nserver:\n  listen: x\n  workers: .inf", "server.workers", 4),
        ("routes:\n  - match: a\n    when: { /x: -.INF }", "routes[0].when./x", 3),
        ("routes: [a,\n  .nan]", "routes[1]", 2),
        ("a: &it .inf\nb: *it", "a", 1),
        (".nan", "", 1),
        ("a: !!float .nan", "a", 1),
    ] {
        let found = errors(load(yaml)).to_string();
        let at = if key.is_empty() { String::new() } else { format!("`{key}` ") };
        assert!(
            found.contains(&format!("bridge.yaml: {at}in line {line} is not a finite number")),
            "{found}"
        );
    }
    let found = errors(load("server: { workers: '.inf' }")).to_string();
    assert!(found.contains("server.workers = "), "{found}");
}

#[test]
fn serve_needs_a_secret_or_a_decision_on_unsigned_events() {
    let served =
        |given: &str| Settings::load_to_serve(&SettingsInput::given(&[&format!("sources.main.{given}")]));
    for said in ["signature.required=false", "signature.secrets=hush"] {
        assert!(served(said).is_ok(), "{said}");
    }
    for unsaid in ["validation=strict", "token=0123456789abcdef"] {
        let errors = served(unsaid).err().unwrap().0;
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].key, "sources.main.signature.required");
        assert!(errors[0].reason.contains("any client that knows `/webhooks/justcall`"), "{}", errors[0]);
    }
    assert!(Settings::load(&SettingsInput::default()).is_ok(), "other commands need no answer to that");
}

#[test]
fn no_error_shows_a_possible_secret() {
    for text in [
        "sources: { main: { signature: hush-4711 } }",
        "sources: { main: { signature: { secrets: { a: hush-4711 } } } }",
        "sources: { main: { signature: { secrets: [[hush-4711]] } } }",
        "sources: { main: { signature: { secret: hush-4711 } } }",
        "sources: { main: { signature: { urls: [hush-4711] } } }",
        "sources: { main: { token: hush-4711 } }",
        "sources: { main: { token: [hush-4711] } }",
        "sources: { main: { tokens: hush-4711 } }",
        "sources: { main: hush-4711 }",
    ] {
        let errors = load(text).err().unwrap_or_else(|| panic!("{text} is taken"));
        assert!(!errors.to_string().contains("4711"), "{text}: {errors}");
    }
}

#[test]
fn a_dead_letter_topic_differs_from_the_other_topics() {
    let found = errors(load("dead_letter: { topic: justcall_unknown }"));
    assert_eq!(found.0[0].key, "dead_letter.topic");
    assert!(found.to_string().contains("differs from `justcall.unknown`"), "{found}");
}

#[test]
fn a_missing_value_is_reported_at_its_own_key() {
    let found = errors(load("routes:\n  - topics: t\n")).to_string();
    assert!(found.contains("routes[0].match (") && found.contains("bridge.yaml:2): is empty"), "{found}");
}

fn load_without_files(yaml: &str) -> Result<Settings, SettingErrors> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), yaml).unwrap();
    let file = SettingsFile::At(file.path().to_owned());
    Settings::load(&SettingsInput {
        file,
        referenced_files: ReferencedFiles::None,
        ..SettingsInput::default()
    })
}

#[test]
fn every_wrong_property_is_reported_at_once_without_reading_files() {
    let yaml = "kafka: { properties: { compression.type: brotli, linger.ms: many, acks: 0, bogus: 1 }, \
                properties_files: { transactional.id: /no/a, sasl.passwrod: /no/b, sasl.password: /no/c } }";
    let mut keys: Vec<_> = errors(load_without_files(yaml)).0.into_iter().map(|error| error.key).collect();
    keys.sort_unstable();
    let expected = [
        "kafka.properties.acks",
        "kafka.properties.bogus",
        "kafka.properties.compression.type",
        "kafka.properties.linger.ms",
        "kafka.properties_files.sasl.passwrod",
        "kafka.properties_files.transactional.id",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn files_that_are_not_read_may_be_missing() {
    for yaml in [
        "kafka: { properties: { security.protocol: SASL_SSL, sasl.mechanism: PLAIN, sasl.username: me, ssl.ca.location: /no }, properties_files: { sasl.password: /no } }",
        "kafka: { properties: { security.protocol: SSL, ssl.keystore.location: /no }, properties_files: { ssl.keystore.password: /no } }",
        "kafka: { properties: { security.protocol: ssl, ssl.certificate.location: /no }, properties_files: { ssl.key.pem: /no } }",
    ] {
        if let Err(errors) = load_without_files(yaml) {
            panic!("{yaml}: {errors}");
        }
    }
}

#[test]
fn variable_that_is_almost_a_setting_is_an_error() {
    for (name, text, reason) in [
        ("JUSTCALL_BRIDGE_SERVER__LISTEN", "x", "two underscores"),
        ("JUSTCALL_BRIDGE_TOKEN", "x", "two underscores"),
    ] {
        let found = errors(load_from("", &[(name, text)], &[])).to_string();
        assert!(found.contains(name) && found.contains(reason), "{found}");
    }
    for name in [
        "JUSTCALL_BRIDGE_SERVICE_HOST",
        "JUSTCALL_BRIDGE_SERVICE_PORT_HTTP",
        "JUSTCALL_BRIDGE_PORT",
        "JUSTCALL_BRIDGE_PORT_8080_TCP_ADDR",
        "JUSTCALL_BRIDGE_ADMIN_SERVICE_HOST",
        "JUSTCALL_BRIDGE_ADMIN_PORT_8081_TCP",
        "JUSTCALL_BRIDGER",
        "JUSTCALL",
    ] {
        assert!(load_from("", &[(name, "tcp://10.0.0.1:8080")], &[]).is_ok(), "{name}");
    }
}

#[test]
fn variable_that_is_not_utf_8_is_an_error() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    let broken = |text: &[u8]| OsString::from_vec([text, b"\xff"].concat());
    let load = |name: OsString, text: OsString| {
        Settings::load(&SettingsInput { environment: vec![(name, text)], ..SettingsInput::default() })
    };
    let text = errors(load("JUSTCALL_BRIDGE__TOPICS__PREFIX".into(), broken(b"a"))).to_string();
    assert!(text.contains("JUSTCALL_BRIDGE__TOPICS__PREFIX: is not UTF-8"), "{text}");
    let name = errors(load(broken(b"JUSTCALL_BRIDGE__TOPICS"), "a".into())).to_string();
    assert!(name.contains("is not UTF-8"), "{name}");
    assert!(load("OTHER".into(), broken(b"a")).is_ok());
}

#[test]
fn secrets_are_not_accepted_from_flags() {
    for (flag, key, file, variable) in [
        (
            "sources.main.token=0123456789abcdef",
            "sources.main.token",
            "sources.main.token_file",
            "SOURCES__MAIN__TOKEN",
        ),
        (
            "sources.a-b.signature.secrets=[\"hush\"]",
            "sources.a-b.signature.secrets",
            "sources.a-b.signature.secrets_file",
            "SOURCES__A_B__SIGNATURE__SECRETS",
        ),
        (
            "sources={\"main\": {\"signature\": {\"secrets\": \"hush\"}}}",
            "sources.main.signature.secrets",
            "sources.main.signature.secrets_file",
            "SOURCES__MAIN__SIGNATURE__SECRETS",
        ),
        (
            "kafka.properties.sasl.password=hush",
            "kafka.properties.sasl.password",
            "kafka.properties_files.sasl.password",
            "KAFKA__PROPERTIES__SASL_PASSWORD",
        ),
        (
            "kafka.properties={\"ssl.key.pem\": \"hush\"}",
            "kafka.properties.ssl.key.pem",
            "kafka.properties_files.ssl.key.pem",
            "KAFKA__PROPERTIES__SSL_KEY_PEM",
        ),
        (
            "telemetry.otlp_headers.api-key=hush",
            "telemetry.otlp_headers.api-key",
            "telemetry.otlp_headers_files.api-key",
            "TELEMETRY__OTLP_HEADERS__API_KEY",
        ),
    ] {
        let found = load_from("", &[], &[flag]).err().unwrap_or_else(|| panic!("{flag} is accepted")).0;
        let error =
            found.iter().find(|error| error.key == key).unwrap_or_else(|| panic!("{flag}: {found:?}"));
        assert_eq!(error.value, None, "{flag}");
        for hint in [format!("`{file}`"), format!("JUSTCALL_BRIDGE__{variable}")] {
            assert!(error.reason.contains(&hint), "{flag}: {}", error.reason);
        }
    }
    for flag in [
        "sources.main.signature.secrets=[]",
        "sources.main.token_file=/no/such/file",
        "kafka.properties.ssl.key.location=/no/such/file",
        "kafka.properties.sasl.username=me",
    ] {
        let found = load_from("", &[], &[flag]).map_or_else(|errors| errors.to_string(), |_| String::new());
        assert!(!found.contains("is a secret"), "{found}");
    }
}

/// Returns the setting that names a file, and the variable.
fn advised(reason: &str) -> (String, Option<String>) {
    let file = reason.split('`').nth(1).unwrap_or_else(|| panic!("{reason}"));
    let variable = reason.split_whitespace().find(|word| word.starts_with("JUSTCALL_BRIDGE__"));
    (file.to_owned(), variable.map(str::to_owned))
}

#[test]
fn advice_for_a_secret_in_a_flag_works() {
    const SECRET: &str = "hush-hush-4711-hush";
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, SECRET.as_bytes()).unwrap();
    let path = file.path().display().to_string();
    let token = |settings: &Settings| settings.ingest.sources[0].takes_token();
    let signs = |settings: &Settings| settings.ingest.sources[0].signature.has_secret();
    let property = |name: &'static str| {
        move |settings: &Settings| {
            settings.kafka.properties.get(name).is_some_and(|value| value.expose() == SECRET)
        }
    };
    let header = |name: &'static str| {
        move |settings: &Settings| {
            settings.telemetry.otlp.headers.get(name).is_some_and(|value| value.expose() == SECRET)
        }
    };
    type IsSet<'a> = Box<dyn Fn(&Settings) -> bool + 'a>;
    let cases: Vec<(String, IsSet<'_>, bool)> = vec![
        (format!("sources.main.token={SECRET}"), Box::new(token), true),
        (format!("sources.main.token.x={SECRET}"), Box::new(token), true),
        (format!("sources={{\"main\": {{\"token\": {{\"{SECRET}\": 1}}}}}}"), Box::new(token), true),
        (format!("sources.a-b.signature.secrets={SECRET}"), Box::new(signs), true),
        (format!("sources.main.signature.secrets.x={SECRET}"), Box::new(signs), true),
        (format!("sources.main.signature.secrets.x.y={SECRET}"), Box::new(signs), true),
        (format!("sources.main={{\"signature\": {{\"secrets\": [\"{SECRET}\"]}}}}"), Box::new(signs), true),
        (format!("kafka.properties.sasl.password={SECRET}"), Box::new(property("sasl.password")), true),
        (
            format!("kafka={{\"properties\": {{\"sasl.password\": {{\"x\": \"{SECRET}\"}}}}}}"),
            Box::new(property("sasl.password")),
            true,
        ),
        (format!("kafka.properties.ssl.key.pem={SECRET}"), Box::new(property("ssl.key.pem")), true),
        (format!("kafka.properties.ssl.key.password={SECRET}"), Box::new(property("ssl.key.password")), true),
        (
            format!("kafka.properties.ssl.keystore.password={SECRET}"),
            Box::new(property("ssl.keystore.password")),
            true,
        ),
        (
            format!("kafka.properties.sasl.oauthbearer.config={SECRET}"),
            Box::new(property("sasl.oauthbearer.config")),
            true,
        ),
        (format!("telemetry.otlp_headers.api-key={SECRET}"), Box::new(header("api-key")), true),
        // The name of a variable can contain neither of these.
        (format!("telemetry.otlp_headers.api.key={SECRET}"), Box::new(header("api.key")), false),
        (format!("telemetry.otlp_headers.X_Key={SECRET}"), Box::new(header("X_Key")), false),
        (format!("telemetry.otlp_headers={{\"a\": {{\"b\": \"{SECRET}\"}}}}"), Box::new(header("a")), true),
    ];
    for (flag, is_set, has_variable) in cases {
        let found = errors(load_from("", &[], &[&flag]));
        let error = found.0.iter().find(|error| error.reason.contains("is a secret"));
        let error = error.unwrap_or_else(|| panic!("{flag}: {found}"));
        assert!(!found.to_string().contains(SECRET), "{flag}: {found}");
        let (setting, variable) = advised(&error.reason);
        let settings = load_from("", &[], &[&format!("{setting}={path}")]);
        assert!(is_set(&settings.unwrap_or_else(|found| panic!("{flag}: {found}"))), "{flag}: {error}");
        assert_eq!(variable.is_some(), has_variable, "{flag}: {error}");
        if let Some(variable) = variable {
            let settings = load_from("", &[(&variable, SECRET)], &[]);
            assert!(is_set(&settings.unwrap_or_else(|found| panic!("{flag}: {found}"))), "{flag}: {error}");
        }
    }
    let whole = errors(load_from("", &[], &[&format!("telemetry.otlp_headers={SECRET}")])).0;
    let (setting, _) = advised(&whole[0].reason);
    let settings = good(load_from("", &[], &[&format!("{setting}={{\"a\": \"{path}\"}}")]));
    assert!(header("a")(&settings), "{whole:?}");
}

#[test]
fn values_that_stop_serve_are_errors_without_reading_files() {
    for (yaml, key) in [
        ("server: { tls: { certificate: /c.pem } }", "server.tls.key"),
        ("server: { tls: { key: /k.pem } }", "server.tls.certificate"),
        ("server: { workers: 513 }", "server.workers"),
        ("spool: { directory: \"a\\0b\" }", "spool.directory"),
        ("routes: [{ match: '*', topics: t, headers: { \"a\\0b\": c } }]", "routes[0].headers.a\0b"),
        ("routes: [{ match: '*', topics: t, headers: { a: \"v\\r\\nb\" } }]", "routes[0].headers.a"),
        ("kafka: { properties: { linger.ms: 5s } }", "kafka.properties.linger.ms"),
        ("telemetry: { otlp_endpoint: \"http://h:1/a b\" }", "telemetry.otlp_endpoint"),
        ("telemetry: { otlp_endpoint: \"http://\u{fc}:1\" }", "telemetry.otlp_endpoint"),
        ("telemetry: { otlp_endpoint: \"http://h/^\" }", "telemetry.otlp_endpoint"),
        (
            "kafka: { properties: { internal.termination.signal: 15 } }",
            "kafka.properties.internal.termination.signal",
        ),
        ("kafka: { properties: { topic.partitioner: consistent } }", "kafka.properties.topic.partitioner"),
        (
            "kafka: { properties: { linger.ms: 1, queue.buffering.max.ms: 2 } }",
            "kafka.properties.queue.buffering.max.ms",
        ),
        (
            "kafka: { properties: { sasl.mechanisms: PLAIN }, properties_files: { sasl.mechanism: /m } }",
            "kafka.properties.sasl.mechanisms",
        ),
        ("topics: { config: { retention.ms: \"1\\0\" } }", "topics.config"),
        ("topics: { config: { \"a\\0\": 1 } }", "topics.config"),
        ("topics: { config: { \"\": 1 } }", "topics.config"),
        ("topics: { config: { a: \"1\\e[2J\" } }", "topics.config"),
        ("sources: { main: { token: \"0123456789abcdef\\n\" } }", "sources.main.token"),
        ("sources: { main: { signature: { secrets: [\"hush\\0\"] } } }", "sources.main.signature.secrets"),
        ("sources: { main: { signature: { secrets: \"a,\\eb\" } } }", "sources.main.signature.secrets"),
        (
            "sources: { main: { signature: { urls: [\"https://a/b\\r\\n\"] } } }",
            "sources.main.signature.urls[0]",
        ),
        ("sources: { main: { token_file: \"/a\\eb\" } }", "sources.main.token_file"),
        ("kafka: { properties: { client.id: \"a\\nb\" } }", "kafka.properties.client.id"),
        ("kafka: { properties: { sasl.password: \"a\\0\" } }", "kafka.properties.sasl.password"),
        ("kafka: { properties: { ssl.ca.pem: \"a\\eb\" } }", "kafka.properties.ssl.ca.pem"),
        ("kafka: { properties_files: { sasl.password: \"/a\\eb\" } }", "kafka.properties_files"),
        ("telemetry: { otlp_headers: { a: \"b\\e\" } }", "telemetry.otlp_headers.a"),
        ("telemetry: { otlp_endpoint: \"http://h/\\e\" }", "telemetry.otlp_endpoint"),
        ("telemetry: { log_filter: \"info\\e\" }", "telemetry.log_filter"),
        (
            "kafka: { properties: { security.protocol: ssl, ssl.keystore.location: /k.p12 } }",
            "kafka.properties.ssl.keystore.password",
        ),
    ] {
        let found = load_without_files(yaml).err().unwrap_or_else(|| panic!("{yaml} is accepted")).0;
        assert!(found.iter().any(|error| error.key == key), "{yaml}: {found:?}");
    }
    let key = serde_json::json!(rcgen::KeyPair::generate().unwrap().serialize_pem()).to_string();
    for yaml in [
        "kafka: { properties: { security.protocol: ssl, ssl.certificate.location: /c.pem, ssl.key.pem: KEY } }",
        "kafka: { properties: { security.protocol: ssl, ssl.key.pem: KEY }, properties_files: { ssl.certificate.pem: /c.pem } }",
        "kafka: { properties: { security.protocol: sasl_ssl, sasl.username: me, sasl.password: hush }, properties_files: { sasl.mechanism: /m } }",
    ] {
        good(load_without_files(&yaml.replace("KEY", &key)));
    }
}

#[test]
fn all_wrong_properties_are_reported_at_once() {
    let yaml = "kafka: { properties: { security.protocol: ssl, linger.ms: -1, ssl.cipher.suites: foo, ssl.curves.list: foo } }";
    let found: Vec<_> = errors(load(yaml)).0.into_iter().map(|error| error.key).collect();
    for name in ["linger.ms", "ssl.cipher.suites", "ssl.curves.list"] {
        assert!(found.contains(&format!("kafka.properties.{name}")), "{name}: {found:?}");
    }
}

#[test]
fn a_value_with_keys_under_it_is_an_error() {
    let found = errors(load_from("", &[], &["server=5", "server.workers=2"])).to_string();
    assert!(found.contains("server = 5 (flag --set server): is one value"), "{found}");
}

#[test]
fn a_name_that_is_a_value_and_a_section_is_an_error_with_both_origins() {
    const WORKERS: &str = "JUSTCALL_BRIDGE__SERVER__WORKERS";
    const BELOW: &str = "JUSTCALL_BRIDGE__SERVER__WORKERS__X";
    for (yaml, environment, flags, key, places) in [
        (
            "",
            &[][..],
            &["server.workers.x=1", "server.workers=2"][..],
            "server.workers",
            ["flag --set server.workers.x", "(flag --set server.workers)"],
        ),
        (
            "",
            &[],
            &["server.workers=2", "server.workers.x=1"],
            "server.workers",
            ["flag --set server.workers.x", "(flag --set server.workers)"],
        ),
        (
            "",
            &[],
            &["server.workers=2", "server=5"],
            "server",
            ["--set server.workers", "(flag --set server)"],
        ),
        (
            "",
            &[(BELOW, "1")],
            &["server.workers=2"],
            "server.workers",
            [BELOW, "(flag --set server.workers)"],
        ),
        (
            "",
            &[(WORKERS, "2")],
            &["server.workers.x=1"],
            "server.workers",
            ["--set server.workers.x", WORKERS],
        ),
        ("", &[(WORKERS, "2"), (BELOW, "1")], &[], "server.workers", [BELOW, "(environment variable JUST"]),
        ("server: { workers: 2 }", &[], &["server=5"], "server", ["bridge.yaml:1", "(flag --set server)"]),
        ("server: 5", &[(WORKERS, "2")], &[], "server", ["bridge.yaml:1", WORKERS]),
        (
            "kafka: { properties: { linger.ms: 1 } }",
            &[],
            &["kafka.properties=x"],
            "kafka.properties",
            ["bridge.yaml:1", "(flag --set kafka.properties)"],
        ),
    ] {
        let found = errors(load_from(yaml, environment, flags));
        let [error] = &found.0[..] else { panic!("{yaml} {environment:?} {flags:?}: {found}") };
        assert_eq!(error.key, key, "{yaml} {environment:?} {flags:?}: {found}");
        for place in places {
            assert!(found.to_string().contains(place), "{place} in {found}");
        }
    }
}

#[test]
fn two_variables_of_one_setting_are_an_error_with_both_names() {
    for (one, other) in [
        ("JUSTCALL_BRIDGE__SERVER__WORKERS", "JUSTCALL_BRIDGE__SERVER__workers"),
        ("JUSTCALL_BRIDGE__SOURCES__A-B__PATH", "JUSTCALL_BRIDGE__SOURCES__A_B__PATH"),
        ("JUSTCALL_BRIDGE__KAFKA__PROPERTIES__CLIENT.ID", "JUSTCALL_BRIDGE__KAFKA__PROPERTIES__CLIENT__ID"),
    ] {
        let text = if one.contains("PATH") { "/x" } else { "2" };
        let found = errors(load_from("", &[(other, text), (one, text)], &[]));
        assert_eq!(found.0.len(), 1, "{found}");
        assert!([one, other].iter().all(|name| found.to_string().contains(name)), "{found}");
        assert!(load_from("", &[(one, text)], &[]).is_ok() && load_from("", &[(other, text)], &[]).is_ok());
    }
}

#[test]
fn two_keys_of_one_name_are_an_error_with_both_lines() {
    for (yaml, name, lines) in [
        ("server:\n  workers: 1\n  listen: x\n  workers: 2\n", "server.workers", [2, 4]),
        ("sources:\n  7: { path: /a }\n  0x7: { path: /b }\n", "sources.0x7", [2, 3]),
        ("sources:\n  7: { path: /a }\n\n  '7': { path: /b }\n", "sources.7", [2, 4]),
        ("sources:\n  '7': { path: /a }\n  0x7: { path: /b }\n", "sources.0x7", [2, 3]),
        ("sources:\n  007: { path: /a }\n  '007': { path: /b }\n", "sources.007", [2, 3]),
        ("topics:\n  config:\n    True: 1\n    'True': 2\n", "topics.config.True", [3, 4]),
        ("topics:\n  config:\n    1.0: 1\n    \"1.0\": 2\n", "topics.config.1.0", [3, 4]),
        ("topics:\n  config:\n    7: 1\n    !!str 7: 2\n", "topics.config.7", [3, 4]),
        ("routes:\n  - match: a\n  - match: b\n    match: c\n", "routes[1].match", [3, 4]),
    ] {
        let found = errors(load(yaml));
        let [error] = &found.0[..] else { panic!("{yaml}: {found}") };
        let expected = format!("sets `{name}` twice, in line {} and in line {}", lines[0], lines[1]);
        assert!(error.key.ends_with("bridge.yaml"), "{yaml}: {found}");
        assert!(error.reason.contains(&expected), "{yaml}: {found}");
    }
    let found = errors(load("server:\n  workers: 1\n  workers: 2\nserver:\n  listen: x\n"));
    assert_eq!(found.0.len(), 2, "{found}");
    let found = errors(load_from("", &[], &["topics.config={\"7\": 1, \"7\": 2, \"b\": 3}"])).to_string();
    assert!(found.contains("topics.config (flag --set topics.config): sets `7` twice"), "{found}");
}
