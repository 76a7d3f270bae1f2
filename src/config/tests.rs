//! From what an operator writes to settings, or to every problem with it.

mod bad;
mod good;
mod routes;

use super::{Problems, Settings, SettingsFile, Sources};
use std::io::Write;

/// Settings from a file's text.
fn load(yaml: &str) -> Result<Settings, Problems> {
    load_from(yaml, &[], &[])
}

fn load_from(yaml: &str, environment: &[(&str, &str)], flags: &[&str]) -> Result<Settings, Problems> {
    let mut file = tempfile::Builder::new().suffix("bridge.yaml").tempfile().unwrap();
    file.write_all(yaml.as_bytes()).unwrap();
    Settings::load(&Sources {
        file: SettingsFile::At(file.path().to_owned()),
        environment: environment.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect(),
        flags: flags.iter().map(|flag| (*flag).into()).collect(),
        ..Sources::default()
    })
}

#[track_caller]
fn good(loaded: Result<Settings, Problems>) -> Settings {
    loaded.unwrap_or_else(|problems| panic!("{problems}"))
}

#[track_caller]
fn problems(loaded: Result<Settings, Problems>) -> Problems {
    match loaded {
        Ok(_) => panic!("nothing wrong was found"),
        Err(problems) => problems,
    }
}
