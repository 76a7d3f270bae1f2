use crate::config::{AccessExtent, ReferencedFiles, Settings, SettingsFile, SettingsInput};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const SECURE: &str = r#"
server: { listen: "127.0.0.1:8080" }
admin: { listen: "127.0.0.1:8081" }
sources: { main: { signature: { secrets: [hush], urls: ["https://hooks.example.com/webhooks/justcall"] } } }
kafka: { bootstrap_servers: "localhost:9092,127.0.0.1:9093,[::1]:9094" }
"#;

fn security_warnings(given: &[&str]) -> Vec<String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), SECURE).unwrap();
    warnings_for_file(file.path(), given)
}

fn warnings_for_file(file: &Path, given: &[&str]) -> Vec<String> {
    let sources = SettingsInput { file: SettingsFile::At(file.into()), ..SettingsInput::given(given) };
    let settings = Settings::load_to_serve(&sources).unwrap_or_else(|errors| panic!("{errors}"));
    settings
        .security_warnings(sources.file(), AccessExtent::Owners)
        .into_iter()
        .map(|warning| warning.key)
        .collect()
}

#[test]
fn each_warning_names_the_setting_that_removes_the_risk() {
    assert_eq!(security_warnings(&[]), [""; 0]);
    for (flags, warnings) in [
        (&["sources.main.signature.required=false"][..], &["sources.main.signature.required"][..]),
        (
            &["sources.main.signature.required=false", "sources.main.token=0123456789abcdef"],
            &["sources.main.signature.required"],
        ),
        (&["sources.main.signature.mode=monitor"], &["sources.main.signature.mode"]),
        (&["sources.main.signature.urls=[]"], &["sources.main.signature.urls"]),
        (&["sources.main.signature.tolerance=9m"], &["sources.main.signature.tolerance"]),
        (
            &["sources.main.signature.tolerance=61m"],
            &["sources.main.signature.tolerance", "deduplication.window"],
        ),
        (&["sources.main.signature.tolerance=60m"], &[]),
        (&["deduplication.window=29m"], &["deduplication.window"]),
        (&["server.listen=0.0.0.0:8080"], &["server.tls"]),
        (&["server.listen=10.1.2.3:8080"], &["server.tls"]),
        (&["admin.listen=0.0.0.0:8081"], &["admin.listen"]),
        (&["kafka.bootstrap_servers=localhost:9092,kafka:9092"], &["kafka.properties.security.protocol"]),
        (
            &[
                "kafka.bootstrap_servers=kafka:9092",
                "kafka.properties.security.protocol=SASL_SSL",
                "kafka.properties.sasl.mechanism=PLAIN",
                "kafka.properties.sasl.username=me",
                "kafka.properties.sasl.password=hush",
            ],
            &[],
        ),
        (
            &[
                "kafka.properties.security.protocol=SASL_PLAINTEXT",
                "kafka.properties.sasl.mechanism=PLAIN",
                "kafka.properties.sasl.username=me",
                "kafka.properties.sasl.password=hush",
            ],
            &["kafka.properties.sasl.mechanism"],
        ),
        (
            &[
                "kafka.properties.security.protocol=ssl",
                "kafka.properties.enable.ssl.certificate.verification=False",
            ],
            &["kafka.properties.enable.ssl.certificate.verification"],
        ),
        (
            &[
                "kafka.properties.security.protocol=ssl",
                "kafka.properties.enable.ssl.certificate.verification=0",
            ],
            &["kafka.properties.enable.ssl.certificate.verification"],
        ),
        (
            &[
                "kafka.properties.security.protocol=ssl",
                "kafka.properties.enable.ssl.certificate.verification=F",
            ],
            &["kafka.properties.enable.ssl.certificate.verification"],
        ),
        (
            &[
                "telemetry.otlp_endpoint=http://collector:4318",
                "telemetry.otlp_headers.authorization=Bearer-0123",
            ],
            &["telemetry.otlp_endpoint"],
        ),
        (
            &[
                "telemetry.otlp_endpoint=HttP://collector:4318",
                "telemetry.otlp_headers.authorization=Bearer-0123",
            ],
            &["telemetry.otlp_endpoint"],
        ),
        (&["telemetry.otlp_endpoint=http://collector:4318"], &[]),
        (
            &[
                "telemetry.otlp_endpoint=https://collector:4318",
                "telemetry.otlp_headers.authorization=Bearer-0123",
            ],
            &[],
        ),
        (
            &[
                "kafka.properties.security.protocol=ssl",
                "kafka.properties.ssl.endpoint.identification.algorithm=none",
            ],
            &["kafka.properties.ssl.endpoint.identification.algorithm"],
        ),
    ] {
        assert_eq!(security_warnings(flags), warnings, "{flags:?}");
    }
}

#[test]
fn secret_files_that_others_can_read_or_write_are_warned_of() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "0123456789abcdef").unwrap();
    let path = file.path().display();
    let flags = [
        format!("sources.main.signature.secrets_file={path}"),
        format!("sources.main.token_file={path}"),
        format!("kafka.properties_files.sasl.password={path}"),
        format!("telemetry.otlp_headers_files.authorization={path}"),
    ];
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    let all = [
        "sources.main.signature.secrets_file",
        "sources.main.token_file",
        "kafka.properties_files.sasl.password",
        "telemetry.otlp_headers_files.authorization",
    ];
    for (mode, expected) in [(0o640, &[][..]), (0o644, &all), (0o660, &all), (0o602, &all)] {
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(security_warnings(&flags), expected, "{mode:o}");
    }
}

#[test]
fn key_files_of_librdkafka_and_authorities_are_warned_of() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().display();
    for names in [&["ssl.keystore.location"][..], &["ssl.key.location", "ssl.certificate.location"]] {
        let mut flags = vec!["kafka.properties.ssl.keystore.password=hush".to_owned()];
        let located = names.iter().chain(&["ssl.ca.location"]);
        flags.extend(located.map(|name| format!("kafka.properties.{name}={path}")));
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        // The files have no keys that a client could use.
        let input = SettingsInput { referenced_files: ReferencedFiles::None, ..SettingsInput::given(&flags) };
        let settings = Settings::load(&input).unwrap_or_else(|errors| panic!("{errors}"));
        let secret = format!("kafka.properties.{}", names[0]);
        let public =
            names[1..].iter().chain(&["ssl.ca.location"]).map(|name| format!("kafka.properties.{name}"));
        let all: Vec<_> = [secret.clone()].into_iter().chain(public).collect();
        for (mode, expected) in [(0o640, vec![]), (0o644, vec![secret]), (0o660, all.clone()), (0o602, all)] {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            let warnings = settings.security_warnings(None, AccessExtent::Owners).into_iter();
            let keys = warnings.map(|warning| warning.key).filter(|key| key.ends_with(".location"));
            let mut keys: Vec<_> = keys.collect();
            keys.sort_unstable();
            let mut expected = expected;
            expected.sort_unstable();
            assert_eq!(keys, expected, "{mode:o}");
        }
    }
}

#[test]
fn secret_that_every_user_can_read_is_reported_beside_a_folder_that_every_user_can_write_to() {
    let folder = tempfile::tempdir().unwrap();
    let set_mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let file = folder.path().join("bridge.yaml");
    std::fs::write(&file, SECURE).unwrap();
    set_mode(&file, 0o644);
    set_mode(folder.path(), 0o777);
    let expected = [file.display().to_string(), "sources.main.signature.secrets".to_owned()];
    assert_eq!(warnings_for_file(&file, &[]), expected);
}

#[test]
fn a_readable_settings_file_with_a_secret_is_warned_of() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let elsewhere = SECURE.replace("secrets: [hush]", "secrets: []");
    let by_environment = ["sources.main.signature.secrets=hush"];
    let key = file.path().display().to_string();
    let secret = "sources.main.signature.secrets";
    for (text, given, mode, expected) in [
        (SECURE, &[][..], 0o600, None),
        (SECURE, &[], 0o640, None),
        (SECURE, &[], 0o644, Some(secret)),
        (SECURE, &[], 0o604, Some(secret)),
        (SECURE, &[], 0o646, Some(&*key)),
        (&elsewhere, &by_environment, 0o644, None),
        (&elsewhere, &by_environment, 0o660, Some(&*key)),
        (&elsewhere, &by_environment, 0o602, Some(&*key)),
    ] {
        std::fs::write(file.path(), text).unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(warnings_for_file(file.path(), given), Vec::from_iter(expected), "{mode:o} {text}");
    }
}
