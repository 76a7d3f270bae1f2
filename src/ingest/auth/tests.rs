use super::*;
use crate::ingest::{Budget, Credentials, Refusal, SignatureConfig};
use bytes::Bytes;
use justcall_events::{Scanned, Validation, scan};

const TOKEN: &str = "a-token-of-24-characters";
const EVENT: &[u8] = br#"{"webhook_url":"https://h.example/","type":"call.completed","data":{}}"#;

fn source(required: Option<bool>, mode: SignatureMode) -> SourceConfig {
    SourceConfig {
        name: "main".to_owned(),
        path: "/".to_owned(),
        validation: Validation::Documented,
        signature: SignatureConfig { required, mode, ..SignatureConfig::default() },
        token: None,
        token_file: None,
    }
}

fn authenticate(source: &SourceConfig, signature: &Headers) -> [Result<Option<Valid>, Outcome>; 2] {
    let authenticator = Authenticator::open(source, &Metrics::new()).unwrap();
    let arrival = Arrival {
        source: 0,
        body: Some(Bytes::from_static(EVENT)),
        received_at: Utc::now(),
        credentials: Credentials { token: None, signature: signature.clone() },
        trace: None,
        permit: Budget::new(100).admit(1).unwrap(),
    };
    let Ok(Scanned::Envelope(envelope)) = scan(EVENT) else { panic!("an envelope") };
    [authenticator.authenticate(&arrival, Some(&envelope)), authenticator.authenticate(&arrival, None)]
}

/// Any client can create these.
fn signed_without_secret() -> Headers {
    let timestamp = Utc::now().format("%Y-%m-%d %H:%M:%S").to_string();
    let signature = justcall_events::signature::sign("", "https://h.example/", "call.completed", &timestamp);
    Headers { signature: Some(signature), version: Some("v1".to_owned()), timestamp: Some(timestamp) }
}

/// The settings refuse this combination. No request may be authenticated if they ever accept it.
#[test]
fn required_signature_without_secrets_denies_every_request() {
    let source = source(Some(true), SignatureMode::Enforce);
    let unverifiable = Err(Outcome::Denied(Denial::Unverifiable));
    let missing = Err(Outcome::Denied(Denial::Signature(Fault::Missing)));
    assert_eq!(authenticate(&source, &Headers::default()), [missing, unverifiable.clone()]);
    let mismatch = Err(Outcome::Refused(Refusal::SignatureMismatch));
    assert_eq!(authenticate(&source, &signed_without_secret()), [mismatch, unverifiable]);
}

#[test]
fn optional_signature_without_secrets_ignores_the_headers() {
    for required in [None, Some(false)] {
        let source = source(required, SignatureMode::Enforce);
        assert_eq!(authenticate(&source, &Headers::default()), [Ok(None), Ok(None)]);
        assert_eq!(authenticate(&source, &signed_without_secret()), [Ok(None), Ok(None)]);
    }
}

#[test]
fn token_is_checked_before_the_signature() {
    let mut source = source(Some(true), SignatureMode::Monitor);
    source.signature.secrets = vec!["secret".into()];
    assert_eq!(authenticate(&source, &Headers::default()), [Ok(None), Ok(None)], "monitored");
    source.token = Some(TOKEN.into());
    let token = || Err(Outcome::Denied(Denial::Token));
    assert_eq!(authenticate(&source, &Headers::default()), [token(), token()]);
}

#[test]
fn only_permanent_signature_faults_are_denied() {
    let refused: Vec<_> =
        Fault::ALL.into_iter().filter(|fault| matches!(Outcome::from(*fault), Outcome::Refused(_))).collect();
    assert_eq!(refused, [Fault::NoMatch, Fault::Stale]);
    assert!(Fault::ALL.into_iter().all(|fault| Outcome::from(fault).reason() == Some(fault.tag())));
}

#[test]
fn metrics_show_the_number_of_secrets_and_the_time_of_their_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "first-secret\nsecond-secret\n").unwrap();
    let written = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    file.as_file().set_modified(written).unwrap();
    let mut source = source(None, SignatureMode::Enforce);
    source.signature.secrets_file = Some(file.path().to_owned());
    source.token = Some(TOKEN.into());
    let authenticator = Authenticator::open(&source, &Metrics::new()).unwrap();
    let of = |figures: &SecretGauges| (figures.valid.get(), figures.modified.get());
    assert_eq!(of(&authenticator.counters.secrets), (2, 1_700_000_000));
    assert_eq!(of(&authenticator.counters.tokens), (1, 0), "one in the settings, and no file");
    std::fs::write(file.path(), "second-secret\n").unwrap();
    authenticator.watched().for_each(|watched| drop(watched.refresh()));
    let (valid, modified) = of(&authenticator.counters.secrets);
    assert!(valid == 1 && modified > 1_700_000_000, "{valid} {modified}");
}
