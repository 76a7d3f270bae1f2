//! Topic names, and templates of topic names.

use justcall_events::{Family, KnownType};

/// Topic name with placeholders for the type and its family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TopicTemplate(Vec<TemplatePart>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum TemplatePart {
    Text(Box<str>),
    Event,
    Family,
}

/// Text for a placeholder of an unknown type or family, because a body must not name topics.
const UNKNOWN: &str = "unknown";

impl TopicTemplate {
    /// Parses a topic name or template.
    ///
    /// # Errors
    /// The template is invalid. The message is for the operator.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, tail)) = rest.split_once('{') {
            let (name, after) = tail.split_once('}').ok_or("`{` is not closed by `}`")?;
            if !before.is_empty() {
                parts.push(TemplatePart::Text(before.into()));
            }
            if parts.is_empty() {
                return Err(format!(
                    "`{{{name}}}` needs fixed text before it, such as `justcall.{{{name}}}`"
                ));
            }
            parts.push(match name {
                "event" => TemplatePart::Event,
                "family" => TemplatePart::Family,
                _ => {
                    return Err(format!(
                        "`{{{name}}}` is not a placeholder; use `{{event}}` or `{{family}}`"
                    ));
                }
            });
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(TemplatePart::Text(rest.into()));
        }
        Ok(Self(parts))
    }

    /// Returns the template `<prefix>{event}`.
    pub(super) fn with_prefix(prefix: &str) -> Self {
        Self(vec![TemplatePart::Text(prefix.into()), TemplatePart::Event])
    }

    /// Returns the topic for a type. `None`: a type that JustCall does not document.
    pub(super) fn expand(&self, known: Option<KnownType>, family: Option<Family>) -> String {
        self.0
            .iter()
            .map(|part| match part {
                TemplatePart::Text(text) => text,
                TemplatePart::Event => known.map_or(UNKNOWN, KnownType::name),
                TemplatePart::Family => family.map_or(UNKNOWN, Family::name),
            })
            .collect()
    }
}

/// Validates a topic name by Kafka's rules: 1 to 249 of `a-z A-Z 0-9 . _ -`, neither `.` nor `..`, and not
/// one of Kafka's internal topics.
///
/// # Errors
/// The name is illegal. The message is for the operator.
pub(crate) fn check_topic_name(name: &str) -> Result<(), String> {
    const MAX_TOPIC_LEN: usize = 249;
    let legal = |each: char| each.is_ascii_alphanumeric() || matches!(each, '.' | '_' | '-');
    if name.is_empty() {
        return Err("a topic name is empty".into());
    }
    if let Some(illegal) = name.chars().find(|each| !legal(*each)) {
        return Err(format!(
            "the topic `{name}` contains {illegal:?}; Kafka accepts a-z, A-Z, 0-9, `.`, `_` and `-`"
        ));
    }
    if name.len() > MAX_TOPIC_LEN {
        return Err(format!("the topic `{name}` is longer than {MAX_TOPIC_LEN} characters"));
    }
    if matches!(name, "." | ".." | "__consumer_offsets" | "__transaction_state" | "__cluster_metadata") {
        return Err(format!("the topic `{name}` is internal to Kafka"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{TopicTemplate, check_topic_name};
    use justcall_events::{Family, KnownType};

    #[test]
    fn placeholder_of_an_unknown_type_is_unknown() {
        let missed = (Some(KnownType::CallMissed), Some(Family::Call));
        let new_sms = (None, Some(Family::Sms));
        let strange = (None, None);
        let cases = [
            ("calls", missed, "calls"),
            ("j.{event}", missed, "j.call.missed"),
            ("j.{event}", new_sms, "j.unknown"),
            ("j.{family}", missed, "j.call"),
            ("j.{family}", new_sms, "j.sms"),
            ("j.{family}", strange, "j.unknown"),
            ("j.{family}.{event}.v1", missed, "j.call.call.missed.v1"),
            ("j-{family}{event}", strange, "j-unknownunknown"),
        ];
        for (template, (known, family), expected) in cases {
            assert_eq!(TopicTemplate::parse(template).unwrap().expand(known, family), expected, "{template}");
        }
    }

    #[test]
    fn malformed_template_is_refused() {
        let cases = [
            ("{event}", "needs fixed text"),
            ("{family}.calls", "needs fixed text"),
            ("j.{evnt}", "`{evnt}` is not a placeholder"),
            ("j.{}", "is not a placeholder"),
            ("j.{event", "not closed"),
        ];
        for (template, fault) in cases {
            let reason = TopicTemplate::parse(template).unwrap_err();
            assert!(reason.contains(fault), "{template}: {reason}");
        }
    }

    #[test]
    fn topic_names_follow_kafkas_rules() {
        for legal in ["a", "a.b_c-D9", "...", &"x".repeat(249)] {
            assert_eq!(check_topic_name(legal), Ok(()), "{legal}");
        }
        for illegal in ["", ".", "..", "a b", "a/b", "é", "a}", &"x".repeat(250), "__consumer_offsets"] {
            assert!(check_topic_name(illegal).is_err(), "{illegal}");
        }
    }
}
