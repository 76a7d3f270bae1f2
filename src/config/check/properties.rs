//! Properties of librdkafka: forbidden, unknown, and of a value that no client can be created with.

use super::{KEY_AND_HEADERS, Report, property_key};
use crate::config::kinds::show_size;
use crate::config::settings::Settings;
use crate::config::tree::Files;
use crate::kafka::properties::{
    ALIASES, CreationFault, DEFAULT_MESSAGE_MAX_BYTES, accepts, creation_fault, is_known, refused,
};
use std::collections::BTreeMap;

/// Ends of the names of properties whose value is the path of a file or a directory.
const NAMES_FILES: [&str; 2] = [".location", ".file"];

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
    if !settings.kafka.properties.is_empty() {
        let reported: Vec<_> = report.problems[before..].iter().map(|problem| problem.key.clone()).collect();
        creation(settings, files, &reported, report);
    }
    message_size(settings, report);
}

/// Tries whether a client can be created, without the properties that were reported and without what is in
/// files that are not read.
fn creation(settings: &Settings, files: Files, reported: &[String], report: &mut Report<'_>) {
    let given = &settings.kafka.properties;
    let is_in_file = |name: &str| settings.property_files.contains_key(name) && !given.contains_key(name);
    if MECHANISM.iter().any(|name| is_in_file(name)) {
        return;
    }
    let is_unread = |name: &str| {
        is_in_file(name)
            || files == Files::None
                && given.contains_key(name)
                && NAMES_FILES.iter().any(|end| name.ends_with(end))
    };
    let names = || given.keys().chain(settings.property_files.keys());
    // Key, certificate and keystore are of use together only.
    let is_pair_unread = names().any(|name| is_of_pair(name) && is_unread(name));
    let is_reported = |name: &str| reported.contains(&property_key(settings, name));
    let is_left_out = |name: &str| is_unread(name) || is_reported(name) || is_pair_unread && is_of_pair(name);
    let tried = given.iter().filter(|(name, _)| !is_left_out(name));
    let mut properties: BTreeMap<_, _> =
        tried.map(|(name, value)| (name.clone(), value.expose().to_owned())).collect();
    for name in settings.property_files.keys().filter(|name| name.starts_with("sasl.") && !is_reported(name))
    {
        // Stands for a value that was not read: librdkafka asks that a user has a password.
        properties.entry(name.clone()).or_insert_with(|| "unread".into());
    }
    if is_pair_unread
        && given.contains_key("ssl.keystore.location")
        && !names().any(|name| name == KEYSTORE_PASSWORD)
    {
        report.add(property_key(settings, KEYSTORE_PASSWORD), "is missing: `ssl.keystore.location` needs it");
    }
    while let Some(CreationFault { property, reason }) = creation_fault(&properties) {
        let key = property.as_deref().map_or("kafka.properties".into(), |name| property_key(settings, name));
        report.add(key, reason);
        // Others may be wrong as well; without any of the rest the next fault could be none.
        let is_alone = property.filter(|name| INDEPENDENT.contains(&name.as_str()));
        if is_alone.and_then(|name| properties.remove(&name)).is_none() {
            break;
        }
    }
}

/// Names of the property that chooses how a user logs in.
const MECHANISM: [&str; 2] = ["sasl.mechanism", "sasl.mechanisms"];

const KEYSTORE_PASSWORD: &str = "ssl.keystore.password";

/// Properties that librdkafka judges by themselves when it creates a client.
const INDEPENDENT: [&str; 3] = ["ssl.cipher.suites", "ssl.curves.list", "ssl.sigalgs.list"];

/// Returns whether a property is about the client's certificate or its key.
fn is_of_pair(name: &str) -> bool {
    ["ssl.key.", "ssl.certificate.", "ssl.keystore."].iter().any(|start| name.starts_with(start))
}

fn message_size(settings: &Settings, report: &mut Report<'_>) {
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
