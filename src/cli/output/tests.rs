use super::*;

const HOSTILE: &str = "\u{0}\u{1b}[2J\r\u{7f}\u{80}\u{9b}31m\u{9f}\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}";

fn through_output(text: &str) -> String {
    let mut out = Output { inner: BufWriter::new(Vec::new()) };
    write!(out, "{text}").unwrap();
    String::from_utf8(out.inner.into_inner().unwrap()).unwrap()
}

#[test]
fn control_characters_are_escaped() {
    let shown = through_output(HOSTILE) + &printable(HOSTILE) + &printable("\n\t");
    assert!(!shown.contains(is_obeyed), "{shown:?}");
    assert_eq!(through_output("a\tü\n"), "a\tü\n");
}

#[test]
fn escaped_json_keeps_its_value() {
    let value = serde_json::json!({ "text": HOSTILE, HOSTILE: 1 });
    let shown = through_output(&value.to_string());
    assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
}

#[test]
fn closed_pipe_is_a_success_and_full_disk_a_failure() {
    assert!(written(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
    let failure = written(Err(io::ErrorKind::StorageFull.into())).unwrap_err().to_string();
    assert!(failure.starts_with("cannot write the output"), "{failure}");
}
