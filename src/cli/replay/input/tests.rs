use super::*;

fn lines(text: &'static str, longest: usize) -> (Vec<Option<String>>, u64) {
    let mut input = Input { longest, ..Input::of(text.as_bytes()) };
    let mut lines = Vec::new();
    while let Some(taken) = input.next().unwrap() {
        lines.push(taken.bytes.map(|bytes| String::from_utf8(bytes).unwrap()));
        assert_eq!(taken.number, lines.len() as u64);
    }
    (lines, input.byte)
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn lines_have_no_terminator_and_the_last_needs_none() {
    assert_eq!(lines("a\n\nbc\n", 9), (vec![some("a"), some(""), some("bc")], 6));
    assert_eq!(lines("a\nbc", 9), (vec![some("a"), some("bc")], 4));
    assert_eq!(lines("", 9), (vec![], 0));
    assert_eq!(lines("\u{feff}a\n\u{feff}b", 9), (vec![some("a"), some("\u{feff}b")], 9));
}

#[test]
fn oversized_line_is_skipped_without_affecting_the_next() {
    assert_eq!(lines("aaaa\nbbbbb\ncc\n", 4), (vec![some("aaaa"), None, some("cc")], 14));
    assert_eq!(lines("bbbbbbbbbbbb", 4), (vec![None], 12));
}

#[test]
fn file_is_read_from_a_saved_position() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    std::fs::write(&path, "first\nsecond\nthird").unwrap();
    let mut whole = Input::file(&path, 0, 0).unwrap();
    whole.next().unwrap();
    let mut rest = Input::file(&path, whole.line, whole.byte).unwrap();
    let expected = Taken { number: 2, bytes: Some(b"second".to_vec()) };
    assert_eq!(rest.next().unwrap(), Some(expected));
}
