use super::*;
use crate::ingest::Budget;
use bytes::Bytes;
use justcall_events::signature::sign;
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

/// What the guard says to a body with these headers, and to one that is no envelope.
fn admit(source: &SourceConfig, signature: &Headers) -> [Result<Option<Valid>, Outcome>; 2] {
    let guard = Guard::open(source, &Metrics::new()).unwrap();
    let arrival = Arrival {
        source: 0,
        body: Some(Bytes::from_static(EVENT)),
        received_at: Utc::now(),
        credentials: Credentials { token: None, signature: signature.clone() },
        trace: None,
        permit: Budget::new(100).admit(1).unwrap(),
    };
    let Ok(Scanned::Envelope(envelope)) = scan(EVENT) else { panic!("an envelope") };
    [guard.admit(&arrival, Some(&envelope)), guard.admit(&arrival, None)]
}

/// Signed with no secret at all, as anybody can.
fn signed_with_nothing() -> Headers {
    let timestamp = Utc::now().format("%Y-%m-%d %H:%M:%S").to_string();
    let signature = sign("", "https://h.example/", "call.completed", &timestamp);
    Headers { signature: Some(signature), version: Some("v1".to_owned()), timestamp: Some(timestamp) }
}

/// The settings refuse it; should they ever let it through, it must not open the door.
#[test]
fn where_a_signature_is_required_and_there_is_no_secret_nobody_gets_in() {
    let source = source(Some(true), SignatureMode::Enforce);
    let unverifiable = Err(Outcome::Denied(Denial::Unverifiable));
    let missing = Err(Outcome::Denied(Denial::Signature(Fault::Missing)));
    assert_eq!(admit(&source, &Headers::default()), [missing, unverifiable.clone()]);
    let mismatch = Err(Outcome::Refused(Refusal::SignatureMismatch));
    assert_eq!(admit(&source, &signed_with_nothing()), [mismatch, unverifiable]);
}

#[test]
fn where_none_is_required_and_there_is_no_secret_headers_are_not_looked_at() {
    for required in [None, Some(false)] {
        let source = source(required, SignatureMode::Enforce);
        assert_eq!(admit(&source, &Headers::default()), [Ok(None), Ok(None)]);
        assert_eq!(admit(&source, &signed_with_nothing()), [Ok(None), Ok(None)]);
    }
}

#[test]
fn the_token_is_asked_for_first() {
    let mut source = source(Some(true), SignatureMode::Monitor);
    source.signature.secrets = vec!["secret".into()];
    assert_eq!(admit(&source, &Headers::default()), [Ok(None), Ok(None)], "monitored");
    source.token = Some(TOKEN.into());
    let token = || Err(Outcome::Denied(Denial::Token));
    assert_eq!(admit(&source, &Headers::default()), [token(), token()]);
}

#[test]
fn only_what_no_retry_can_help_is_denied() {
    let refused: Vec<_> =
        Fault::ALL.into_iter().filter(|fault| matches!(turned_away(*fault), Outcome::Refused(_))).collect();
    assert_eq!(refused, [Fault::NoMatch, Fault::Stale]);
}

#[test]
fn it_shows_how_many_secrets_there_are_and_when_their_file_was_written() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "first-secret\nsecond-secret\n").unwrap();
    let written = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    file.as_file().set_modified(written).unwrap();
    let mut source = source(None, SignatureMode::Enforce);
    source.signature.secrets_file = Some(file.path().to_owned());
    source.token = Some(TOKEN.into());
    let guard = Guard::open(&source, &Metrics::new()).unwrap();
    let of = |figures: &SecretFigures| (figures.valid.get(), figures.modified.get());
    assert_eq!(of(&guard.counters.secrets), (2, 1_700_000_000));
    assert_eq!(of(&guard.counters.tokens), (1, 0), "one in the settings, and no file");
    std::fs::write(file.path(), "second-secret\n").unwrap();
    guard.watched().for_each(|watched| drop(watched.follow()));
    let (valid, modified) = of(&guard.counters.secrets);
    assert!(valid == 1 && modified > 1_700_000_000, "{valid} {modified}");
}
