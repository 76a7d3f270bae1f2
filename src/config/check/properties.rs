//! Properties of librdkafka: forbidden, unknown, and of a value that no client can be created with.

use super::{KEY_AND_HEADERS, Report, property_key};
use crate::config::kinds::show_size;
use crate::config::settings::Settings;
use crate::config::tree::Files;
use crate::kafka::properties::{ALIASES, DEFAULT_MESSAGE_MAX_BYTES, accepts, is_known, refused};
use std::fs;
use trial::{Trial, names_file};

mod trial;

/// Reports every property that librdkafka, or one of the bridge's promises, does not allow.
pub(super) fn check(settings: &Settings, files: Files, report: &mut Report<'_>) {
    let key = |name: &str| property_key(settings, name);
    let before = report.problems.len();
    for (name, value) in &settings.kafka.properties {
        if let Some(reason) = refused(name, value.expose()) {
            report.add(key(name), reason);
        } else if !is_known(name) {
            report.add(key(name), "is no property of librdkafka");
        } else if !accepts(name, value.expose()) {
            report.add(key(name), "librdkafka does not accept the value");
        } else if names_file(name) && !value.expose().is_empty() && value.expose().trim().is_empty() {
            report.add(key(name), "is an empty path");
        } else if files != Files::None && names_file(name) && is_special_file(name, value.expose()) {
            report.add(key(name), "is not a regular file");
        }
    }
    let unread = settings.property_files.keys().filter(|name| !settings.kafka.properties.contains_key(*name));
    for name in unread {
        // A value that is allowed wherever any is.
        if let Some(reason) = refused(name, "1") {
            report.add(key(name), reason);
        } else if !is_known(name) {
            report.add(key(name), "is no property of librdkafka");
        }
    }
    let is_set = |name: &str| {
        settings.kafka.properties.contains_key(name) || settings.property_files.contains_key(name)
    };
    for (name, other) in ALIASES.iter().filter(|(name, other)| is_set(name) && is_set(other)) {
        report.add(key(other), format!("is another name of `{name}`, which is set as well: set one of them"));
    }
    let given = [settings.kafka.properties.is_empty(), settings.property_files.is_empty()];
    if given.contains(&false) {
        let reported: Vec<_> = report.problems[before..].iter().map(|problem| problem.key.clone()).collect();
        let is_reported = |name: &str| reported.contains(&key(name));
        Trial::new(settings, files, is_reported).run(report);
    }
    message_size(settings, report);
}

/// Returns whether a path is a FIFO, a device or an unexpected directory. librdkafka would block on a FIFO.
fn is_special_file(name: &str, path: &str) -> bool {
    // OpenSSL finds certificates of authorities in a directory as well.
    let allows_directory = name.ends_with("ca.location");
    // librdkafka reports a file that does not exist.
    fs::metadata(path).is_ok_and(|file| !(file.is_file() || allows_directory && file.is_dir()))
}

fn message_size(settings: &Settings, report: &mut Report<'_>) {
    let name = "message.max.bytes";
    if settings.property_files.contains_key(name) && !settings.kafka.properties.contains_key(name) {
        return;
    }
    let key = |name: &str| property_key(settings, name);
    let largest = settings
        .kafka
        .properties
        .get("message.max.bytes")
        .map_or(Ok(DEFAULT_MESSAGE_MAX_BYTES), |text| text.expose().trim().parse());
    let body = settings.server.max_body_bytes;
    match largest {
        // Where librdkafka does not accept the value either, that was reported.
        Err(_) if report.problems.iter().any(|problem| problem.key == key("message.max.bytes")) => {}
        Err(_) => report.add(key("message.max.bytes"), "must be a whole number of bytes"),
        Ok(largest) if largest < body + KEY_AND_HEADERS => {
            let reason = format!(
                "a body of {} with 16 KiB for its key and headers does not fit `message.max.bytes`, which is {largest}: \
                 lower this, or set `kafka.properties.message.max.bytes` to {} or more (and the topics' `max.message.bytes` with it)",
                show_size(&body),
                body + KEY_AND_HEADERS
            );
            report.add("server.max_body_bytes", reason);
        }
        Ok(_) => {}
    }
}
