//! How the values of settings are written.

use super::form::{Kind, Written};
use crate::telemetry::Ratio;
use config::{Value, ValueKind};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use yaml_rust2::Yaml;

mod mapping;
mod secret;

pub(super) use mapping::{Conditions, HeaderValues, Matches};
pub(super) use secret::{Properties, SecretMap, SecretText, SecretTexts};

/// `a`, `b` and so on.
pub(super) fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A single value as text, whichever way YAML understood it.
fn scalar(value: &Value) -> Result<String, String> {
    match &value.kind {
        ValueKind::Table(_) => Err("must be one value, not a map".into()),
        ValueKind::Array(_) => Err("must be one value, not a list".into()),
        ValueKind::Nil => Err("has no value".into()),
        one => Ok(one.to_string()),
    }
}

fn within<T: PartialOrd>(it: T, range: &RangeInclusive<T>, show: impl Fn(&T) -> String) -> Result<T, String> {
    let (least, most) = (range.start(), range.end());
    if range.contains(&it) { Ok(it) } else { Err(format!("must be from {} to {}", show(least), show(most))) }
}

fn string(text: impl Into<String>) -> Yaml {
    Yaml::String(text.into())
}

/// Text that is not empty.
pub(super) struct Text;

impl Kind<String> for Text {
    fn read(&self, value: &Value) -> Result<String, String> {
        Some(scalar(value)?).filter(|text| !text.is_empty()).ok_or_else(|| "is empty".into())
    }

    fn show(&self, it: &String) -> Yaml {
        string(it)
    }
}

/// A path in the file system.
pub(super) struct Place;

impl Kind<PathBuf> for Place {
    fn read(&self, value: &Value) -> Result<PathBuf, String> {
        Text.read(value).and_then(without_nul).map(PathBuf::from)
    }

    fn show(&self, it: &PathBuf) -> Yaml {
        string(it.to_string_lossy())
    }
}

/// `true` or `false`.
pub(super) struct Switch;

impl Kind<bool> for Switch {
    fn read(&self, value: &Value) -> Result<bool, String> {
        match scalar(value)?.as_str() {
            "true" | "True" | "TRUE" => Ok(true),
            "false" | "False" | "FALSE" => Ok(false),
            _ => Err("must be `true` or `false`".into()),
        }
    }

    fn show(&self, it: &bool) -> Yaml {
        Yaml::Boolean(*it)
    }
}

/// Rewrites YAML's hexadecimal and octal numbers in decimal.
fn decimal(text: String) -> String {
    let radix = [("0x", 16), ("0o", 8)]
        .into_iter()
        .find_map(|(prefix, radix)| u64::from_str_radix(text.strip_prefix(prefix)?, radix).ok());
    radix.map_or(text, |number| number.to_string())
}

/// A whole number.
pub(super) struct Whole<T>(pub(super) RangeInclusive<T>);

impl<T: FromStr + PartialOrd + Display> Kind<T> for Whole<T> {
    fn read(&self, value: &Value) -> Result<T, String> {
        let number = decimal(scalar(value)?).parse();
        let number = number
            .map_err(|_| format!("must be a whole number from {} to {}", self.0.start(), self.0.end()))?;
        within(number, &self.0, ToString::to_string)
    }

    fn show(&self, it: &T) -> Yaml {
        Yaml::Real(it.to_string())
    }
}

/// A part of a whole.
pub(super) struct Part;

impl Kind<Ratio> for Part {
    fn read(&self, value: &Value) -> Result<Ratio, String> {
        let part = scalar(value)?.parse().ok().and_then(Ratio::new);
        part.ok_or_else(|| "must be a number from 0 to 1, such as `0.1`".into())
    }

    fn show(&self, it: &Ratio) -> Yaml {
        Yaml::Real(it.value().to_string())
    }
}

/// A value that may be left out.
pub(super) struct Optional<K>(pub(super) K);

impl<T, K: Kind<T>> Kind<Option<T>> for Optional<K> {
    fn read(&self, value: &Value) -> Result<Option<T>, String> {
        self.0.read(value).map(Some)
    }

    fn show(&self, it: &Option<T>) -> Yaml {
        it.as_ref().map_or(Yaml::Null, |it| self.0.show(it))
    }

    fn written(&self) -> Written {
        self.0.written()
    }

    fn is_secret(&self, entry: Option<&str>) -> bool {
        self.0.is_secret(entry)
    }
}

/// One of a few words.
pub(super) struct Choice<T: 'static>(pub(super) &'static [(&'static str, T)]);

impl<T: Copy + PartialEq> Kind<T> for Choice<T> {
    fn read(&self, value: &Value) -> Result<T, String> {
        let text = scalar(value)?;
        let found = self.0.iter().find(|(name, _)| *name == text);
        found
            .map(|(_, it)| *it)
            .ok_or_else(|| format!("must be one of {}", quoted(self.0.iter().map(|each| each.0))))
    }

    fn show(&self, it: &T) -> Yaml {
        self.0.iter().find(|(_, each)| each == it).map_or(Yaml::Null, |(name, _)| string(*name))
    }
}

/// A number of bytes: `960 KiB`, `1 MB`, `1000000`.
pub(super) struct Size(pub(super) RangeInclusive<usize>);

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

pub(super) fn show_size(bytes: &usize) -> String {
    let unit = UNITS[..3].iter().find(|(_, unit)| *bytes > 0 && bytes.is_multiple_of(*unit));
    unit.map_or_else(|| bytes.to_string(), |(name, unit)| format!("{} {name}", bytes / unit))
}

impl Kind<usize> for Size {
    fn read(&self, value: &Value) -> Result<usize, String> {
        let bytes =
            parse_size(&scalar(value)?).ok_or("must be a size, such as `960 KiB`, `1 MB` or `1000000`")?;
        within(bytes, &self.0, show_size)
    }

    fn show(&self, it: &usize) -> Yaml {
        string(show_size(it))
    }
}

impl Kind<u64> for Size {
    fn read(&self, value: &Value) -> Result<u64, String> {
        let bytes: usize = self.read(value)?;
        Ok(bytes as u64)
    }

    fn show(&self, it: &u64) -> Yaml {
        self.show(&usize::try_from(*it).unwrap_or(usize::MAX))
    }
}

/// A length of time: `500ms`, `2s`, `15m`.
pub(super) struct Time(pub(super) RangeInclusive<Duration>);

pub(super) fn show_time(time: &Duration) -> String {
    humantime::format_duration(*time).to_string()
}

impl Kind<Duration> for Time {
    fn read(&self, value: &Value) -> Result<Duration, String> {
        let time = humantime::parse_duration(&scalar(value)?);
        within(
            time.map_err(|_| "must be a time with its unit, such as `500ms`, `2s` or `15m`")?,
            &self.0,
            show_time,
        )
    }

    fn show(&self, it: &Duration) -> Yaml {
        string(show_time(it))
    }
}

/// Where to listen.
pub(super) struct Address;

impl Kind<SocketAddr> for Address {
    fn read(&self, value: &Value) -> Result<SocketAddr, String> {
        let wanted = "must be an address and a port, such as `0.0.0.0:8080` or `[::1]:8080`";
        scalar(value)?.parse().map_err(|_| wanted.into())
    }

    fn show(&self, it: &SocketAddr) -> Yaml {
        string(it.to_string())
    }
}

/// The path of a URL. It is kept without the slash at its end, which means nothing.
pub(super) struct UrlPath;

impl Kind<String> for UrlPath {
    fn read(&self, value: &Value) -> Result<String, String> {
        let text = scalar(value)?;
        let legal = |each: char| each.is_ascii_alphanumeric() || "-._~/".contains(each);
        if !text.starts_with('/') {
            return Err("must begin with `/`".into());
        }
        if text.contains("//") || text.split('/').any(|part| part == "." || part == "..") {
            return Err("must not hold `//`, `/./` or `/../`".into());
        }
        if !text.chars().all(legal) {
            return Err("may hold a-z, A-Z, 0-9, `-`, `.`, `_`, `~` and `/`".into());
        }
        Ok(if text == "/" { text } else { text.trim_end_matches('/').into() })
    }

    fn show(&self, it: &String) -> Yaml {
        string(it)
    }
}

/// One text or a list of them; one text may hold several, separated by commas.
pub(super) struct Texts;

impl Kind<Vec<String>> for Texts {
    fn read(&self, value: &Value) -> Result<Vec<String>, String> {
        match &value.kind {
            ValueKind::Array(items) => items.iter().map(scalar).collect(),
            _ => Ok(scalar(value)?.split(',').map(|each| each.trim().to_owned()).collect()),
        }
    }

    fn show(&self, it: &Vec<String>) -> Yaml {
        Yaml::Array(it.iter().map(string).collect())
    }

    fn written(&self) -> Written {
        Written::TextOrList
    }
}

/// Kafka's addresses, as [`Texts`].
pub(super) struct Servers;

impl Kind<String> for Servers {
    fn read(&self, value: &Value) -> Result<String, String> {
        let servers = Texts.read(value)?;
        let wrong: Vec<_> = servers.iter().map(String::as_str).filter(|server| !is_server(server)).collect();
        if servers.is_empty() || !wrong.is_empty() {
            let example = "must be `host:port`, or several separated by commas";
            return Err(if servers == [""] || servers.is_empty() {
                example.into()
            } else {
                format!("{example}; not {}", quoted(wrong.into_iter()))
            });
        }
        Ok(servers.join(","))
    }

    fn show(&self, it: &String) -> Yaml {
        string(it)
    }

    fn written(&self) -> Written {
        Written::TextOrList
    }
}

fn is_server(text: &str) -> bool {
    let legal = |each: char| each.is_ascii_alphanumeric() || "-._:[]%".contains(each);
    text.rsplit_once(':').is_some_and(|(host, port)| {
        let is_bare_ipv6 = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
        !host.is_empty()
            && !is_bare_ipv6
            && host.chars().all(legal)
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

/// Refuses a text that neither the system nor librdkafka takes.
fn without_nul(text: String) -> Result<String, String> {
    if text.contains('\0') { Err("holds a NUL character".into()) } else { Ok(text) }
}

/// Texts by name.
pub(super) struct TextMap;

impl Kind<BTreeMap<String, String>> for TextMap {
    fn read(&self, value: &Value) -> Result<BTreeMap<String, String>, String> {
        let text = |value: &Value| scalar(value).and_then(without_nul);
        let map = by_name(value, "must be a map from names to values", text)?;
        if map.keys().any(|name| name.is_empty() || name.contains('\0')) {
            return Err("has a name that is empty or holds a NUL character".into());
        }
        Ok(map)
    }

    fn show(&self, it: &BTreeMap<String, String>) -> Yaml {
        Yaml::Hash(it.iter().map(|(name, text)| (string(name), string(text))).collect())
    }

    fn written(&self) -> Written {
        Written::TextMap
    }
}

/// Reads a map, and says of every entry what is wrong with it.
fn by_name<T>(
    value: &Value,
    wanted: &str,
    read: impl Fn(&Value) -> Result<T, String>,
) -> Result<BTreeMap<String, T>, String> {
    let ValueKind::Table(table) = &value.kind else { return Err(wanted.into()) };
    let (mut map, mut faults) = (BTreeMap::new(), Vec::new());
    for (name, value) in table {
        match read(value) {
            Ok(it) => drop(map.insert(name.clone(), it)),
            Err(fault) => faults.push(format!("`{name}` {fault}")),
        }
    }
    faults.sort_unstable();
    if faults.is_empty() { Ok(map) } else { Err(faults.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::{Size, Time, parse_size, show_size};
    use crate::config::form::Kind;
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
        let read = |text| -> Result<usize, String> { Size(10..=20).read(&value(text)) };
        assert_eq!(read("10"), Ok(10));
        assert_eq!(read("20"), Ok(20));
        assert_eq!(read("21"), Err("must be from 10 to 20".into()));
        let second = Duration::from_secs(1);
        assert_eq!(Time(second..=second).read(&value("1000ms")), Ok(second));
        assert_eq!(Time(second..=second).read(&value("999ms")), Err("must be from 1s to 1s".into()));
    }

    proptest! {
        #[test]
        fn a_size_that_is_shown_reads_the_same(bytes in prop_oneof![any::<u32>(), (0u32..4000).prop_map(|n| n << 10)]) {
            let bytes = bytes as usize;
            prop_assert_eq!(parse_size(&show_size(&bytes)), Some(bytes));
        }
    }
}
