//! Explanation of a body under the settings, and files of expected results.

mod bodies;
mod case;
mod compare;
mod explanation;
mod file;
mod update;

pub(crate) use bodies::{BodyInput, BodyLayout, inputs, read};
pub(crate) use case::Case;
pub(crate) use compare::Mismatch;
pub(crate) use explanation::{ExplainedRoute, Explanation, RouteOutcome, Router, Seen};
pub(crate) use file::cases;
pub(crate) use update::{Updated, update};

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot read or write {}: {}", .0.display(), .1)]
    File(PathBuf, io::Error),
    #[error("cannot read {}: {}", .0.display(), .1)]
    Unreadable(PathBuf, io::Error),
    /// Position and reason.
    #[error("{0}: {1}")]
    Invalid(String, String),
    /// Must not pass for a tested mapping.
    #[error("{} has no case", .0.display())]
    Empty(PathBuf),
    #[error("{0}")]
    Source(String),
}

/// Returns the differences between the actual and the expected result. `source`: for a case that names none.
pub(crate) fn judge(router: &Router<'_>, case: &Case, source: Option<&str>) -> Result<Vec<Mismatch>, Error> {
    let unknown = |reason: String| Error::Invalid(case.at.clone(), reason);
    let source = router.source(case.source.as_deref().or(source)).map_err(unknown)?;
    Ok(compare::differences(&case.expected, &router.explain(source, &case.body)))
}
