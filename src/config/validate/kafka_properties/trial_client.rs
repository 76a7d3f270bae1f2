//! Client that is created to find properties that librdkafka refuses together.

use crate::config::settings::Settings;
use crate::config::settings_input::ReferencedFiles;
use crate::config::validate::validation_errors::ValidationErrors;
use crate::kafka::client_trial::{CreationFault, creation_fault};
use crate::kafka::properties::{
    MAKES_TOKENS, MECHANISM, Properties, mechanism_fault, names_file, parse_bool, uses_tls,
};
use std::collections::BTreeSet;

const UNKNOWN: &str = "unknown";

const KEYSTORE_PASSWORD: &str = "ssl.keystore.password";

/// Properties that a client requires, and the feature that needs each.
const REQUIRED: [(&str, &str); 3] = [
    ("sasl.username", "the SASL mechanism"),
    ("sasl.password", "the SASL mechanism"),
    (KEYSTORE_PASSWORD, "`ssl.keystore.location`"),
];

const KEYS: [&str; 2] = ["ssl.key.pem", "ssl.key.location"];
const CERTIFICATES: [&str; 2] = ["ssl.certificate.pem", "ssl.certificate.location"];
/// Has key and certificate.
const KEYSTORE: &str = "ssl.keystore.location";

fn is_of_pair(name: &str) -> bool {
    KEYS.contains(&name) || CERTIFICATES.contains(&name) || name == KEYSTORE
}

/// Replaces values that are unknown because their file is not read or they have an error. librdkafka accepts
/// the replacement with the other properties, if such a replacement exists.
pub(super) struct TrialClient<'s> {
    settings: &'s Settings,
    properties: Properties,
    unknown: BTreeSet<String>,
    /// Key and certificate cannot be compared.
    is_pair_unknown: bool,
}

impl<'s> TrialClient<'s> {
    pub(super) fn new(
        settings: &'s Settings,
        files: ReferencedFiles,
        is_reported: impl Fn(&str) -> bool,
    ) -> Self {
        let given = &settings.kafka.properties;
        let is_in_unread_file =
            |name: &str| settings.property_files.contains_key(name) && !given.contains_key(name);
        let is_encrypted_key = |name: &str| {
            KEYS.contains(&name)
                && is_in_unread_file("ssl.key.password")
                && given.get(name).is_some_and(|key| key.expose().contains("ENCRYPTED"))
        };
        let names_unread_file = |name: &str| {
            files == ReferencedFiles::None
                && names_file(name)
                && given.get(name).is_some_and(|path| !path.expose().is_empty())
        };
        let is_unknown = |name: &str| {
            is_in_unread_file(name) || is_reported(name) || is_encrypted_key(name) || names_unread_file(name)
        };
        let names = given.keys().chain(settings.property_files.keys());
        let unknown: BTreeSet<_> = names.filter(|name| is_unknown(name)).cloned().collect();
        let known = given.iter().filter(|(name, _)| !unknown.contains(*name));
        let properties = known.map(|(name, value)| (name.clone(), value.expose().to_owned())).collect();
        let is_pair_unknown = unknown.iter().any(|name| is_of_pair(name));
        let mut client = Self { settings, properties, unknown, is_pair_unknown };
        client.replace_unknown();
        client
    }

    fn replace_unknown(&mut self) {
        let creates_tokens = match self.properties.get(MAKES_TOKENS) {
            Some(value) => parse_bool(value) == Some(true),
            None => self.unknown.contains(MAKES_TOKENS),
        };
        for name in &self.unknown {
            let value = match name.as_str() {
                // OAUTHBEARER needs no further property if librdkafka creates the tokens.
                name if MECHANISM.contains(&name) => {
                    if creates_tokens {
                        "OAUTHBEARER"
                    } else {
                        "PLAIN"
                    }
                }
                MAKES_TOKENS => "true",
                "sasl.username" | "sasl.password" | KEYSTORE | KEYSTORE_PASSWORD => UNKNOWN,
                _ => continue,
            };
            self.properties.insert(name.clone(), value.to_owned());
        }
    }

    pub(super) fn run(mut self, errors: &mut ValidationErrors<'_>) {
        if let Some((name, reason)) = mechanism_fault(&self.properties) {
            errors.add(self.settings.property_key(name), reason);
            MECHANISM.iter().for_each(|name| drop(self.properties.remove(*name)));
            self.properties.insert(MECHANISM[0].to_owned(), "PLAIN".to_owned());
            // The properties that the right mechanism needs are not known.
            self.assume("sasl.username");
            self.assume("sasl.password");
        }
        self.report_lone_key(errors);
        while let Some(fault) = creation_fault(&self.properties) {
            if !self.resolve(fault, errors) {
                return;
            }
        }
    }

    fn assume(&mut self, name: &str) {
        self.unknown.insert(name.to_owned());
        self.properties.insert(name.to_owned(), UNKNOWN.to_owned());
    }

    fn is_set(&self, name: &str) -> bool {
        self.unknown.contains(name) || self.properties.get(name).is_some_and(|value| !value.is_empty())
    }

    /// librdkafka does not report a key without a certificate.
    fn report_lone_key(&mut self, errors: &mut ValidationErrors<'_>) {
        let key = KEYS.into_iter().find(|name| self.is_set(name));
        let has_certificate = CERTIFICATES.iter().chain([&KEYSTORE]).any(|name| self.is_set(name));
        if let (Some(name), false, true) = (key, has_certificate, uses_tls(&self.properties)) {
            let reason = "needs the certificate of the client: set `ssl.certificate.location` as well";
            errors.add(self.settings.property_key(name), reason);
            self.is_pair_unknown = true;
        }
    }

    /// Reports a fault and removes its cause, to find the next. `false` if it removed none.
    fn resolve(&mut self, fault: CreationFault, errors: &mut ValidationErrors<'_>) -> bool {
        let CreationFault { properties: named, reason } = fault;
        let settings = self.settings;
        let key = |name: &str| settings.property_key(name);
        let is_missing = |name: &str| named.iter().any(|each| each == name) && !self.is_set(name);
        let missing: Vec<_> = REQUIRED.into_iter().filter(|(name, _)| is_missing(name)).collect();
        if !missing.is_empty() {
            for (name, user) in missing {
                errors.add(key(name), format!("is not set, and {user} needs it"));
                self.assume(name);
                if name == KEYSTORE_PASSWORD {
                    // A keystore cannot be read without its password.
                    self.unknown.insert(KEYSTORE.to_owned());
                    self.is_pair_unknown = true;
                }
            }
            return true;
        }
        let mut given: Vec<_> = named.iter().filter(|name| self.properties.contains_key(*name)).collect();
        given.sort_unstable_by_key(|name| std::cmp::Reverse(name.len()));
        let reason = format!("no Kafka client can be created: {reason}");
        if given.is_empty() {
            // librdkafka compares key and certificate last.
            let pair = || KEYS.into_iter().chain([KEYSTORE]).find(|name| self.properties.contains_key(*name));
            if !self.is_pair_unknown {
                errors.add(pair().map_or("kafka.properties".to_owned(), key), reason);
            }
            return false;
        }
        if !named.iter().any(|name| self.unknown.contains(name)) {
            errors.add(key(given[0]), reason);
        }
        for name in given {
            self.properties.remove(name);
            self.is_pair_unknown |= is_of_pair(name);
        }
        true
    }
}
