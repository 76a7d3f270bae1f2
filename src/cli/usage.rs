//! Help, and errors in the command line.

use super::{Cli, Failure, ended};
use crate::terminal::{self, printable};
use clap::CommandFactory;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::borrow::Cow;
use std::process::ExitCode;

/// Ends a command whose valid arguments contradict each other.
pub(super) fn usage_error(message: &str) -> ExitCode {
    explain(Cli::command().error(ErrorKind::ArgumentConflict, printable(message)))
}

pub(super) fn explain(mut error: clap::Error) -> ExitCode {
    if error.use_stderr() {
        let is_escaped = escape_arguments(&mut error);
        let text = error.render();
        // The cause in a coloured text may quote the argument.
        terminal::last_text(&text.to_string(), (!is_escaped).then(|| text.ansi().to_string()));
    } else if let Err(failed) = terminal::print_coloured(|| error.print()) {
        return ended(Err(Failure::Output(failed)));
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1))
}

/// Escapes control characters in quoted arguments. Returns true if there was one.
fn escape_arguments(error: &mut clap::Error) -> bool {
    let escaped = |(kind, value): (ContextKind, &ContextValue)| Some((kind, escaped(kind, value)?));
    let changes: Vec<_> = error.context().filter_map(escaped).collect();
    let is_escaped = !changes.is_empty();
    for (kind, value) in changes {
        error.insert(kind, value);
    }
    is_escaped
}

/// Returns `None` for a harmless value. The usage has line breaks of its own.
fn escaped(kind: ContextKind, value: &ContextValue) -> Option<ContextValue> {
    if kind == ContextKind::Usage {
        return None;
    }
    let is_harmful = |text: &str| matches!(printable(text), Cow::Owned(_));
    let one = |text: &str| printable(text).into_owned();
    match value {
        ContextValue::String(text) if is_harmful(text) => Some(ContextValue::String(one(text))),
        ContextValue::Strings(texts) if texts.iter().any(|text| is_harmful(text)) => {
            Some(ContextValue::Strings(texts.iter().map(|text| one(text)).collect()))
        }
        ContextValue::StyledStr(text) if is_harmful(&text.to_string()) => {
            Some(ContextValue::StyledStr(StyledStr::from(one(&text.to_string()))))
        }
        ContextValue::StyledStrs(texts) if texts.iter().any(|text| is_harmful(&text.to_string())) => {
            let texts = texts.iter().map(|text| StyledStr::from(one(&text.to_string())));
            Some(ContextValue::StyledStrs(texts.collect()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn quoted_arguments_are_escaped() {
        let hostile = "x\u{9b}31m\u{202e}\u{1b}[2J\nerror: FAKE";
        let option = format!("--{hostile}");
        let set = format!("--rate={hostile}");
        for args in [
            &["bridge", hostile][..],
            &["bridge", "check", &option],
            &["bridge", "check", hostile],
            &["bridge", "replay", "f", &set],
            &["bridge", "tail", "--format", hostile],
            &["bridge", "send", "--count", hostile],
            &["bridge", "dead-letters", "show", hostile],
            &["bridge", "healthcheck", "--timeout", hostile],
            &["bridge", "route", "--received-at", hostile],
            &["bridge", "dev", "--listen", hostile],
        ] {
            let mut error = Cli::try_parse_from(args).unwrap_err();
            escape_arguments(&mut error);
            let text = error.render().to_string();
            assert!(text.contains("FAKE"), "{args:?}: {text}");
            let unsafe_lines: Vec<_> = text
                .lines()
                .filter(|line| line.starts_with("error: FAKE") || matches!(printable(line), Cow::Owned(_)))
                .collect();
            assert_eq!(unsafe_lines, [""; 0], "{args:?}: {text}");
        }
    }

    #[test]
    fn harmless_arguments_keep_their_colours() {
        let mut error = Cli::try_parse_from(["bridge", "check", "--no-such"]).unwrap_err();
        assert!(!escape_arguments(&mut error));
    }
}
