use super::*;
use std::fmt::Write;

#[test]
fn secret_prints_as_stars_however_it_is_printed() {
    let secret = Secret::from("hush-4711");
    let mut printed = format!("{secret:?} {secret:#?} {:?}", [Some(&secret)]);
    write!(printed, "{:?}", Err::<(), _>(&secret)).unwrap();
    assert!(!printed.contains("4711"), "{printed}");
    assert!(printed.starts_with("*** ***"), "{printed}");
}

#[test]
fn only_the_very_same_text_is_the_secret() {
    let secret = Secret::from("hush");
    assert!(secret.is("hush"));
    for other in ["", "hus", "hushh", "Hush", " hush", "hush\0"] {
        assert!(!secret.is(other), "{other:?}");
    }
    assert_eq!(secret, Secret::from("hush"));
    assert_ne!(secret, Secret::from("hush "));
}

fn read(bytes: &[u8]) -> Result<Vec<Secret>, FileError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, bytes).unwrap();
    read_file(file.path())
}

#[test]
fn file_holds_a_secret_on_each_line_that_is_not_blank() {
    let secrets = read("\u{feff}first\r\n\n  second \nthird".as_bytes()).unwrap();
    assert_eq!(secrets, ["first", "second", "third"].map(Secret::from));
}

#[test]
fn file_without_secrets_is_an_error_that_quotes_nothing() {
    assert!(matches!(read(b" \n\n"), Err(FileError::Empty)));
    assert!(matches!(read(b"caf\xe9-4711"), Err(FileError::NotText)));
    assert!(matches!(read(&vec![b'a'; 65 * 1024]), Err(FileError::TooLarge)));
    assert!(matches!(read_file(Path::new("/dev/zero")), Err(FileError::NotRegular)), "without an end");
    assert!(matches!(read_file(Path::new("/nowhere/at/all")), Err(FileError::Unreadable(_))));
    let error = read(b"caf\xe9-4711").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("4711"));
}

#[test]
fn secret_is_wiped_when_it_is_dropped() {
    fn is_wiped(_: &impl zeroize::ZeroizeOnDrop) {}
    let Secret(value) = &Secret::from("0123456789abcdef");
    is_wiped(value);
}
