//! `dead-letters show`.

use super::open;
use crate::cli::tail::format::{Privacy, body, headers_of};
use crate::cli::{Failure, SettingsArgs, print, print_bytes};
use crate::masking;
use crate::record::json_form;
use crate::replay::dead_letters::{Letter, LetterId};
use crate::terminal::printable;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::fmt::Write as _;

pub(super) fn run(
    settings: SettingsArgs,
    id: LetterId,
    raw: bool,
    as_json: bool,
    show_personal_data: bool,
) -> Result<(), Failure> {
    let letters = open(settings)?;
    let Some((letter, replayed)) = letters.find(id)? else {
        let topic = letters.topic();
        return Err(Failure::Failed(format!(
            "no dead letter has the id {id} in {topic}; `dead-letters list --each` lists the ids"
        )));
    };
    let privacy = if show_personal_data { Privacy::Shown } else { Privacy::Masked };
    match (raw, as_json) {
        (true, _) => print_bytes(&letter.value),
        (false, true) => print(&json(&letter, replayed.as_deref(), privacy)),
        (false, false) => print(&pretty(letters.topic(), &letter, replayed.as_deref(), privacy)),
    }
}

fn pretty(topic: &str, letter: &Letter, replayed: Option<&str>, privacy: Privacy) -> String {
    let mut text = format!("dead letter {} in {topic}, {} bytes\n", letter.id, letter.value.len());
    for (name, value) in headers_of(&letter.headers, privacy) {
        let _ = writeln!(text, "  {}: {}", printable(&name), printable(&value));
    }
    let _ = match replayed {
        Some(at) => writeln!(text, "replayed at {}", printable(at)),
        None => writeln!(text, "not replayed"),
    };
    let _ = writeln!(text, "\n{}", body(&letter.value, privacy));
    text
}

fn json(letter: &Letter, replayed: Option<&str>, privacy: Privacy) -> String {
    let headers = json_form::text_headers(headers_of(&letter.headers, privacy));
    let mut value = Map::new();
    match privacy {
        Privacy::Shown => json_form::bytes(&mut value, "value", &letter.value),
        Privacy::Masked => {
            value.insert("masked".into(), true.into());
        }
    }
    let body = match privacy {
        Privacy::Masked => masking::body(&letter.value).and_then(|body| RawValue::from_string(body).ok()),
        Privacy::Shown => None,
    };
    let shown = Shown {
        id: letter.id.to_string(),
        replayed_at: replayed,
        size: letter.value.len(),
        headers,
        body,
        value,
    };
    // Always serializes.
    serde_json::to_string(&shown).unwrap_or_default() + "\n"
}

#[derive(serde::Serialize)]
struct Shown<'a> {
    id: String,
    replayed_at: Option<&'a str>,
    size: usize,
    headers: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Box<RawValue>>,
    #[serde(flatten)]
    value: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::dead_letter::Kept;
    use crate::record::Headers;
    use bytes::Bytes;

    const BODY: &[u8] = br#"{"event":"sms.sent","data":{"message_id":7,"body":"See you, Jordan"}}"#;

    fn letter(value: &'static [u8]) -> Letter {
        let headers = Headers::builder(64)
            .add("dlq_reason", "contract_violation")
            .add("dlq_detail", "/data/message_id: expected a string, found an integer")
            .build();
        let kept = Kept::read(&headers).unwrap();
        Letter { id: LetterId { partition: 0, offset: 42 }, kept, headers, value: Bytes::from_static(value) }
    }

    #[test]
    fn letter_is_shown_without_personal_data() {
        let expected = r#"dead letter 0-42 in dead, 69 bytes
  dlq_reason: contract_violation
  dlq_detail: /data/message_id: expected a string, found an integer
not replayed

{"event":"sms.sent","data":{"message_id":7,"body":"***"}}
"#;
        assert_eq!(pretty("dead", &letter(BODY), None, Privacy::Masked), expected);
    }

    #[test]
    fn non_json_body_is_shown_only_on_request() {
        let letter = letter(b"call Jordan");
        assert!(pretty("dead", &letter, None, Privacy::Masked).contains("(11 bytes, not JSON)"));
        assert!(pretty("dead", &letter, None, Privacy::Shown).contains("call Jordan"));
    }

    #[test]
    fn json_contains_the_value_only_on_request() {
        let read =
            |privacy| serde_json::from_str::<Value>(&json(&letter(BODY), Some("then"), privacy)).unwrap();
        let masked = read(Privacy::Masked);
        assert_eq!(
            (&masked["masked"], &masked["body"]["data"]["body"], &masked["replayed_at"]),
            (&Value::from(true), &Value::from("***"), &Value::from("then"))
        );
        assert_eq!(read(Privacy::Shown)["value"], std::str::from_utf8(BODY).unwrap());
    }
}
