//! Libraries, loaded before the C library, that change system calls.

use std::fs;
use std::path::Path;
use std::process::Command;

pub(crate) fn build(source: &str, library: &Path) -> Result<(), String> {
    let file = library.with_extension("c");
    fs::write(&file, source).expect("a source file");
    let mut compile = Command::new("cc");
    compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(library).arg(file).arg("-ldl");
    match compile.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(format!("cc: {error}")),
    }
}
