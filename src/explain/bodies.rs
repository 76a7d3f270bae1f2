//! Reader of bodies from files and standard input.

use super::Error;
use crate::input;
use bytes::Bytes;
use serde_json::value::RawValue;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BodyInput {
    /// Such as `events.ndjson:3`.
    pub(crate) at: String,
    /// Without surrounding whitespace, which a file has and a webhook does not.
    pub(crate) body: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyLayout {
    /// One body, or one body a line.
    Bodies,
    OneBody,
}

pub(crate) fn inputs(files: &[PathBuf], content: BodyLayout) -> Result<Vec<BodyInput>, Error> {
    let stdin = [PathBuf::from("-")];
    let files = if files.is_empty() { &stdin } else { files };
    let mut inputs = Vec::new();
    for file in files {
        let (name, bytes) = (file.display().to_string(), read(file)?);
        match content {
            BodyLayout::Bodies => inputs.extend(split(&name, input::without_mark(&bytes))),
            BodyLayout::OneBody => inputs.push(whole(&name, &bytes)),
        }
    }
    Ok(inputs)
}

pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Error> {
    input::read_argument(file).map_err(|error| Error::Unreadable(file.to_owned(), error))
}

fn whole(name: &str, bytes: &[u8]) -> BodyInput {
    BodyInput { at: name.to_owned(), body: Bytes::copy_from_slice(bytes.trim_ascii()) }
}

/// Splits a file whose first line is a complete body into lines, even malformed ones.
fn split(name: &str, bytes: &[u8]) -> Vec<BodyInput> {
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
        .map(|(at, line)| BodyInput {
            at: format!("{name}:{}", before + at + 1),
            body: Bytes::copy_from_slice(line),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(text: &str) -> Vec<(String, String)> {
        let read = |input: BodyInput| (input.at, String::from_utf8(input.body.to_vec()).unwrap());
        split("f", text.as_bytes()).into_iter().map(read).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(at, body)| ((*at).to_owned(), (*body).to_owned())).collect()
    }

    #[test]
    fn one_document_is_one_body_in_any_layout() {
        assert_eq!(bodies("{\n \"a\": 1\n}\n"), pairs(&[("f", "{\n \"a\": 1\n}")]));
        assert_eq!(bodies("{}\n\n"), pairs(&[("f", "{}")]));
    }

    #[test]
    fn each_line_is_a_body_if_the_first_line_is() {
        assert_eq!(
            bodies("{}\n\n [1] \r\nnonsense\n"),
            pairs(&[("f:1", "{}"), ("f:3", "[1]"), ("f:4", "nonsense")])
        );
        assert_eq!(bodies("\n\n{}\n{}"), pairs(&[("f:3", "{}"), ("f:4", "{}")]));
    }

    #[test]
    fn non_json_file_is_one_malformed_body() {
        assert_eq!(bodies("nonsense\n{}"), pairs(&[("f", "nonsense\n{}")]));
    }

    #[test]
    fn empty_file_is_a_probe() {
        assert_eq!(bodies(" \n"), pairs(&[("f", "")]));
    }

    #[test]
    fn one_body_option_ignores_line_breaks() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("body");
        std::fs::write(&file, "\u{feff}{}\n{\"event\":\"call.missed\"}\n").unwrap();
        let count = |content| inputs(std::slice::from_ref(&file), content).unwrap().len();
        assert_eq!((count(BodyLayout::OneBody), count(BodyLayout::Bodies)), (1, 2));
    }
}
