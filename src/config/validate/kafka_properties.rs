use super::validation_errors::ValidationErrors;
use crate::config::settings::Settings;
use crate::config::settings_input::ReferencedFiles;
use crate::config::value_types::HAS_CONTROL_CHARACTER;
use crate::kafka::properties::{ALIASES, accepts, is_known, names_file, refused};
use std::fs;
use trial_client::TrialClient;

mod trial_client;

const UNKNOWN_PROPERTY: &str = "is not a property of librdkafka";

pub(super) fn check(settings: &Settings, files: ReferencedFiles, errors: &mut ValidationErrors<'_>) {
    let key = |name: &str| settings.property_key(name);
    let before = errors.len();
    for (name, value) in &settings.kafka.properties {
        if has_control_character(name, value.expose()) {
            errors.add(key(name), HAS_CONTROL_CHARACTER);
        } else if let Some(reason) = refused(name, value.expose()) {
            errors.add(key(name), reason);
        } else if !is_known(name) {
            errors.add(key(name), UNKNOWN_PROPERTY);
        } else if !accepts(name, value.expose()) {
            errors.add(
                key(name),
                "is not a value that librdkafka accepts as a whole; write a number in decimal digits, without a unit",
            );
        } else if names_file(name) && !value.expose().is_empty() && value.expose().trim().is_empty() {
            errors.add(key(name), "is an empty path");
        } else if files != ReferencedFiles::None && names_file(name) && is_special_file(name, value.expose())
        {
            errors.add(key(name), "is not a regular file");
        }
    }
    let unread = settings.property_files.keys().filter(|name| !settings.kafka.properties.contains_key(*name));
    for name in unread {
        // Only a refusal of every value counts.
        if let Some(reason) = refused(name, "1") {
            errors.add(key(name), reason);
        } else if !is_known(name) {
            errors.add(key(name), UNKNOWN_PROPERTY);
        }
    }
    let is_set = |name: &str| {
        settings.kafka.properties.contains_key(name) || settings.property_files.contains_key(name)
    };
    for (name, other) in ALIASES.iter().filter(|(name, other)| is_set(name) && is_set(other)) {
        errors.add(key(other), format!("is another name of `{name}`, which is set as well: set one of them"));
    }
    let given = [settings.kafka.properties.is_empty(), settings.property_files.is_empty()];
    if given.contains(&false) {
        let reported: Vec<_> = errors.keys_from(before).map(str::to_owned).collect();
        let is_reported = |name: &str| reported.contains(&key(name));
        TrialClient::new(settings, files, is_reported).run(errors);
    }
}

/// A certificate or key in PEM may have several lines.
fn has_control_character(name: &str, value: &str) -> bool {
    let is_of_lines = |c: char| name.ends_with(".pem") && matches!(c, '\n' | '\r' | '\t');
    value.contains(|c: char| c.is_control() && !is_of_lines(c))
}

/// A FIFO would block librdkafka.
fn is_special_file(name: &str, path: &str) -> bool {
    // OpenSSL also accepts a directory of authorities' certificates.
    let allows_directory = name.ends_with("ca.location");
    // librdkafka reports a missing file.
    fs::metadata(path).is_ok_and(|file| !(file.is_file() || allows_directory && file.is_dir()))
}
