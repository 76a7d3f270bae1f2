use super::*;
use std::fs;

fn files() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (file, resume) = (folder.path().join("a.ndjson"), folder.path().join("a.ndjson.resume"));
    fs::write(&file, "{}\n{}\n").unwrap();
    (folder, file, resume)
}

fn load(resume: &Path, file: &Path) -> Result<Option<Point>, Unusable> {
    Point::load(resume, file, &Identity::of(file).unwrap())
}

#[test]
fn saved_position_is_loaded_unchanged() {
    let (_folder, file, resume) = files();
    assert!(load(&resume, &file).unwrap().is_none());
    let beginning = Point::beginning(Identity::of(&file).unwrap());
    let point = Point { line: 1, byte: 3, rejected: 1, rejects_bytes: 3, ..beginning };
    point.save(&resume).unwrap();
    assert_eq!(load(&resume, &file).unwrap(), Some(point));
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 2, "something is left behind");
}

#[test]
fn changed_file_is_rejected_with_advice() {
    let (_folder, file, resume) = files();
    let point = Point { line: 7, ..Point::beginning(Identity::of(&file).unwrap()) };
    point.save(&resume).unwrap();
    for changed in ["{}\n[]\n", "{}\n{}\n{}\n"] {
        fs::write(&file, changed).unwrap();
        let text = load(&resume, &file).unwrap_err().to_string();
        assert!(text.contains("--from-line 8") && text.contains("--restart"), "{text}");
    }
}

#[test]
fn unrelated_file_is_not_overwritten_as_resume_file() {
    let (_folder, file, resume) = files();
    fs::write(&resume, "precious").unwrap();
    assert!(matches!(load(&resume, &file), Err(Unusable::Foreign(_))));
    assert_eq!(fs::read(&resume).unwrap(), b"precious");
}
