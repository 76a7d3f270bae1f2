use super::*;

fn ends(pieces: &[&str]) -> Vec<Option<usize>> {
    let mut line = BlankLine::default();
    pieces.iter().map(|piece| line.find(piece.as_bytes())).collect()
}

#[test]
fn head_ends_with_its_empty_line() {
    assert_eq!(ends(&["GET / HTTP/1.1\r\na: b\r\n\r\nGET"]), [Some(24)]);
    assert_eq!(ends(&["GET / HTTP/1.1\na: b\n\nGET"]), [Some(21)]);
    assert_eq!(ends(&["GET / HTTP/1.1\r\na: b\r\n c\r\n"]), [None]);
}

#[test]
fn empty_line_may_arrive_in_pieces() {
    assert_eq!(ends(&["a\r", "\n", "\r", "\nb"]), [None, None, None, Some(1)]);
    assert_eq!(ends(&["0\r\n", "\r\n"]), [None, Some(2)]);
    assert_eq!(ends(&["a\r\n", "b\r\n", "\r\n"]), [None, None, Some(2)]);
}

#[test]
fn empty_lines_before_a_request_line_do_not_end_a_head() {
    assert_eq!(ends(&["\r\n\r\n\n", "\r\n", "GET / HTTP/1.1\r\n\r\n\r\n"]), [None, None, Some(18)]);
    let mut line = BlankLine::default();
    line.find(b"\r\n\r\n");
    assert!(!line.has_begun());
    line.find(b"G");
    assert!(line.has_begun());
}

#[test]
fn body_length_is_read_from_a_complete_head() {
    let length = |text: &str| body_length(text.as_bytes());
    assert_eq!(length("POST / HTTP/1.1\r\nContent-length:  12 \r\na: b\r\n\r\n{}"), Some((47, 12)));
    assert_eq!(length("POST / HTTP/1.1\r\na: b\r\n\r\n{}"), None, "no length");
    assert_eq!(length("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r"), None, "cut off");
    assert_eq!(length("POST / HTTP/1.1\r\nContent-Length: 2"), None, "cut off in a line");
    assert_eq!(length(""), None);
}

#[test]
fn unusual_head_has_no_body_length() {
    let with = |lines: &str| body_length(format!("POST / HTTP/1.1\r\n{lines}\r\n\r\n{{}}").as_bytes());
    assert!(with("content-length: 2").is_some());
    for unusual in [
        "content-length: 2\r\ntransfer-encoding: chunked",
        "Transfer-Encoding: gzip\r\ncontent-length: 2",
        "content-length: 2\r\nContent-Length: 2",
        "content-length: 2, 2",
        "content-length: +2",
        "content-length: ",
        "content-length: 1234567890123456789",
        "content-length: 2\na: b",
    ] {
        assert_eq!(with(unusual), None, "{unusual}");
    }
    assert_eq!(
        body_length(b"\r\n\r\nPOST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}"),
        None,
        "empty lines first"
    );
}
