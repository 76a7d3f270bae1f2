use super::{Problem, Problems};
use config::Value;

fn line(key: &str, text: &str) -> String {
    let origin = "a file".to_owned();
    Problem::with(key.into(), &Value::new(Some(&origin), text), "is wrong".into()).to_string()
}

#[test]
fn a_problem_is_one_line_with_key_value_origin_and_reason() {
    assert_eq!(line("a.b", "c\nd"), r#"a.b = "c\nd" (a file): is wrong"#);
    assert_eq!(Problem::without_value("a", None, "is wrong").to_string(), "a: is wrong");
    let two = vec![Problem::without_value("a", None, "x"), Problem::without_value("b", None, "y")];
    assert_eq!(Problems(two).to_string(), "a: x\nb: y");
}

#[test]
fn a_long_value_is_cut() {
    assert!(line("a", &"é".repeat(81)).len() < 200);
}

#[test]
fn secrets_are_hidden_and_what_only_sounds_like_one_is_not() {
    for key in [
        "kafka",
        "kafka.properties",
        "kafka.properties.sasl.password",
        "kafka.properties.sasl.passwrod",
        "kafka.properties_files.linger.ms",
        // librdkafka does not accept it, so it may be a secret under a wrong name.
        "kafka.properties.linger.ms",
        "sources",
        "sources.main",
        "sources.main.token_file",
        "sources.main.signature.secrets_file",
        "server.tls.key",
        "telemetry",
        "telemetry.otlp_endpoint",
        "telemetry.otlp_headers",
        "telemetry.otlp_headers.authorization",
        "telemetry.otlp_headers_files.authorization",
    ] {
        assert_eq!(line(key, "hush"), format!("{key} = *** (a file): is wrong"));
    }
    for key in
        ["routes[0].key[0]", "kafka.properties.client.id", "kafka.bootstrap_servers", "telemetry.log_format"]
    {
        assert_eq!(line(key, "open"), format!("{key} = \"open\" (a file): is wrong"));
    }
    let path = line("sources.main.token_file", "/run/secrets/token");
    assert!(path.contains("/run/secrets/token"), "{path}");
}
