//! Bodies for a load: the crate's samples, each with a unique id.

use justcall_events::{Dialect, KnownType, identity_pointers, samples};
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// Digits of an id.
const ID_LEN: usize = 15;
const LEAST_ID: u64 = 100_000_000_000_000;

/// With an id after it, a ULID.
const ULID_BEGINNING: &str = "01KNKKKV1FM";

/// The id is between the parts.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    pub(crate) event_type: &'static str,
    pub(crate) pieces: Vec<String>,
    /// Each line has its line end.
    pub(crate) headers: String,
}

impl Template {
    /// Every NUL in the body is a place of the id.
    pub(crate) fn new(event_type: &'static str, body: &str) -> Self {
        Self { event_type, pieces: body.split('\0').map(str::to_owned).collect(), headers: String::new() }
    }

    pub(crate) fn body(&self, number: u64) -> String {
        // No leading zero, because some ids are numbers.
        let id = if number < LEAST_ID { LEAST_ID + number } else { number };
        self.pieces.join(&id.to_string())
    }

    pub(crate) fn len(&self) -> usize {
        self.pieces.iter().map(String::len).sum::<usize>() + (self.pieces.len() - 1) * ID_LEN
    }

    pub(crate) fn padded(mut self, bytes: usize) -> Self {
        const FIELD: &str = r#","padding":"""#;
        let lacking = bytes.saturating_sub(self.len() + FIELD.len());
        let last = self.pieces.last_mut().expect("a piece");
        if lacking > 0 && last.ends_with("}}") {
            last.truncate(last.len() - 2);
            let _ = write!(last, r#","padding":"{}"}}}}"#, "x".repeat(lacking));
        }
        self
    }
}

/// One for each topic, with at least `bytes` bytes.
pub(crate) fn documented(bytes: usize) -> Vec<Template> {
    let all = samples(Dialect::Documented);
    all.map(|(event, body)| template(event, Dialect::Documented, body).padded(bytes)).collect()
}

/// Covers every family.
pub(crate) fn live() -> Vec<Template> {
    const TYPES: [KnownType; 9] = [
        KnownType::CallCompleted,
        KnownType::CallMissed,
        KnownType::CallAnswered,
        KnownType::CallUpdated,
        KnownType::SmsReceived,
        KnownType::SmsSent,
        KnownType::WhatsappMessageReceived,
        KnownType::JcContactStatusUpdated,
        KnownType::AppointmentScheduled,
    ];
    let all = samples(Dialect::Live).filter(|(event, _)| TYPES.contains(event));
    all.map(|(event, body)| template(event, Dialect::Live, body)).collect()
}

fn template(event: KnownType, dialect: Dialect, sample: &str) -> Template {
    let mut body = without_space(sample);
    let pointers = identity_pointers(event, dialect).iter();
    let mut fields = pointers.filter_map(|pointer| pointer.rsplit('/').next());
    assert!(fields.any(|field| replace(&mut body, field, "\0")), "{event} has no identity");
    if dialect == Dialect::Live {
        assert!(
            replace(&mut body, "request_id", &format!("{ULID_BEGINNING}\0")),
            "{event} has no request_id"
        );
    }
    Template::new(event.name(), &body)
}

/// Returns whether the field exists.
fn replace(body: &mut String, field: &str, text: &str) -> bool {
    let name = format!("\"{field}\":");
    let Some(at) = body.find(&name).map(|at| at + name.len()) else { return false };
    let (from, end) = if body[at..].starts_with('"') { (at + 1, '"') } else { (at, ',') };
    let Some(to) = body[from..].find([end, '}']).map(|length| from + length) else { return false };
    body.replace_range(from..to, text);
    true
}

fn without_space(json: &str) -> String {
    let (mut is_text, mut is_escaped) = (false, false);
    json.chars()
        .filter(|each| {
            let is_kept = is_text || !each.is_ascii_whitespace();
            if *each == '"' && !is_escaped {
                is_text = !is_text;
            }
            is_escaped = is_text && *each == '\\' && !is_escaped;
            is_kept
        })
        .collect()
}

/// wrk's script reads them from a file.
pub(crate) struct Events {
    pub(crate) templates: Vec<Template>,
    folder: TempDir,
    /// 0: no event repeats.
    pub(crate) distinct: u64,
}

impl Events {
    pub(crate) fn new(templates: Vec<Template>, path: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut lua = String::from("return {\n");
        for template in &templates {
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n{}content-length: {}\r\n\r\n",
                template.headers,
                template.len()
            );
            lua.push_str("  {");
            for (at, piece) in template.pieces.iter().enumerate() {
                let text = if at == 0 { format!("{head}{piece}") } else { piece.clone() };
                let _ = write!(lua, "{},", quoted(&text));
            }
            lua.push_str("},\n");
        }
        lua.push_str("}\n");
        fs::write(folder.path().join("events.lua"), lua).expect("room on the disk");
        Self { templates, folder, distinct: 0 }
    }

    pub(crate) fn repeating(mut self, distinct: u64) -> Self {
        self.distinct = distinct;
        self
    }

    pub(crate) fn topics(&self) -> impl Iterator<Item = &'static str> {
        self.templates.iter().map(|template| template.event_type)
    }

    pub(crate) fn script(&self) -> PathBuf {
        self.folder.path().join("events.lua")
    }

    pub(crate) fn body(&self, number: u64) -> String {
        self.templates[(number % self.templates.len() as u64) as usize].body(number)
    }

    /// One body on a line.
    pub(crate) fn lines(&self, first: u64, count: u64) -> PathBuf {
        let file = self.folder.path().join("bodies");
        let bodies = (first..first + count).map(|number| self.body(number) + "\n");
        fs::write(&file, bodies.collect::<String>()).expect("room on the disk");
        file
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for each in text.chars() {
        match each {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\r' => quoted.push_str("\\r"),
            '\n' => quoted.push_str("\\n"),
            _ => quoted.push(each),
        }
    }
    quoted.push('"');
    quoted
}
