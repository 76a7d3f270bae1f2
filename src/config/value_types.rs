use super::schema::visitor::{TextSyntax, ValueType};
use crate::telemetry::Ratio;
use crate::yaml::string;
use config::{Value, ValueKind};
use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use yaml_rust2::Yaml;

pub(super) mod maps;
pub(super) mod routes;
pub(super) mod secrets;

pub(super) fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn scalar(value: &Value) -> Result<String, String> {
    match &value.kind {
        ValueKind::Table(_) => Err("must be one value, not a map".into()),
        ValueKind::Array(_) => Err("must be one value, not a list".into()),
        ValueKind::Nil => Err("has no value".into()),
        one => Ok(one.to_string()),
    }
}

fn check_range<T: PartialOrd>(
    value: T,
    range: &RangeInclusive<T>,
    format: impl Fn(&T) -> String,
) -> Result<T, String> {
    let (min, max) = (range.start(), range.end());
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(format!("must be from {} to {}", format(min), format(max)))
    }
}

pub(super) struct NonEmptyText;

impl ValueType<String> for NonEmptyText {
    fn parse(&self, value: &Value) -> Result<String, String> {
        let text = without_control_characters(scalar(value)?)?;
        if text.is_empty() { Err("is empty".into()) } else { Ok(text) }
    }

    fn to_yaml(&self, value: &String) -> Yaml {
        string(value)
    }
}

pub(super) struct FilePath;

impl ValueType<PathBuf> for FilePath {
    fn parse(&self, value: &Value) -> Result<PathBuf, String> {
        NonEmptyText.parse(value).map(PathBuf::from)
    }

    fn to_yaml(&self, value: &PathBuf) -> Yaml {
        string(value.to_string_lossy())
    }
}

pub(super) struct Boolean;

impl ValueType<bool> for Boolean {
    fn parse(&self, value: &Value) -> Result<bool, String> {
        match scalar(value)?.as_str() {
            "true" | "True" | "TRUE" => Ok(true),
            "false" | "False" | "FALSE" => Ok(false),
            _ => Err("must be `true` or `false`".into()),
        }
    }

    fn to_yaml(&self, value: &bool) -> Yaml {
        Yaml::Boolean(*value)
    }
}

/// YAML has hexadecimal and octal numbers.
fn decimal(text: String) -> String {
    let radix = [("0x", 16), ("0o", 8)]
        .into_iter()
        .find_map(|(prefix, radix)| u64::from_str_radix(text.strip_prefix(prefix)?, radix).ok());
    radix.map_or(text, |number| number.to_string())
}

pub(super) struct Integer<T>(pub(super) RangeInclusive<T>);

impl<T: FromStr + PartialOrd + Display> ValueType<T> for Integer<T> {
    fn parse(&self, value: &Value) -> Result<T, String> {
        let number = decimal(scalar(value)?).parse();
        let number = number
            .map_err(|_| format!("must be a whole number from {} to {}", self.0.start(), self.0.end()))?;
        check_range(number, &self.0, ToString::to_string)
    }

    fn to_yaml(&self, value: &T) -> Yaml {
        Yaml::Real(value.to_string())
    }
}

pub(super) struct Fraction;

impl ValueType<Ratio> for Fraction {
    fn parse(&self, value: &Value) -> Result<Ratio, String> {
        let ratio = scalar(value)?.parse().ok().and_then(Ratio::new);
        ratio.ok_or_else(|| "must be a number from 0 to 1, such as `0.1`".into())
    }

    fn to_yaml(&self, value: &Ratio) -> Yaml {
        Yaml::Real(value.value().to_string())
    }
}

pub(super) struct Optional<K>(pub(super) K);

impl<T, K: ValueType<T>> ValueType<Option<T>> for Optional<K> {
    fn parse(&self, value: &Value) -> Result<Option<T>, String> {
        self.0.parse(value).map(Some)
    }

    fn to_yaml(&self, value: &Option<T>) -> Yaml {
        value.as_ref().map_or(Yaml::Null, |value| self.0.to_yaml(value))
    }

    fn text_syntax(&self) -> TextSyntax {
        self.0.text_syntax()
    }

    fn is_secret(&self, entry: Option<&str>) -> bool {
        self.0.is_secret(entry)
    }
}

pub(super) struct Choice<T: 'static>(pub(super) &'static [(&'static str, T)]);

impl<T: Copy + PartialEq> ValueType<T> for Choice<T> {
    fn parse(&self, value: &Value) -> Result<T, String> {
        let text = scalar(value)?;
        let found = self.0.iter().find(|(name, _)| *name == text);
        found
            .map(|(_, choice)| *choice)
            .ok_or_else(|| format!("must be one of {}", quoted(self.0.iter().map(|each| each.0))))
    }

    fn to_yaml(&self, value: &T) -> Yaml {
        self.0.iter().find(|(_, choice)| choice == value).map_or(Yaml::Null, |(name, _)| string(*name))
    }
}

/// In a range: `960 KiB`, `1 MB`, `1000000`.
pub(super) struct ByteSize(pub(super) RangeInclusive<usize>);

const UNITS: [(&str, usize); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1000),
    ("B", 1),
];

fn parse_size(text: &str) -> Option<usize> {
    let text = text.trim();
    let digits = text.find(|each: char| !each.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim() {
        "" => 1,
        unit => UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?.1,
    };
    number.parse::<usize>().ok()?.checked_mul(unit)
}

pub(super) fn format_size(bytes: &usize) -> String {
    let unit = UNITS[..3].iter().find(|(_, unit)| *bytes > 0 && bytes.is_multiple_of(*unit));
    unit.map_or_else(|| bytes.to_string(), |(name, unit)| format!("{} {name}", bytes / unit))
}

impl ValueType<usize> for ByteSize {
    fn parse(&self, value: &Value) -> Result<usize, String> {
        let bytes =
            parse_size(&scalar(value)?).ok_or("must be a size, such as `960 KiB`, `1 MB` or `1000000`")?;
        check_range(bytes, &self.0, format_size)
    }

    fn to_yaml(&self, value: &usize) -> Yaml {
        string(format_size(value))
    }
}

impl ValueType<u64> for ByteSize {
    fn parse(&self, value: &Value) -> Result<u64, String> {
        let bytes: usize = self.parse(value)?;
        Ok(bytes as u64)
    }

    fn to_yaml(&self, value: &u64) -> Yaml {
        self.to_yaml(&usize::try_from(*value).unwrap_or(usize::MAX))
    }
}

/// In a range: `500ms`, `2s`, `15m`.
pub(super) struct TimeSpan(pub(super) RangeInclusive<Duration>);

pub(super) fn format_duration(time: &Duration) -> String {
    humantime::format_duration(*time).to_string()
}

impl ValueType<Duration> for TimeSpan {
    fn parse(&self, value: &Value) -> Result<Duration, String> {
        let time = humantime::parse_duration(&scalar(value)?);
        check_range(
            time.map_err(|_| "must be a time with its unit, such as `500ms`, `2s` or `15m`")?,
            &self.0,
            format_duration,
        )
    }

    fn to_yaml(&self, value: &Duration) -> Yaml {
        string(format_duration(value))
    }
}

pub(super) struct ListenAddress;

impl ValueType<SocketAddr> for ListenAddress {
    fn parse(&self, value: &Value) -> Result<SocketAddr, String> {
        let expected = "must be an address and a port, such as `0.0.0.0:8080` or `[::1]:8080`";
        scalar(value)?.parse().map_err(|_| expected.into())
    }

    fn to_yaml(&self, value: &SocketAddr) -> Yaml {
        string(value.to_string())
    }
}

/// A slash at the end is removed.
pub(super) struct UrlPath;

impl ValueType<String> for UrlPath {
    fn parse(&self, value: &Value) -> Result<String, String> {
        let text = scalar(value)?;
        let is_legal = |each: char| each.is_ascii_alphanumeric() || "-._~/".contains(each);
        if !text.starts_with('/') {
            return Err("must begin with `/`".into());
        }
        if text.contains("//") || text.split('/').any(|part| part == "." || part == "..") {
            return Err("must not contain `//`, `/./` or `/../`".into());
        }
        if !text.chars().all(is_legal) {
            return Err("must contain only a-z, A-Z, 0-9, `-`, `.`, `_`, `~` and `/`".into());
        }
        Ok(if text == "/" { text } else { text.trim_end_matches('/').into() })
    }

    fn to_yaml(&self, value: &String) -> Yaml {
        string(value)
    }
}

/// List of texts, or one text with the items separated by commas.
pub(super) struct TextList;

impl ValueType<Vec<String>> for TextList {
    fn parse(&self, value: &Value) -> Result<Vec<String>, String> {
        match &value.kind {
            ValueKind::Array(items) => items.iter().map(scalar).collect(),
            _ => Ok(scalar(value)?.split(',').map(|each| each.trim().to_owned()).collect()),
        }
    }

    fn to_yaml(&self, value: &Vec<String>) -> Yaml {
        Yaml::Array(value.iter().map(string).collect())
    }

    fn text_syntax(&self) -> TextSyntax {
        TextSyntax::TextOrList
    }
}

/// Written as a [`TextList`].
pub(super) struct ServerList;

impl ValueType<String> for ServerList {
    fn parse(&self, value: &Value) -> Result<String, String> {
        let servers = TextList.parse(value)?;
        let invalid: Vec<_> =
            servers.iter().map(String::as_str).filter(|server| !is_server(server)).collect();
        if servers.is_empty() || !invalid.is_empty() {
            let example = "must be `host:port`, or several separated by commas";
            return Err(if servers == [""] || servers.is_empty() {
                example.into()
            } else {
                format!("{example}; not {}", quoted(invalid.into_iter()))
            });
        }
        Ok(servers.join(","))
    }

    fn to_yaml(&self, value: &String) -> Yaml {
        string(value)
    }

    fn text_syntax(&self) -> TextSyntax {
        TextSyntax::TextOrList
    }
}

fn is_server(text: &str) -> bool {
    let is_legal = |each: char| each.is_ascii_alphanumeric() || "-._:[]%".contains(each);
    text.rsplit_once(':').is_some_and(|(host, port)| {
        let is_bare_ipv6 = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
        !host.is_empty()
            && !is_bare_ipv6
            && host.chars().all(is_legal)
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

/// Control characters are mistakes, such as a line break at the end of a secret.
fn without_control_characters(text: String) -> Result<String, String> {
    if text.contains(char::is_control) { Err(HAS_CONTROL_CHARACTER.into()) } else { Ok(text) }
}

pub(super) const HAS_CONTROL_CHARACTER: &str = "contains a control character";

#[cfg(test)]
mod tests {
    use super::{ByteSize, TimeSpan, format_size, parse_size};
    use crate::config::schema::visitor::ValueType;
    use config::Value;
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn sizes_are_read_with_and_without_a_unit() {
        for (text, expected) in [
            ("960 KiB", Some(983_040)),
            ("960kib", Some(983_040)),
            ("1 MB", Some(1_000_000)),
            ("1MiB", Some(1_048_576)),
            ("2 GiB", Some(2_147_483_648)),
            ("3kB", Some(3000)),
            (" 17 ", Some(17)),
            ("17 B", Some(17)),
            ("", None),
            ("KiB", None),
            ("1.5 MiB", None),
            ("1 M", None),
            ("-1", None),
            ("99999999999999999999", None),
            ("99999999999999 GiB", None),
        ] {
            assert_eq!(parse_size(text), expected, "{text}");
        }
    }

    #[test]
    fn limits_are_inside_the_range() {
        let value = |text: &str| Value::new(None, text);
        let read = |text| -> Result<usize, String> { ByteSize(10..=20).parse(&value(text)) };
        assert_eq!(read("10"), Ok(10));
        assert_eq!(read("20"), Ok(20));
        assert_eq!(read("21"), Err("must be from 10 to 20".into()));
        let second = Duration::from_secs(1);
        assert_eq!(TimeSpan(second..=second).parse(&value("1000ms")), Ok(second));
        assert_eq!(TimeSpan(second..=second).parse(&value("999ms")), Err("must be from 1s to 1s".into()));
    }

    proptest! {
        #[test]
        fn a_printed_size_parses_to_the_same_size(bytes in prop_oneof![any::<u32>(), (0u32..4000).prop_map(|n| n << 10)]) {
            let bytes = bytes as usize;
            prop_assert_eq!(parse_size(&format_size(&bytes)), Some(bytes));
        }
    }
}
