use super::*;

fn bodies(text: &str) -> Vec<(String, String)> {
    let read = |input: Input| (input.at, String::from_utf8(input.body.to_vec()).unwrap());
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
    assert_eq!((count(Content::OneBody), count(Content::Bodies)), (1, 2));
}
