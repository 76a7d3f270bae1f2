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
fn invalid_certificate_is_a_failure_with_a_reason() {
    let door = |reason: &str| OpenDoor { key: CERTIFICATE.into(), reason: reason.into(), fix: "".into() };
    for (expires, reason) in [(0, "it expired"), (u64::MAX, "valid from tomorrow only")] {
        let finding = certificate(expires, Some(&door(reason)), 5);
        assert_eq!(finding.level, Level::Failure);
        assert!(finding.text.contains(reason), "{}", finding.text);
    }
}
