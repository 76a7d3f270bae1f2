//! The bodies in files and on standard input.

use crate::cli::{Failure, files};
use crate::input;
use bytes::Bytes;
use serde_json::value::RawValue;
use std::io;
use std::path::{Path, PathBuf};

#[cfg(test)]
mod tests;

/// One body and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input {
    /// Such as `events.ndjson:3`.
    pub(super) at: String,
    /// Without the space around it that a file has and a webhook does not.
    pub(super) body: Bytes,
}

/// Content of the files, as the operator states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// One body, or one a line.
    Bodies,
    /// One body, whatever its lines are.
    OneBody,
}

/// Returns every body of the files, in order.
pub(super) fn inputs(files: &[PathBuf], content: Content) -> Result<Vec<Input>, Failure> {
    let stdin = [PathBuf::from("-")];
    let files = if files.is_empty() { &stdin } else { files };
    let mut inputs = Vec::new();
    for file in files {
        let (name, bytes) = (file.display().to_string(), read(file)?);
        match content {
            Content::Bodies => inputs.extend(split(&name, files::without_mark(&bytes))),
            Content::OneBody => inputs.push(whole(&name, &bytes)),
        }
    }
    Ok(inputs)
}

/// A file's bytes, or standard input's.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let is_stdin = file == Path::new("-");
    let read = if is_stdin { input::read_all(io::stdin().lock()) } else { input::read(file) };
    read.map_err(|error| Failure::Failed(format!("cannot read {}: {error}", file.display())))
}

fn whole(name: &str, bytes: &[u8]) -> Input {
    Input { at: name.to_owned(), body: Bytes::copy_from_slice(bytes.trim_ascii()) }
}

/// One body, unless the first line is one of its own: then each line is. A line that is none is a body
/// all the same, and a broken one.
fn split(name: &str, bytes: &[u8]) -> Vec<Input> {
    let whole = bytes.trim_ascii();
    let mut lines =
        whole.split(|byte| *byte == b'\n').enumerate().map(|(at, line)| (at + 1, line.trim_ascii()));
    let is_json = |text: &[u8]| serde_json::from_slice::<&RawValue>(text).is_ok();
    let first_stands_alone =
        lines.clone().nth(1).is_some() && lines.next().is_some_and(|(_, line)| is_json(line));
    if !first_stands_alone {
        return vec![self::whole(name, bytes)];
    }
    let skipped = bytes.len() - bytes.trim_ascii_start().len();
    let before = bytes[..skipped].iter().filter(|byte| **byte == b'\n').count();
    let lines = whole.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).enumerate();
    lines
        .filter(|(_, line)| !line.is_empty())
        .map(|(at, line)| Input {
            at: format!("{name}:{}", before + at + 1),
            body: Bytes::copy_from_slice(line),
        })
        .collect()
}
