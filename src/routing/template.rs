//! Topics: names, and templates of names.

use justcall_events::{Family, KnownType};

#[cfg(test)]
mod tests;

/// A topic's name with places for the type's name and its family's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Event,
    Family,
}

/// What a placeholder says where the type or its family is not known: a body must not name topics.
const UNKNOWN: &str = "unknown";

impl Template {
    /// Reads a topic's name or template.
    ///
    /// # Errors
    /// What is wrong with it, for the operator.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, tail)) = rest.split_once('{') {
            let (name, after) = tail.split_once('}').ok_or("`{` is not closed by `}`")?;
            if !before.is_empty() {
                parts.push(Part::Text(before.into()));
            }
            if parts.is_empty() {
                return Err(format!(
                    "`{{{name}}}` needs fixed text before it, such as `justcall.{{{name}}}`"
                ));
            }
            parts.push(match name {
                "event" => Part::Event,
                "family" => Part::Family,
                _ => {
                    return Err(format!(
                        "`{{{name}}}` is no placeholder; there are `{{event}}` and `{{family}}`"
                    ));
                }
            });
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.into()));
        }
        Ok(Self(parts))
    }

    /// The template `<prefix>{event}`.
    pub(super) fn behind(prefix: &str) -> Self {
        Self(vec![Part::Text(prefix.into()), Part::Event])
    }

    /// The topic for a type; `None` for one that JustCall does not document.
    pub(super) fn expand(&self, known: Option<KnownType>, family: Option<Family>) -> String {
        self.0
            .iter()
            .map(|part| match part {
                Part::Text(text) => text,
                Part::Event => known.map_or(UNKNOWN, KnownType::name),
                Part::Family => family.map_or(UNKNOWN, Family::name),
            })
            .collect()
    }
}

/// Holds a topic's name to Kafka's rules: 1 to 249 of `a-z A-Z 0-9 . _ -`, neither `.` nor `..`,
/// and none of the topics that Kafka keeps for itself.
///
/// # Errors
/// What is wrong with it, for the operator.
pub fn check_topic_name(name: &str) -> Result<(), String> {
    const LONGEST: usize = 249;
    let legal = |each: char| each.is_ascii_alphanumeric() || matches!(each, '.' | '_' | '-');
    if name.is_empty() {
        return Err("a topic's name is empty".into());
    }
    if let Some(illegal) = name.chars().find(|each| !legal(*each)) {
        return Err(format!(
            "the topic `{name}` holds {illegal:?}; Kafka takes a-z, A-Z, 0-9, `.`, `_` and `-`"
        ));
    }
    if name.len() > LONGEST {
        return Err(format!("the topic `{name}` is longer than {LONGEST} characters"));
    }
    if matches!(name, "." | ".." | "__consumer_offsets" | "__transaction_state" | "__cluster_metadata") {
        return Err(format!("the topic `{name}` is one that Kafka keeps for itself"));
    }
    Ok(())
}
