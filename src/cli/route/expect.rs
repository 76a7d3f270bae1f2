//! `route --expect`: compares a mapping with its expected results.

use crate::cli::{Failure, print};
use crate::explain::{self, BodyInput, Case, Mismatch, Router, Updated};
use crate::terminal::printable;
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;

#[derive(Debug, Clone, Copy)]
pub(super) struct How<'a> {
    /// Source of cases that name none.
    pub(super) source: Option<&'a str>,
    /// Writes the actual results instead of comparing.
    pub(super) update: bool,
    pub(super) json: bool,
}

pub(super) fn run(
    router: &Router<'_>,
    path: &Path,
    inputs: Vec<BodyInput>,
    how: How<'_>,
) -> Result<(), Failure> {
    if how.update {
        let bodies: Vec<_> = inputs.into_iter().map(|input| input.body).collect();
        let Updated { changed, added } = explain::update(router, path, &bodies, how.source)?;
        return print(&format!("{}: {changed} changed, {added} added\n", printable(&path.to_string_lossy())));
    }
    if !inputs.is_empty() {
        return Err(Failure::Failed("--expect has its own events: leave FILE out, or add --update".into()));
    }
    let cases = explain::cases(path, &explain::read(path)?)?;
    let mut differing = 0;
    for case in &cases {
        let found = explain::judge(router, case, how.source)?;
        differing += usize::from(!found.is_empty());
        print_result(case, &found, how.json)?;
    }
    let number = cases.len();
    match differing {
        0 if how.json => Ok(()),
        0 => print(&format!("{number} as expected\n")),
        _ => Err(Failure::Failed(format!("{differing} of {number} differ from what is expected"))),
    }
}

/// Prints the result of a case. Text output omits cases that match.
fn print_result(case: &Case, found: &[Mismatch], as_json: bool) -> Result<(), Failure> {
    let text = if as_json {
        let found: Vec<_> = found.iter().map(Mismatch::json).collect();
        let line = json!({ "at": case.at, "name": case.name, "ok": found.is_empty(), "differences": found });
        format!("{line}\n")
    } else if found.is_empty() {
        String::new()
    } else {
        let name = case.name.as_ref().map(|name| format!(" {}", printable(name))).unwrap_or_default();
        let mut text = format!("{}{name}\n", printable(&case.at));
        for Mismatch { field, expected, actual } in found {
            let _ = writeln!(text, "  {}", printable(field));
            let _ = writeln!(text, "    expected  {}", printable(&expected.to_string()));
            let _ = writeln!(text, "    actual    {}", printable(&actual.to_string()));
        }
        text
    };
    print(&text)
}
