use crate::Text;
use crate::json::{Value, each_item};
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;

pub(crate) trait Read<'a>: Sized {
    fn read(value: Value<'a>) -> Option<Self>;
}

/// JSON value as raw text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    pub(crate) const fn new(value: Value<'a>) -> Self {
        Self(value.text())
    }

    /// Returns the text as received.
    pub const fn get(&self) -> &'a str {
        self.0
    }

    /// Reads the value as a `T`.
    ///
    /// # Errors
    /// When the value is not a `T`.
    pub fn read<T: Deserialize<'a>>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.0)
    }

    pub(crate) fn is_object(&self) -> bool {
        self.0.starts_with('{')
    }
}

impl<'a> From<Json<'a>> for Value<'a> {
    fn from(json: Json<'a>) -> Self {
        Self::of_checked(json.0)
    }
}

impl<'a> Read<'a> for Json<'a> {
    fn read(value: Value<'a>) -> Option<Self> {
        Some(Self::new(value))
    }
}

/// Keeps the text only with serde_json's serializer.
impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<&RawValue>(self.0).map_err(S::Error::custom)?.serialize(serializer)
    }
}

/// Number, string or boolean of a field whose type varies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// Digits as received.
    Number(&'a str),
    /// String.
    Text(Text<'a>),
    /// Boolean.
    Bool(bool),
}

impl Scalar<'_> {
    /// Returns the text, the same for a number and its decimal string.
    pub fn text(&self) -> &str {
        match self {
            Self::Number(digits) => digits,
            Self::Text(text) => text,
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
        }
    }

    /// Returns the value of an integer or of its decimal string.
    pub fn as_u64(&self) -> Option<u64> {
        self.text().parse().ok()
    }

    /// Returns the value of an integer or of its decimal string.
    pub fn as_i64(&self) -> Option<i64> {
        self.text().parse().ok()
    }

    /// Returns the value of a finite number or of its string.
    pub fn as_f64(&self) -> Option<f64> {
        self.text().parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// Returns the value of a boolean, `1`, `0`, or a string of these in any case.
    pub fn as_bool(&self) -> Option<bool> {
        match self.text() {
            "1" => Some(true),
            "0" => Some(false),
            text if text.eq_ignore_ascii_case("true") => Some(true),
            text if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }
}

impl fmt::Display for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// Numbers keep their digits only with serde_json's serializer.
impl Serialize for Scalar<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(digits) => Json(digits).serialize(serializer),
            Self::Text(text) => text.serialize(serializer),
            Self::Bool(value) => serializer.serialize_bool(*value),
        }
    }
}

impl<'a> Read<'a> for Scalar<'a> {
    fn read(value: Value<'a>) -> Option<Self> {
        use crate::JsonType;
        match value.json_type() {
            JsonType::Number => Some(Self::Number(value.text())),
            JsonType::Boolean => Some(Self::Bool(value.text() == "true")),
            JsonType::String => Text::read(value).map(Self::Text),
            JsonType::Missing | JsonType::Null | JsonType::Array | JsonType::Object => None,
        }
    }
}

impl<'a> Read<'a> for Text<'a> {
    fn read(value: Value<'a>) -> Option<Self> {
        value.as_string().map(Self::from)
    }
}

/// Also reads one string with commas.
impl<'a> Read<'a> for Vec<Text<'a>> {
    fn read(value: Value<'a>) -> Option<Self> {
        if let Some(text) = value.as_string() {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            return Some(parts.map(|part| Text::from(part.to_owned())).collect());
        }
        read_items(value)
    }
}

/// Requires items of one type.
pub(super) fn read_items<'a, T: Read<'a>>(value: Value<'a>) -> Option<Vec<T>> {
    let mut items = Vec::new();
    each_item(value, |item| items.push(T::read(item))).ok()?;
    items.into_iter().collect()
}
