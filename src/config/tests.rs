mod bad;
mod good;
mod routes;

use super::{SettingErrors, Settings, SettingsFile, SettingsInput};
use std::io::Write;

fn load(yaml: &str) -> Result<Settings, SettingErrors> {
    load_from(yaml, &[], &[])
}

fn load_from(yaml: &str, environment: &[(&str, &str)], flags: &[&str]) -> Result<Settings, SettingErrors> {
    let mut file = tempfile::Builder::new().suffix("bridge.yaml").tempfile().unwrap();
    file.write_all(yaml.as_bytes()).unwrap();
    Settings::load(&SettingsInput {
        file: SettingsFile::At(file.path().to_owned()),
        environment: environment.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect(),
        flags: flags.iter().map(|flag| (*flag).into()).collect(),
        ..SettingsInput::default()
    })
}

#[track_caller]
fn good(loaded: Result<Settings, SettingErrors>) -> Settings {
    loaded.unwrap_or_else(|errors| panic!("{errors}"))
}

#[track_caller]
fn errors(loaded: Result<Settings, SettingErrors>) -> SettingErrors {
    match loaded {
        Ok(_) => panic!("nothing wrong was found"),
        Err(errors) => errors,
    }
}
