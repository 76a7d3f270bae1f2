use super::super::finding::Level;
use super::*;

fn server(text: &str) -> Server {
    Server::all(text).remove(0)
}

#[test]
fn server_list_parses_ports_protocols_and_brackets() {
    for (text, host, port) in [
        ("kafka:9093", "kafka", 9093),
        ("kafka", "kafka", 9092),
        ("SSL://kafka:9093", "kafka", 9093),
        ("[::1]:9094", "::1", 9094),
        ("[::1]", "::1", 9092),
        ("10.0.0.1:1", "10.0.0.1", 1),
    ] {
        assert_eq!(server(text), Server { host: host.into(), port }, "{text}");
    }
    let all: Vec<_> = Server::all(" a:1, b:2,,").iter().map(Server::shown).collect();
    assert_eq!(all, ["a:1", "b:2"]);
    assert_eq!(server("[::1]:9094").shown(), "[::1]:9094");
}

fn manner(protocol: &str) -> Manner {
    Manner { protocol: protocol.into(), mechanism: "SCRAM-SHA-512".into() }
}

fn judged(reach: Reach, another_answers: bool, protocol: &str) -> Finding {
    judge(
        "kafka.bootstrap_servers",
        &server("broker.example:9092"),
        &reach,
        another_answers,
        &manner(protocol),
    )
}

#[test]
fn failed_server_is_a_warning_only_if_another_answers() {
    for reach in [
        Reach::Unresolved,
        Reach::NotConnected(io::ErrorKind::ConnectionRefused),
        Reach::NotConnected(io::ErrorKind::TimedOut),
        Reach::NotConnected(io::ErrorKind::NetworkUnreachable),
        Reach::Stopped(Cause::Silent),
    ] {
        assert_eq!(judged(reach.clone(), false, "").level, Level::Failure);
        let finding = judged(reach, true, "");
        assert_eq!(finding.level, Level::Warning);
        assert_eq!(finding.subject.as_deref(), Some("broker.example:9092"));
    }
    assert_eq!(judged(Reach::Answers, false, "").level, Level::Ok);
}

#[test]
fn suitable_protocol_is_suggested() {
    for (cause, protocol, fix) in [
        (Cause::PlaintextToTls, "", "to SSL,"),
        (Cause::PlaintextToTls, "SASL_PLAINTEXT", "to SASL_SSL,"),
        (Cause::TlsToPlaintext, "SSL", "to PLAINTEXT"),
        (Cause::TlsToPlaintext, "SASL_SSL", "to SASL_PLAINTEXT"),
        (Cause::HungUp, "", "to SASL_PLAINTEXT,"),
        (Cause::HungUp, "SSL", "to SASL_SSL,"),
        (Cause::HungUp, "SASL_SSL", "correct the port"),
        (Cause::SaslUnwanted, "SASL_PLAINTEXT", "to PLAINTEXT"),
        (Cause::SaslUnwanted, "SASL_SSL", "to SSL"),
    ] {
        let said = judged(Reach::Stopped(cause.clone()), false, protocol).fix.unwrap();
        assert!(said.contains(fix), "{cause:?} {protocol}: {said}");
    }
}

#[test]
fn every_cause_has_its_own_text() {
    let causes = [
        Cause::Properties("x".into()),
        Cause::OtherName,
        Cause::UnknownAuthority,
        Cause::NotValidNow,
        Cause::ClientCertificate,
        Cause::TlsToPlaintext,
        Cause::PlaintextToTls,
        Cause::HungUp,
        Cause::SaslUnwanted,
        Cause::Credentials,
        Cause::Mechanism(None),
        Cause::Mechanism(Some("PLAIN".into())),
        Cause::Silent,
        Cause::Other("x".into()),
    ];
    let texts: std::collections::BTreeSet<_> =
        causes.iter().map(|cause| judged(Reach::Stopped(cause.clone()), false, "SASL_SSL").text).collect();
    assert_eq!(texts.len(), causes.len(), "{texts:#?}");
}

#[test]
fn greeting_is_a_tls_record() {
    assert_eq!(greeting("broker.example").unwrap()[0], TLS_HANDSHAKE);
    assert!(greeting("127.0.0.1").is_some());
}
