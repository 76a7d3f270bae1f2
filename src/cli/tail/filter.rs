//! Filter for records.

use crate::kafka::TailedRecord;
use crate::record::names;
use crate::routing::Pattern;

/// Pattern: `*` matches any characters and `?` one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob(String);

impl Glob {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("is empty; `*` matches all".into()) } else { Ok(Self(text.to_owned())) }
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        let (pattern, text): (Vec<char>, Vec<char>) = (self.0.chars().collect(), text.chars().collect());
        let (mut p, mut t) = (0, 0);
        // Position of the last `*`, and the end of the text that it covers so far.
        let mut star: Option<(usize, usize)> = None;
        while t < text.len() {
            match (pattern.get(p), star) {
                (Some('*'), _) => {
                    star = Some((p, t));
                    p += 1;
                }
                (Some(wanted), _) if *wanted == '?' || *wanted == text[t] => {
                    p += 1;
                    t += 1;
                }
                (_, Some((at, reach))) => {
                    star = Some((at, reach + 1));
                    p = at + 1;
                    t = reach + 1;
                }
                (_, None) => return false,
            }
        }
        pattern[p..].iter().all(|rest| *rest == '*')
    }
}

/// An empty list accepts every record.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) types: Vec<Pattern>,
    pub(super) keys: Vec<Glob>,
}

impl Filter {
    pub(super) fn takes(&self, record: &TailedRecord) -> bool {
        let event_type = || record.headers.get(names::CE_TYPE).map(String::from_utf8_lossy);
        let key = || record.key.as_deref().map(String::from_utf8_lossy);
        (self.types.is_empty()
            || event_type().is_some_and(|name| self.types.iter().any(|pattern| pattern.matches(&name))))
            && (self.keys.is_empty()
                || key().is_some_and(|key| self.keys.iter().any(|glob| glob.matches(&key))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Headers;
    use bytes::Bytes;

    fn matches(glob: &str, text: &str) -> bool {
        Glob::parse(glob).unwrap().matches(text)
    }

    #[test]
    fn star_matches_any_characters_and_question_mark_one() {
        for (glob, text) in [
            ("justcall.*", "justcall.call.completed"),
            ("*", ""),
            ("*.completed", "justcall.call.completed"),
            ("a*b*c", "a-b-b-c"),
            ("call_?", "call_é"),
            ("a**", "a"),
            ("exact", "exact"),
        ] {
            assert!(matches(glob, text), "{glob} {text}");
        }
        for (glob, text) in
            [("a*b", "a-c"), ("call_?", "call_"), ("exact", "exactly"), ("?", ""), ("a*b*c", "a-c-b")]
        {
            assert!(!matches(glob, text), "{glob} {text}");
        }
        assert!(Glob::parse("").is_err());
    }

    #[test]
    fn many_stars_match_quickly() {
        assert!(!matches(
            &"a*".repeat(50),
            &"a".repeat(200).replace("aaaaaaaaaa", "aaaaaaaaab").repeat(2)[..40]
        ));
    }

    fn record(event_type: Option<&str>, key: Option<&'static [u8]>) -> TailedRecord {
        let headers = event_type
            .map_or_else(Headers::default, |name| Headers::builder(64).add("ce_type", name).build());
        TailedRecord {
            topic: "t".into(),
            partition: 0,
            offset: 0,
            timestamp: None,
            key: key.map(Bytes::from_static),
            headers,
            value: None,
        }
    }

    #[test]
    fn type_and_key_must_both_match() {
        let filter = Filter {
            types: vec![Pattern::parse("call.*").unwrap(), Pattern::parse("sms.sent").unwrap()],
            keys: vec![Glob::parse("c*").unwrap()],
        };
        assert!(filter.takes(&record(Some("call.missed"), Some(b"c1"))));
        assert!(filter.takes(&record(Some("sms.sent"), Some(b"c1"))));
        for (event_type, key) in [
            (Some("call.missed"), Some(&b"d1"[..])),
            (Some("sms.received"), Some(b"c1")),
            (None, Some(b"c1")),
            (Some("call.missed"), None),
        ] {
            assert!(!filter.takes(&record(event_type, key)), "{event_type:?}");
        }
        assert!(Filter { types: vec![], keys: vec![] }.takes(&record(None, None)));
    }
}
