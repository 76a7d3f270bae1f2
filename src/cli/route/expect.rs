//! `route --expect`: compares a mapping with its expected results.

mod case;
mod compare;
mod file;
mod update;

use super::explanation::Router;
use super::input::Input;
use crate::cli::{Failure, print};
use crate::terminal::printable;
use case::Case;
use compare::{Difference, differences};
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;

/// Options of `--expect`.
#[derive(Debug, Clone, Copy)]
pub(super) struct How<'a> {
    /// Source of cases that name none.
    pub(super) source: Option<&'a str>,
    /// True to write the actual results instead of comparing.
    pub(super) update: bool,
    pub(super) json: bool,
}

/// Compares each case, or updates the file.
pub(super) fn run(router: &Router<'_>, path: &Path, inputs: Vec<Input>, how: How<'_>) -> Result<(), Failure> {
    if how.update {
        return update::run(router, path, inputs, how.source);
    }
    if !inputs.is_empty() {
        return Err(Failure::Failed("--expect brings its own events; FILE goes with --update only".into()));
    }
    let cases = file::read(path)?;
    let mut differing = 0;
    for case in &cases {
        let found = judge(router, case, how.source)?;
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

/// Returns the differences between the actual and the expected result of a case.
fn judge(router: &Router<'_>, case: &Case, source: Option<&str>) -> Result<Vec<Difference>, Failure> {
    let failed = |reason: String| Failure::Failed(format!("{}: {reason}", case.at));
    let source = router.source(case.source.as_deref().or(source)).map_err(failed)?;
    Ok(differences(&case.expected, &router.explain(source, &case.body)))
}

/// Prints the result of one case. Text output omits cases that match.
fn print_result(case: &Case, found: &[Difference], as_json: bool) -> Result<(), Failure> {
    let text = if as_json {
        let found: Vec<_> = found.iter().map(Difference::json).collect();
        let line = json!({ "at": case.at, "name": case.name, "ok": found.is_empty(), "differences": found });
        format!("{line}\n")
    } else if found.is_empty() {
        String::new()
    } else {
        let name = case.name.as_ref().map(|name| format!(" {}", printable(name))).unwrap_or_default();
        let mut text = format!("{}{name}\n", case.at);
        for Difference { field, expected, actual } in found {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {}", printable(field));
            let _ = writeln!(text, "    expected  {}", printable(&expected.to_string()));
            let _ = writeln!(text, "    actual    {}", printable(&actual.to_string()));
        }
        text
    };
    print(&text)
}
