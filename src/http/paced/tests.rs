use super::*;

fn ends(pieces: &[&str]) -> Vec<Option<usize>> {
    let mut line = BlankLine::default();
    pieces.iter().map(|piece| line.find(piece.as_bytes())).collect()
}

#[test]
fn a_head_ends_with_its_empty_line() {
    assert_eq!(ends(&["GET / HTTP/1.1\r\na: b\r\n\r\nGET"]), [Some(24)]);
    assert_eq!(ends(&["GET / HTTP/1.1\na: b\n\nGET"]), [Some(21)]);
    assert_eq!(ends(&["GET / HTTP/1.1\r\na: b\r\n c\r\n"]), [None]);
}

#[test]
fn an_empty_line_may_come_in_pieces() {
    assert_eq!(ends(&["a\r", "\n", "\r", "\nb"]), [None, None, None, Some(1)]);
    assert_eq!(ends(&["0\r\n", "\r\n"]), [None, Some(2)]);
    assert_eq!(ends(&["a\r\n", "b\r\n", "\r\n"]), [None, None, Some(2)]);
}

#[test]
fn who_has_left_no_longer_counts() {
    let crowd = Crowd::new(Arc::new(Metrics::new()));
    let (first, second) = (crowd.enter(), crowd.enter());
    assert_eq!(crowd.len(), 2);
    drop(first);
    assert_eq!(crowd.len(), 1);
    drop(second);
    assert_eq!(crowd.len(), 0);
}
