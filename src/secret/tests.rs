use super::*;
use std::fmt::Write;

#[test]
fn secret_prints_as_stars() {
    let secret = Secret::from("hush-4711");
    let mut printed = format!("{secret:?} {secret:#?} {:?}", [Some(&secret)]);
    write!(printed, "{:?}", Err::<(), _>(&secret)).unwrap();
    assert!(!printed.contains("4711"), "{printed}");
    assert!(printed.starts_with("*** ***"), "{printed}");
}

#[test]
fn only_equal_text_matches() {
    let secret = Secret::from("hush");
    assert!(secret.matches("hush"));
    for other in ["", "hus", "hushh", "Hush", " hush", "hush\0"] {
        assert!(!secret.matches(other), "{other:?}");
    }
    assert_eq!(secret, Secret::from("hush"));
    assert_ne!(secret, Secret::from("hush "));
}

fn read(bytes: &[u8]) -> Result<Vec<Secret>, SecretFileError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, bytes).unwrap();
    read_secrets(file.path())
}

#[test]
fn each_line_that_is_not_blank_is_a_secret() {
    let secrets = read("\u{feff}first\r\n\n  second \nthird".as_bytes()).unwrap();
    assert_eq!(secrets, ["first", "second", "third"].map(Secret::from));
}

#[test]
fn file_without_secrets_is_an_error_without_content() {
    assert!(matches!(read(b" \n\n"), Err(SecretFileError::Empty)));
    assert!(matches!(read(b"caf\xe9-4711"), Err(SecretFileError::NotText)));
    assert!(matches!(read(&vec![b'a'; 65 * 1024]), Err(SecretFileError::TooLarge)));
    assert!(
        matches!(read_secrets(Path::new("/dev/zero")), Err(SecretFileError::NotRegular)),
        "without an end"
    );
    assert!(matches!(read_secrets(Path::new("/nowhere/at/all")), Err(SecretFileError::Unreadable(_))));
    let error = read(b"caf\xe9-4711").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("4711"));
}

#[test]
fn secret_is_wiped_on_drop() {
    fn is_wiped(_: &impl zeroize::ZeroizeOnDrop) {}
    let Secret(value) = &Secret::from("0123456789abcdef");
    is_wiped(value);
}
