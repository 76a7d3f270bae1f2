//! Errors in the settings. Their texts never contain a secret.

use crate::kafka::properties::{accepts, is_known, is_secret};
use config::{Value, ValueKind};
use std::fmt;

/// Error in one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// Such as `kafka.ack_deadline`.
    pub key: String,
    /// As far as it may be shown.
    pub value: Option<String>,
    /// A line of the file, an environment variable or a flag.
    pub origin: Option<String>,
    /// Fault and its repair.
    pub reason: String,
}

impl SettingError {
    pub(super) fn with(key: String, value: &Value, reason: String) -> Self {
        let is_shown =
            is_shown(&key) && (!names_secret_file(&key) || is_path(value)) && is_property_value(&key, value);
        let shown = if is_shown { shown(value) } else { HIDDEN.into() };
        Self { key, value: Some(shown), origin: value.origin().map(Into::into), reason }
    }

    pub(super) fn without_value(
        key: impl Into<String>,
        origin: Option<&str>,
        reason: impl Into<String>,
    ) -> Self {
        Self { key: key.into(), value: None, origin: origin.map(Into::into), reason: reason.into() }
    }

    pub(crate) fn detail(&self) -> String {
        let origin = self.origin.as_ref().map(|origin| format!("({origin})"));
        let place: Vec<_> = self.value.iter().chain(&origin).map(String::as_str).collect();
        if place.is_empty() { self.reason.clone() } else { format!("{}: {}", place.join(" "), self.reason) }
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = match (&self.value, &self.origin) {
            (Some(_), _) => " = ",
            (None, Some(_)) => " ",
            (None, None) => ": ",
        };
        write!(f, "{}{separator}{}", self.key, self.detail())
    }
}

/// Every error in the settings, one a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct SettingErrors(pub Vec<SettingError>);

impl SettingErrors {
    /// Rejects flags in a section that a command does not accept.
    pub(crate) fn of_excluded(flags: &[String], sections: &[&str], reason: &str) -> Option<Self> {
        let keys = flags.iter().filter_map(|flag| flag.split('=').next()).map(str::trim);
        let is_excluded =
            |key: &&str| key.split('.').next().is_some_and(|section| sections.contains(&section));
        let errors: Vec<_> = keys
            .filter(is_excluded)
            .map(|key| SettingError::without_value(key, Some("flag --set"), reason))
            .collect();
        (!errors.is_empty()).then_some(Self(errors))
    }

    /// Returns an error in a settings file as a whole.
    pub fn of_file(path: &std::path::Path, reason: &str) -> Self {
        Self(vec![SettingError::without_value(path.display().to_string(), None, reason)])
    }
}

pub(super) const HIDDEN: &str = "***";

/// Settings of a source that contain no secret.
const SHOWN_OF_SOURCES: [&str; 7] =
    ["path", "validation", "required", "mode", "tolerance", "secrets_file", "token_file"];

/// Returns whether a value may be shown. A map with secrets may not, because a typing error can leave one in
/// its text. Values of conditions may be phone numbers.
fn is_shown(key: &str) -> bool {
    if key.starts_with("route") && key.split('.').any(|part| part == "when") {
        return false;
    }
    // An endpoint can contain a user and a password.
    let otlp = ["telemetry.otlp_headers", "telemetry.otlp_endpoint"];
    if otlp.iter().any(|secret| key.starts_with(secret)) {
        return false;
    }
    if ["sources", "server.tls", "telemetry"].contains(&key) {
        return false;
    }
    if key.starts_with("sources.") {
        return key.rsplit('.').next().is_some_and(|last| SHOWN_OF_SOURCES.contains(&last));
    }
    match key.strip_prefix("kafka.properties") {
        Some(rest) => rest.strip_prefix('.').is_some_and(|name| is_known(name) && !is_secret(name)),
        None => key != "kafka",
    }
}

/// The value may be the secret itself, by mistake.
fn names_secret_file(key: &str) -> bool {
    key.ends_with("_file") || key == "server.tls.key"
}

/// A property's value that librdkafka refuses may be a secret under the wrong name.
fn is_property_value(key: &str, value: &Value) -> bool {
    key.strip_prefix("kafka.properties.").is_none_or(|name| accepts(name, &value.to_string()))
}

fn is_path(value: &Value) -> bool {
    let begins = |text: &String| ["/", "./", "../"].iter().any(|start| text.starts_with(start));
    matches!(&value.kind, ValueKind::String(text) if begins(text))
}

fn shown(value: &Value) -> String {
    const MAX_CHARS: usize = 80;
    match &value.kind {
        ValueKind::Table(_) => "{…}".into(),
        ValueKind::Array(_) => "[…]".into(),
        ValueKind::String(text) if text.chars().count() > MAX_CHARS => {
            format!("{:?}…", text.chars().take(MAX_CHARS).collect::<String>())
        }
        // Written as a number, without quotes.
        ValueKind::String(text) if text.parse::<f64>().is_ok() => text.clone(),
        ValueKind::String(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{SettingError, SettingErrors};
    use config::Value;

    fn line(key: &str, text: &str) -> String {
        let origin = "a file".to_owned();
        SettingError::with(key.into(), &Value::new(Some(&origin), text), "is wrong".into()).to_string()
    }

    #[test]
    fn an_error_is_one_line_with_key_value_origin_and_reason() {
        assert_eq!(line("a.b", "c\nd"), r#"a.b = "c\nd" (a file): is wrong"#);
        assert_eq!(SettingError::without_value("a", None, "is wrong").to_string(), "a: is wrong");
        let two =
            vec![SettingError::without_value("a", None, "x"), SettingError::without_value("b", None, "y")];
        assert_eq!(SettingErrors(two).to_string(), "a: x\nb: y");
    }

    #[test]
    fn a_long_value_is_cut() {
        assert!(line("a", &"é".repeat(81)).len() < 200);
    }

    #[test]
    fn secrets_are_hidden_and_other_values_are_shown() {
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
        for key in [
            "routes[0].key[0]",
            "kafka.properties.client.id",
            "kafka.bootstrap_servers",
            "telemetry.log_format",
        ] {
            assert_eq!(line(key, "open"), format!("{key} = \"open\" (a file): is wrong"));
        }
        let path = line("sources.main.token_file", "/run/secrets/token");
        assert!(path.contains("/run/secrets/token"), "{path}");
    }
}
