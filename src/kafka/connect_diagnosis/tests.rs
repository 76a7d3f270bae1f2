use super::*;

fn untrusted(words: &str) -> Cause {
    Cause::of(&Error::TlsFailed(format!("ssl://b:1/bootstrap: SSL handshake failed: {words}")))
}

#[test]
fn tls_errors_are_distinguished() {
    let failed =
        "error:0A000086:SSL routines::certificate verify failed: broker certificate could not be verified";
    for (words, cause) in [
        ("its certificate is good, but for another name", Cause::OtherName),
        (failed, Cause::UnknownAuthority),
        ("error: certificate has expired", Cause::NotValidNow),
        ("error:0A00010B:SSL routines::wrong version number", Cause::TlsToPlaintext),
        ("error:0A00045C:SSL routines::tlsv13 alert certificate required", Cause::ClientCertificate),
        ("something new", Cause::Other("ssl://b:1/bootstrap: SSL handshake failed: something new".into())),
    ] {
        assert_eq!(untrusted(words), cause, "{words}");
    }
}

#[test]
fn wrong_mechanism_and_credentials_are_distinguished() {
    let sasl = |words: &str| Cause::of(&Error::AuthenticationFailed(words.into()));
    assert_eq!(sasl("SASL authentication error: Authentication failed"), Cause::Credentials);
    let refused = "SASL X mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported mechanisms: PLAIN,SCRAM-SHA-256";
    assert_eq!(sasl(refused), Cause::Mechanism(Some("PLAIN,SCRAM-SHA-256".into())));
    let nothing = refused.trim_end_matches("PLAIN,SCRAM-SHA-256");
    assert_eq!(sasl(nothing), Cause::SaslUnwanted);
    let client = |words: &str| Cause::of(&Error::Client(words.into()));
    assert_eq!(client("Unsupported SASL mechanism: X"), Cause::Mechanism(None));
    assert_eq!(client("ssl.ca.location failed"), Cause::Properties("ssl.ca.location failed".into()));
}

#[test]
fn closed_connection_and_silence_are_distinguished() {
    let way = |words: &str| Cause::of(&Error::Unreachable(words.into()));
    assert_eq!(
        way("b:1/bootstrap: Disconnected: connection closed by peer: receive 0 after POLLIN"),
        Cause::HungUp
    );
    let plain = "SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener?";
    assert_eq!(way(plain), Cause::TlsToPlaintext);
    assert_eq!(way("Invalid response size 352518912"), Cause::PlaintextToTls);
    assert_eq!(way("Meta data fetch error: BrokerTransportFailure"), Cause::Silent);
    assert_eq!(way("Connect to ipv4#x failed"), Cause::Other("Connect to ipv4#x failed".into()));
}

#[test]
fn advertised_and_configured_brokers_are_distinguished() {
    let refused = "Connect to ipv4#127.0.0.1:1 failed: Connection refused";
    let text = format!(
        "OperationTimedOut; kafka:9092/bootstrap: {refused}; ssl://b-2:9093/2: {refused}; b-1:9092/1: {refused}"
    );
    let advertised = Cause::of(&Error::Unreachable(text));
    assert_eq!(advertised, Cause::Elsewhere(vec!["b-1:9092".into(), "b-2:9093".into()]));
    let own = format!("kafka:9092/bootstrap: {refused}");
    assert_eq!(Cause::of(&Error::Unreachable(own.clone())), Cause::Other(own));
}

#[test]
fn missing_client_certificate_is_recognized_after_the_handshake() {
    let words = "ssl://b:1/bootstrap: SSL receive failed: error:0A00045C:SSL routines::tlsv13 alert certificate required: SSL alert number 116";
    assert_eq!(Cause::of(&Error::Unreachable(words.into())), Cause::ClientCertificate);
}
