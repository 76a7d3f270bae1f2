//! Checks secret files and the served certificate.

use super::finding::Finding;
use crate::config::{SecurityWarning, Settings};
use chrono::DateTime;

const CERTIFICATE: &str = "server.tls.certificate";

/// Days before its expiry at which a certificate should have been renewed.
const RENEWED_BEFORE_DAYS: u64 = 30;

const DAY: u64 = 24 * 60 * 60;

/// Returns true for a warning that is reported with the expiry.
pub(super) fn is_about_certificate(warning: &SecurityWarning) -> bool {
    warning.key == CERTIFICATE
}

/// Returns a finding for each readable secret file and the certificate. Loading has read the bridge's own
/// files; librdkafka's may be unused.
pub(super) fn check(settings: &Settings, warnings: &[SecurityWarning], now: u64) -> Vec<Finding> {
    let is_restricted = |(key, _): &(String, _)| warnings.iter().all(|warning| warning.key != *key);
    let secrets = settings.secret_files().into_iter().filter(is_restricted);
    let secrets = secrets.filter(|(_, path)| std::fs::File::open(path).is_ok());
    let mut findings: Vec<_> = secrets
        .map(|(key, path)| Finding::ok(key, format!("{} can be read, and not by every user", path.display())))
        .collect();
    let not_yet = warnings.iter().find(|warning| is_about_certificate(warning));
    findings.extend(settings.certificate_expires().map(|expires| certificate(expires, not_yet, now)));
    findings
}

/// Judges the certificate. `fault`: reason why clients reject it now.
fn certificate(expires: u64, fault: Option<&SecurityWarning>, now: u64) -> Finding {
    let date = i64::try_from(expires).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let date = date.unwrap_or_default().format("%Y-%m-%d");
    if let Some(warning) = fault {
        return Finding::failure(
            CERTIFICATE,
            format!("clients are likely to refuse the connection: {}", warning.reason),
            "install a valid certificate; a running bridge loads it",
        );
    }
    let days = expires.saturating_sub(now) / DAY;
    if days < RENEWED_BEFORE_DAYS {
        return Finding::warning(
            CERTIFICATE,
            format!("expires on {date}, in {days} days"),
            "renew it; a running bridge loads the new one",
        );
    }
    Finding::ok(CERTIFICATE, format!("fits its key, and is valid until {date}"))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn certificate_close_to_expiry_is_a_warning() {
        let now = 1_000 * DAY;
        for (left, level) in [(30 * DAY, Level::Ok), (30 * DAY - 1, Level::Warning), (1, Level::Warning)] {
            assert_eq!(certificate(now + left, None, now).level, level, "{left}");
        }
    }

    #[test]
    fn file_that_nothing_reads_is_not_reported_as_readable() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::default();
        let mut findings_for = |path: &std::path::Path| {
            let path = path.to_str().unwrap().into();
            settings.kafka.properties.insert("ssl.key.location".into(), path);
            check(&settings, &[], 0).len()
        };
        assert_eq!(findings_for(&folder.path().join("nowhere")), 0);
        let key = folder.path().join("key.pem");
        std::fs::write(&key, "key").unwrap();
        assert_eq!(findings_for(&key), 1);
    }

    #[test]
    fn invalid_certificate_is_a_failure_with_a_reason() {
        let warning =
            |reason: &str| SecurityWarning { key: CERTIFICATE.into(), reason: reason.into(), fix: "".into() };
        for (expires, reason) in [(0, "it expired"), (u64::MAX, "valid from tomorrow only")] {
            let finding = certificate(expires, Some(&warning(reason)), 5);
            assert_eq!(finding.level, Level::Failure);
            assert!(finding.text.contains(reason), "{}", finding.text);
        }
    }
}
