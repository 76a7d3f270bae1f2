//! Fuzz target: any headers, bodies and secrets, and modified signatures.
//!
//! Lines of the input: secret, type, URL, the headers' time, signature and version, the current time, the tolerance in
//! seconds, and the replacement of a byte. A missing line is a missing header.
#![no_main]

use chrono::{DateTime, TimeDelta, Utc};
use justcall_events::signature::{Fault, Headers, Keys, Rules, Subject, Valid, parse_time, sign, verify};
use libfuzzer_sys::fuzz_target;
use std::time::Duration;

fuzz_target!(|input: &str| {
    let mut lines = input.split('\n');
    let mut next = || lines.next().map(str::to_owned);
    let webhook = Webhook {
        secret: next().unwrap_or_default(),
        event_type: next().unwrap_or_default(),
        url: next(),
        headers: Headers { timestamp: next(), signature: next(), version: next() },
    };
    let now = next().as_deref().and_then(parse_time).unwrap_or(DateTime::UNIX_EPOCH);
    let tolerance = Duration::from_secs(next().and_then(|text| text.parse().ok()).unwrap_or(900));
    let bend = next().unwrap_or_default();

    for now in [now, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        what_verifies_is_signed(&webhook, tolerance, now);
    }
    if let Some(signed) = webhook.signed() {
        signed.verifies_within_the_tolerance(tolerance);
        signed.verifies_with_its_secret_only();
        signed.is_bound_to_every_byte(&bend);
    }
});

#[derive(Clone)]
struct Webhook {
    secret: String,
    event_type: String,
    url: Option<String>,
    headers: Headers,
}

impl Webhook {
    fn verify(
        &self,
        keys: &[&str],
        urls: &[String],
        tolerance: Duration,
        now: DateTime<Utc>,
    ) -> Result<Valid, Fault> {
        let subject = Subject { url: self.url.as_deref(), event_type: &self.event_type };
        let keys = Keys::new(keys);
        verify(&self.headers, subject, &keys, Rules { urls, tolerance }, now)
    }

    /// Returns `None` without a URL, or with a time that JustCall cannot write.
    fn signed(&self) -> Option<Signed> {
        let timestamp = self.headers.timestamp.clone()?;
        let (url, at) = (self.url.clone()?, parse_time(&timestamp)?);
        let signature = sign(&self.secret, &url, &self.event_type, &timestamp);
        let headers =
            Headers { signature: Some(signature), version: Some("v1".into()), timestamp: Some(timestamp) };
        Some(Signed { webhook: Self { headers, ..self.clone() }, at })
    }
}

fn what_verifies_is_signed(webhook: &Webhook, tolerance: Duration, now: DateTime<Utc>) {
    let Webhook { secret, event_type, url, headers } = webhook;
    let result = webhook.verify(&["another", secret], &[], tolerance, now);
    let elsewhere = webhook.verify(&["another", secret], &["https://else.where/".into()], tolerance, now);
    if url.as_deref() != Some("https://else.where/") {
        assert!(elsewhere.is_err(), "a URL that is not in the list");
    }
    let Ok(valid) = result else { return };
    let (Some(url), Some(timestamp), Some(signature)) = (url, &headers.timestamp, &headers.signature) else {
        panic!("verified without all signed parts");
    };
    assert_eq!(headers.version.as_deref(), Some("v1"), "another version");
    assert!(parse_time(timestamp) == Some(valid.at), "another time");
    assert!((now - valid.at).abs().to_std().expect("abs() is not negative") <= tolerance, "stale");
    let key = ["another", secret.as_str()][valid.secret];
    // The other escaping differs for these only.
    let plain = !url.contains(['!', '*', '\'', '(', ')']);
    let ours = sign(key, url, event_type, timestamp);
    assert!(!plain || ours.eq_ignore_ascii_case(signature), "verified, but another signature is correct");
    let tuple: String = valid.tuple.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(signature.to_ascii_lowercase().starts_with(&tuple), "another tuple");
}

struct Signed {
    webhook: Webhook,
    at: DateTime<Utc>,
}

impl Signed {
    fn verifies_within_the_tolerance(&self, tolerance: Duration) {
        let Ok(reach) = TimeDelta::from_std(tolerance) else { return };
        // A leap second is longer by one.
        if self.at.timestamp_subsec_millis() > 999 {
            return;
        }
        let verify = |now| self.webhook.verify(&[&self.webhook.secret], &[], tolerance, now);
        let second = TimeDelta::seconds(1);
        for (apart, beyond) in [(reach, second), (-reach, -second)] {
            let Some(now) = self.at.checked_add_signed(apart) else { continue };
            assert!(verify(now).is_ok_and(|valid| valid.at == self.at), "stale before its time");
            let Some(now) = now.checked_add_signed(beyond) else { continue };
            assert_eq!(verify(now), Err(Fault::Stale), "fresh after its time");
        }
    }

    fn verifies_with_its_secret_only(&self) {
        let secret = self.webhook.secret.as_str();
        let others =
            [format!("{secret}x"), format!("{secret}\0"), format!("{secret}|"), secret.to_uppercase()];
        let others: Vec<_> = others.iter().map(String::as_str).filter(|other| *other != secret).collect();
        let url = self.webhook.url.clone().into_iter().collect::<Vec<_>>();
        assert_eq!(self.verify(&others), Err(Fault::NoMatch), "another secret matches");
        let among_others = [&others[..1], &[secret], &others[1..]].concat();
        let found = self.webhook.verify(&among_others, &url, Duration::ZERO, self.at);
        assert!(found.is_ok_and(|valid| valid.secret == 1), "its secret is not found");
    }

    /// `bend` selects one byte of each signed part.
    fn is_bound_to_every_byte(&self, bend: &str) {
        let mut bend = bend.bytes();
        let mut next = || bend.next().unwrap_or(b'0');
        // Hex has two cases, and the signature is valid in both.
        let (place, byte) = (usize::from(next()), next().to_ascii_lowercase());
        let bent = |text: &mut String| {
            let mut bytes = std::mem::take(text).into_bytes();
            let Some(at) = place.checked_rem(bytes.len()) else { return false };
            let differs = std::mem::replace(&mut bytes[at], byte) != byte;
            String::from_utf8(bytes).is_ok_and(|changed| {
                *text = changed;
                differs
            })
        };
        let parts: [fn(&mut Webhook) -> Option<&mut String>; 5] = [
            |webhook| webhook.headers.signature.as_mut(),
            |webhook| webhook.headers.timestamp.as_mut(),
            |webhook| webhook.headers.version.as_mut(),
            |webhook| webhook.url.as_mut(),
            |webhook| Some(&mut webhook.event_type),
        ];
        for part in parts {
            let mut webhook = self.webhook.clone();
            if part(&mut webhook).is_some_and(bent) {
                let bent = Self { webhook, at: self.at };
                assert!(bent.verify(&[&self.webhook.secret]).is_err(), "a modified part verifies");
            }
        }
    }

    fn verify(&self, keys: &[&str]) -> Result<Valid, Fault> {
        self.webhook.verify(keys, &[], Duration::MAX, self.at)
    }
}
