use super::Export;
use crate::topics::acls::Resource;

/// A second run of the script changes nothing.
pub(super) fn commands(export: &Export<'_>) -> String {
    let servers = quoted(export.bootstrap_servers);
    let mut text = String::from(
        "#!/bin/sh\nset -eu\n# If the cluster requires authentication: ADMIN='--command-config \
         admin.properties'\n",
    );
    for name in export.names() {
        let mut words = vec!["--create --if-not-exists --topic".to_owned(), quoted(name)];
        words.extend(export.wanted.partitions.map(|number| format!("--partitions {number}")));
        words.extend(export.wanted.replication_factor.map(|number| format!("--replication-factor {number}")));
        let config = export.wanted.config.iter();
        words.extend(config.map(|(name, value)| format!("--config {}", quoted(&format!("{name}={value}")))));
        text.push_str(&command("kafka-topics.sh", &servers, &words));
    }
    text.push_str(&export.explanation());
    let user = quoted(&format!("User:{}", export.user));
    for acl in export.rights() {
        let mut words = vec!["--add --allow-principal".to_owned(), user.clone()];
        words.extend(acl.operations.iter().map(|operation| format!("--operation {operation}")));
        words.push(match &acl.resource {
            Resource::Topic(name) => format!("--topic {}", quoted(name)),
            Resource::Cluster => "--cluster".to_owned(),
            Resource::Transactions(prefix) => {
                format!("--transactional-id {prefix} --resource-pattern-type prefixed")
            }
        });
        text.push_str(&command("kafka-acls.sh", &servers, &words));
    }
    text
}

fn command(tool: &str, servers: &str, words: &[String]) -> String {
    format!("{tool} --bootstrap-server {servers} ${{ADMIN:-}} {}\n", words.join(" "))
}

/// Quotes text as one word of a shell.
fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.,:=/@%+".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn values_are_quoted_for_the_shell() {
        for (text, word) in [
            ("justcall.call_x-1", "justcall.call_x-1"),
            ("a=compact,delete", "a=compact,delete"),
            ("", "''"),
            ("a b", "'a b'"),
            ("$(rm x)", "'$(rm x)'"),
            ("it's", "'it'\\''s'"),
            ("a;b", "'a;b'"),
        ] {
            assert_eq!(quoted(text), word);
        }
    }
}
