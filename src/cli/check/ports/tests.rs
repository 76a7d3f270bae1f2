use super::super::finding::Level;
use super::*;
use io::ErrorKind as Kind;

fn level(tried: Result<(), Kind>, running: Option<bool>) -> (Level, String) {
    let running = running.map(|is_ready| Running { is_ready });
    let finding = judge("admin.listen", "10.0.0.1:81".parse().unwrap(), tried, running);
    assert_eq!(finding.fix.is_some(), finding.level != Level::Ok);
    (finding.level, finding.text)
}

#[test]
fn used_port_is_a_failure_unless_a_bridge_has_it() {
    assert_eq!(level(Ok(()), None), (Level::Ok, "10.0.0.1:81 is free".into()));
    assert_eq!(level(Err(Kind::AddrInUse), None).0, Level::Failure);
    assert_eq!(level(Err(Kind::AddrInUse), Some(true)).0, Level::Ok);
    assert_eq!(level(Err(Kind::AddrInUse), Some(false)).0, Level::Warning);
}

#[test]
fn unusable_address_is_always_a_failure() {
    for (kind, says) in [
        (Kind::PermissionDenied, "does not let this user"),
        (Kind::AddrNotAvailable, "no address of this machine"),
        (Kind::OutOfMemory, "cannot be listened on"),
    ] {
        let (level, text) = level(Err(kind), Some(true));
        assert_eq!(level, Level::Failure);
        assert!(text.contains(says), "{text}");
    }
}

#[test]
fn only_a_readiness_response_identifies_a_bridge() {
    let answer = |body: &str| recognise(format!("HTTP/1.1 503 x\r\na: b\r\n\r\n{body}").as_bytes());
    assert_eq!(answer(r#"{"ready":false,"parts":{"kafka":"down"}}"#), Some(Running { is_ready: false }));
    assert_eq!(answer(r#"{"ready":true,"parts":{}}"#), Some(Running { is_ready: true }));
    for other in ["", "ok", r#"{"ready":true}"#, r#"{"parts":{}}"#, r#"{"ready":1,"parts":{}}"#] {
        assert_eq!(answer(other), None, "{other}");
    }
    assert_eq!(recognise(b"SSH-2.0-x\r\n"), None);
}
