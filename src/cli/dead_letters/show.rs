//! `dead-letters show`.

use super::open;
use crate::app::dead_letters::{Letter, LetterId};
use crate::cli::output::{self, printable};
use crate::cli::tail::format::{Privacy, body, headers_of};
use crate::cli::tail::mask;
use crate::cli::{Failure, SettingsArgs, spool};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::fmt::Write as _;

#[cfg(test)]
mod tests;

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
            "no dead letter stands at {id} in {topic}; `dead-letters list --each` shows those that do"
        )));
    };
    let privacy = if show_personal_data { Privacy::Shown } else { Privacy::Masked };
    match (raw, as_json) {
        (true, _) => output::print_bytes(&letter.value),
        (false, true) => output::print(&json(&letter, replayed.as_deref(), privacy)),
        (false, false) => output::print(&pretty(letters.topic(), &letter, replayed.as_deref(), privacy)),
    }
}

fn pretty(topic: &str, letter: &Letter, replayed: Option<&str>, privacy: Privacy) -> String {
    let mut text = format!("dead letter {} in {topic}, {} bytes\n", letter.id, letter.value.len());
    for (name, value) in headers_of(&letter.headers, privacy) {
        // Writing to a string cannot fail.
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
    let headers = spool::text_headers(headers_of(&letter.headers, privacy));
    let mut value = Map::new();
    match privacy {
        Privacy::Shown => spool::bytes(&mut value, "value", &letter.value),
        Privacy::Masked => {
            value.insert("masked".into(), true.into());
        }
    }
    let body = match privacy {
        Privacy::Masked => mask::body(&letter.value).and_then(|body| RawValue::from_string(body).ok()),
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
    // All fields always serialize.
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
