use super::validation_errors::ValidationErrors;
use crate::config::error::SettingError;
use crate::config::settings::Settings;
use crate::config::settings_input::ReferencedFiles;
use crate::ingest::{SignatureMode, SourceConfig, check_number, read_keys, read_tokens};
use std::collections::BTreeMap;

pub(super) fn check(settings: &Settings, files: ReferencedFiles, errors: &mut ValidationErrors<'_>) {
    let mut by_path = BTreeMap::new();
    if settings.ingest.sources.is_empty() {
        errors.add("sources", "has no source, so no event could be received: add a source");
    }
    for source in &settings.ingest.sources {
        let name = &source.name;
        let is_legal = |each: char| each.is_ascii_lowercase() || each.is_ascii_digit() || each == '-';
        if !(1..=63).contains(&name.len()) || !name.chars().all(is_legal) {
            errors.add(format!("sources.{name}"), "a source's name is 1 to 63 of a-z, 0-9 and `-`");
        }
        if let Some(other) = by_path.insert(&source.path, name) {
            let reason =
                format!("`{}` is the path of the source `{other}` as well: set another path", source.path);
            errors.add(format!("sources.{name}.path"), reason);
        }
        credentials(source, files, errors);
    }
}

fn credentials(source: &SourceConfig, files: ReferencedFiles, errors: &mut ValidationErrors<'_>) {
    let (name, signature) = (&source.name, &source.signature);
    if signature.required == Some(true) && !signature.has_secret() {
        let reason = "needs a secret to verify signatures: set `secrets_file` or `secrets`";
        errors.add(format!("sources.{name}.signature.required"), reason);
    }
    if signature.mode == SignatureMode::Monitor && !signature.has_secret() {
        let reason = "`monitor` needs a secret to verify signatures: set `secrets_file` or `secrets`";
        errors.add(format!("sources.{name}.signature.mode"), reason);
    }
    for (index, url) in signature.urls.iter().enumerate() {
        let has_scheme = ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme));
        if !has_scheme || url.contains(char::is_control) {
            let reason = "must be a whole URL, character by character as it was entered at JustCall, such as `https://hooks.example.com/webhooks/justcall`";
            errors.add(format!("sources.{name}.signature.urls[{index}]"), reason);
        }
    }
    let number = check_number(source);
    let mut source = source.clone();
    if files != ReferencedFiles::All {
        (source.signature.secrets_file, source.token_file) = (None, None);
    }
    let (mut inline, mut in_file) = (source.clone(), source.clone());
    (inline.token_file, in_file.token) = (None, None);
    let faults = [
        number.and_then(|()| read_keys(&source).map(drop)).err(),
        read_tokens(&inline).err(),
        read_tokens(&in_file).err(),
    ];
    for fault in faults.into_iter().flatten() {
        errors.add(fault.key, fault.reason);
    }
}

/// Reports sources that would accept unsigned events although no setting states it.
pub(in crate::config) fn require_signature_decisions(settings: &Settings, errors: &mut Vec<SettingError>) {
    for source in &settings.ingest.sources {
        let at = format!("sources.{}", source.name);
        let is_decided = source.signature.required.is_some() || source.signature.has_secret();
        // A setting with an error may be the decision.
        if is_decided || errors.iter().any(|error| may_decide(&error.key, &at)) {
            continue;
        }
        let reason = format!(
            "is not set, and there is no secret: any client that knows `{}` could send events. Either set \
             `{at}.signature.secrets_file` to a file with JustCall's API secret, or accept unsigned events \
             with `{at}.signature.required: false`",
            source.path
        );
        errors.push(SettingError::without_value(format!("{at}.signature.required"), None, reason));
    }
}

fn may_decide(key: &str, source: &str) -> bool {
    const OTHERS: [&str; 7] = [
        "path",
        "validation",
        "token",
        "token_file",
        "signature.mode",
        "signature.urls",
        "signature.tolerance",
    ];
    let begins = |whole: &str, part: &str| {
        whole.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let is_other = |name: &str| begins(key, &format!("{source}.{name}"));
    begins(source, key) || begins(key, source) && !OTHERS.iter().any(|name| is_other(name))
}
