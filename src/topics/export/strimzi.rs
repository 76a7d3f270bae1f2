use super::{Export, Strimzi};
use crate::topics::acls::{Acl, Resource};
use crate::yaml::string;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use yaml_rust2::yaml::Hash;
use yaml_rust2::{Yaml, YamlEmitter};

const MAX_NAME_LENGTH: usize = 253;

/// Hexadecimal digits of the hash that keeps similar topic names apart.
const HASH_DIGITS: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ApiVersion {
    /// Strimzi 0.49 and newer.
    V1,
    /// Strimzi before 1.0.
    V1beta2,
}

/// Strimzi creates the credentials in a Secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authentication {
    /// Password: `sasl.mechanism: SCRAM-SHA-512`.
    ScramSha512,
    /// Client certificate that Strimzi issues.
    Tls,
    /// Client certificate from another authority.
    TlsExternal,
}

pub(super) fn resources(export: &Export<'_>, strimzi: &Strimzi<'_>) -> String {
    let mut text = String::new();
    for name in export.names() {
        text.push_str(&document("", topic(export, strimzi, name)));
    }
    text.push_str(&document(&export.explanation(), user(export, strimzi)));
    text
}

fn topic(export: &Export<'_>, strimzi: &Strimzi<'_>, name: &str) -> Yaml {
    let wanted = export.wanted;
    let resource_name = resource_name(name);
    let mut spec = Hash::new();
    if resource_name != name {
        put(&mut spec, "topicName", string(name));
    }
    // An omitted value means the broker's default.
    for (key, number) in [("partitions", wanted.partitions), ("replicas", wanted.replication_factor)] {
        if let Some(number) = number {
            put(&mut spec, key, Yaml::Integer(number.into()));
        }
    }
    if !wanted.config.is_empty() {
        let config = wanted.config.iter().map(|(name, value)| (string(name), string(value)));
        put(&mut spec, "config", Yaml::Hash(config.collect()));
    }
    resource(strimzi, "KafkaTopic", &resource_name, spec)
}

fn user(export: &Export<'_>, strimzi: &Strimzi<'_>) -> Yaml {
    let authentication = match strimzi.authentication {
        Authentication::ScramSha512 => "scram-sha-512",
        Authentication::Tls => "tls",
        Authentication::TlsExternal => "tls-external",
    };
    let acls = export.rights().iter().map(acl).collect();
    let spec = map([
        ("authentication", map([("type", string(authentication))])),
        ("authorization", map([("type", string("simple")), ("acls", Yaml::Array(acls))])),
    ]);
    resource(strimzi, "KafkaUser", export.user, spec.into_hash().unwrap_or_default())
}

fn acl(acl: &Acl) -> Yaml {
    let named = |kind, name: &str, pattern| {
        map([("type", string(kind)), ("name", string(name)), ("patternType", string(pattern))])
    };
    let resource = match &acl.resource {
        Resource::Topic(name) => named("topic", name, "literal"),
        Resource::Cluster => map([("type", string("cluster"))]),
        Resource::Transactions(prefix) => named("transactionalId", prefix, "prefix"),
    };
    let operations = acl.operations.iter().map(|operation| string(operation.to_string())).collect();
    map([("resource", resource), ("operations", Yaml::Array(operations))])
}

fn resource(strimzi: &Strimzi<'_>, kind: &str, name: &str, spec: Hash) -> Yaml {
    let api_version = match strimzi.api_version {
        ApiVersion::V1 => "kafka.strimzi.io/v1",
        ApiVersion::V1beta2 => "kafka.strimzi.io/v1beta2",
    };
    let mut metadata = Hash::new();
    put(&mut metadata, "name", string(name));
    if let Some(namespace) = strimzi.namespace {
        put(&mut metadata, "namespace", string(namespace));
    }
    put(&mut metadata, "labels", map([("strimzi.io/cluster", string(strimzi.cluster))]));
    map([
        ("apiVersion", string(api_version)),
        ("kind", string(kind)),
        ("metadata", Yaml::Hash(metadata)),
        ("spec", Yaml::Hash(spec)),
    ])
}

fn document(comments: &str, yaml: Yaml) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = YamlEmitter::new(&mut text).dump(&yaml);
    format!("---\n{comments}{}\n", text.trim_start_matches("---\n"))
}

fn map<const N: usize>(entries: [(&str, Yaml); N]) -> Yaml {
    Yaml::Hash(entries.into_iter().map(|(key, value)| (string(key), value)).collect())
}

fn put(hash: &mut Hash, key: &str, value: Yaml) {
    hash.insert(string(key), value);
}

/// Returns the topic's name, or what Kubernetes accepts of it and a hash, so that `a_b`, `a.b` and `A.b`
/// differ.
fn resource_name(topic: &str) -> Cow<'_, str> {
    if is_kubernetes_name(topic) {
        return topic.into();
    }
    let hash = Sha256::digest(topic.as_bytes());
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let lower = topic.to_ascii_lowercase().replace(|char: char| !is_plain(char) && char != '.', "-");
    let labels: Vec<&str> =
        lower.split('.').map(|label| label.trim_matches('-')).filter(|label| !label.is_empty()).collect();
    let mut name = labels.join(".");
    name.truncate(MAX_NAME_LENGTH - HASH_DIGITS - 1);
    let readable = name.trim_end_matches(['.', '-']);
    let separator = if readable.is_empty() { "" } else { "-" };
    format!("{readable}{separator}{}", &hash[..HASH_DIGITS]).into()
}

fn is_plain(char: char) -> bool {
    char.is_ascii_lowercase() || char.is_ascii_digit()
}

/// Checks for an RFC 1123 subdomain.
pub(crate) fn is_kubernetes_name(name: &str) -> bool {
    let is_label = |label: &str| {
        label.chars().all(|char| is_plain(char) || char == '-')
            && label.starts_with(is_plain)
            && label.ends_with(is_plain)
    };
    name.len() <= MAX_NAME_LENGTH && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn valid_kubernetes_name_is_kept() {
        for name in ["justcall.call.completed", "justcall.dead-letter", "a", "0.1-2", &"a".repeat(249)] {
            assert_eq!(resource_name(name), name);
        }
    }

    #[test]
    fn other_names_stay_readable_and_distinct() {
        let name = resource_name("JustCall.call_completed");
        assert!(name.starts_with("justcall.call-completed-"), "{name}");
        let mut names: Vec<_> =
            ["a_b", "a_B", "A.b", "_a.b", "a..b", "a.b_", "-a-b", "a.-b", "___", "...x", "_"]
                .map(resource_name)
                .to_vec();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 11, "{names:?}");
    }

    #[test]
    fn invalid_kubernetes_names_are_recognized() {
        for name in ["", "A", "a_b", "-a", "a-", "a.", ".a", "a..b", "a.-b", "ä", &"a".repeat(254)] {
            assert!(!is_kubernetes_name(name), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn every_topic_has_a_valid_kubernetes_name(topic in "[a-zA-Z0-9._-]{1,249}") {
            let name = resource_name(&topic);
            prop_assert!(is_kubernetes_name(&name), "{name}");
        }

        #[test]
        fn different_topics_have_different_names(one in "[aA._-]{1,6}", other in "[aA._-]{1,6}") {
            prop_assert_eq!(one == other, resource_name(&one) == resource_name(&other));
        }
    }
}
