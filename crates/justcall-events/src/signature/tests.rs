//! Constant time is not tested: a stopwatch is unreliable on a busy machine. By design, `find_secret` has no
//! early exit, joins matches by `Choice` and compares by `ct_eq`; `Encoding::of` depends on the URL alone.

mod properties;
mod times;
mod vectors;

use super::*;

const SECRET: &str = "ea39089c40790e9dc7a080ec95e849b8fa0fa5fb";
const URL: &str = "https://webhook.site/3bcea770-370a-4b09-8b66-426f687e08a4";
const TYPE: &str = "call.completed";
const AT: &str = "2024-03-21 17:08:22";
/// JustCall's own example.
const EXPECTED: &str = "56761bae5b27a784a3ddd2af828bc5def7176bc0a8650199b04c737bd39bbecf";

/// JustCall's example, of which each test changes a part.
struct Trial {
    headers: Headers,
    url: Option<String>,
    event_type: String,
    secrets: Vec<String>,
    urls: Vec<String>,
    tolerance: Duration,
    now: DateTime<Utc>,
}

impl Trial {
    fn documented() -> Self {
        Self {
            headers: Headers {
                signature: Some(EXPECTED.to_owned()),
                version: Some("v1".to_owned()),
                timestamp: Some(AT.to_owned()),
            },
            url: Some(URL.to_owned()),
            event_type: TYPE.to_owned(),
            secrets: vec![SECRET.to_owned()],
            urls: Vec::new(),
            tolerance: Duration::from_secs(900),
            now: at(AT),
        }
    }

    fn signed(secret: &str, url: &str, event_type: &str, timestamp: &str) -> Self {
        let mut trial = Self::documented();
        trial.headers.signature = Some(sign(secret, url, event_type, timestamp));
        trial.headers.timestamp = Some(timestamp.to_owned());
        trial.url = Some(url.to_owned());
        trial.event_type = event_type.to_owned();
        trial.secrets = vec![secret.to_owned()];
        trial.now = at(timestamp);
        trial
    }

    fn verify(&self) -> Result<Valid, Fault> {
        let keys = Keys::new(&self.secrets);
        let subject = Subject { url: self.url.as_deref(), event_type: &self.event_type };
        let rules = Rules { urls: &self.urls, tolerance: self.tolerance };
        verify(&self.headers, subject, &keys, rules, self.now)
    }

    fn place(&self) -> Result<usize, Fault> {
        self.verify().map(|valid| valid.secret)
    }
}

fn at(timestamp: &str) -> DateTime<Utc> {
    parse_time(timestamp).expect(timestamp)
}

fn changed(change: impl FnOnce(&mut Trial)) -> Result<Valid, Fault> {
    let mut trial = Trial::documented();
    change(&mut trial);
    trial.verify()
}

#[test]
fn documented_example_verifies_and_equals_the_output_of_sign() {
    assert_eq!(sign(SECRET, URL, TYPE, AT), EXPECTED);
    let valid = Trial::documented().verify().unwrap();
    assert_eq!((valid.secret, valid.at), (0, at(AT)));
    assert_eq!(valid.tuple[..4], [0x56, 0x76, 0x1b, 0xae]);
    assert_eq!(valid.tuple[15], 0xde, "half of it");
}

#[test]
fn absent_header_is_missing_and_empty_header_is_wrong() {
    assert_eq!(changed(|it| it.headers.signature = None), Err(Fault::Missing));
    assert_eq!(changed(|it| it.headers.version = None), Err(Fault::Missing));
    assert_eq!(changed(|it| it.headers.timestamp = None), Err(Fault::Missing));
    assert_eq!(changed(|it| it.headers = Headers::default()), Err(Fault::Missing));
    assert_eq!(changed(|it| it.headers.signature = Some(String::new())), Err(Fault::Malformed));
    assert_eq!(changed(|it| it.headers.version = Some(String::new())), Err(Fault::Version));
    assert_eq!(changed(|it| it.headers.timestamp = Some(String::new())), Err(Fault::Malformed));
}

#[test]
fn v1_is_the_only_version() {
    for version in ["v2", "V1", "v1 ", " v1", "v1.0", "v01", "1", "v", "v1, v1", "v11", "v1\0", "ｖ1"] {
        let fault = changed(|it| it.headers.version = Some(version.to_owned()));
        assert_eq!(fault, Err(Fault::Version), "{version:?}");
    }
}

#[test]
fn a_signature_is_64_digits_of_hex_in_either_case() {
    assert!(changed(|it| it.headers.signature = Some(EXPECTED.to_uppercase())).is_ok());
    let mixed: String =
        EXPECTED.char_indices().map(|(n, c)| if n % 2 == 0 { c.to_ascii_uppercase() } else { c }).collect();
    assert!(changed(|it| it.headers.signature = Some(mixed)).is_ok());
    let malformed = [
        EXPECTED[..63].to_owned(),
        format!("{EXPECTED}0"),
        format!(" {EXPECTED}"),
        format!("{EXPECTED}\n"),
        format!("{EXPECTED}{EXPECTED}"),
        format!("{EXPECTED}, {EXPECTED}"),
        format!(" {}", &EXPECTED[1..]),
        format!("{} ", &EXPECTED[..63]),
        format!("+{}", &EXPECTED[1..]),
        format!("0x{}", &EXPECTED[2..]),
        format!("g{}", &EXPECTED[1..]),
        format!("{}\0", &EXPECTED[..63]),
        format!("sha256={EXPECTED}"),
        // 64 bytes or characters, not hex.
        format!("é{}", &EXPECTED[2..]),
        "٣".repeat(64),
        "é".repeat(32),
    ];
    for signature in malformed {
        let fault = changed(|it| it.headers.signature = Some(signature.clone()));
        assert_eq!(fault, Err(Fault::Malformed), "{signature:?}");
    }
}

/// Each request also has every later fault.
#[test]
fn first_fault_in_the_order_of_declaration_is_returned() {
    let mut trial = Trial::documented();
    let mut found = Vec::new();
    trial.now = at("2025-01-01 00:00:00");
    found.push(trial.verify());
    trial.secrets = vec!["another".to_owned()];
    found.push(trial.verify());
    trial.urls = vec!["https://elsewhere.example/".to_owned()];
    found.push(trial.verify());
    trial.url = None;
    found.push(trial.verify());
    trial.headers.signature = Some("no hex".to_owned());
    trial.headers.timestamp = Some("no time".to_owned());
    found.push(trial.verify());
    trial.headers.version = Some("v2".to_owned());
    found.push(trial.verify());
    trial.headers.timestamp = None;
    found.push(trial.verify());
    found.reverse();
    assert_eq!(found, Fault::ALL.map(Err));
}

#[test]
fn matching_secret_is_returned_by_its_index() {
    let secrets: Vec<String> = (0..MAX_SECRETS).map(|place| format!("secret-{place}")).collect();
    for (place, secret) in secrets.iter().enumerate() {
        let mut trial = Trial::signed(secret, URL, TYPE, AT);
        trial.secrets.clone_from(&secrets);
        assert_eq!(trial.place(), Ok(place));
        trial.secrets.remove(place);
        assert_eq!(trial.place(), Err(Fault::NoMatch));
    }
}

#[test]
fn at_most_eight_secrets_are_used() {
    let secrets: Vec<String> = (0..=MAX_SECRETS).map(|place| format!("secret-{place}")).collect();
    let mut trial = Trial::signed(&secrets[MAX_SECRETS], URL, TYPE, AT);
    trial.secrets = secrets;
    assert_eq!(trial.place(), Err(Fault::NoMatch));
    trial.secrets.remove(0);
    assert_eq!(trial.place(), Ok(MAX_SECRETS - 1));
}

/// HMAC alone cannot distinguish `k` from `k` with zeros after it.
#[test]
fn secrets_that_resemble_each_other_are_not_confused() {
    let long = "k".repeat(100);
    let alike = ["k", "k\0", "kk", "k|", "k ", "K", "", &long];
    for secret in alike {
        let mut trial = Trial::signed(secret, URL, TYPE, AT);
        for (place, other) in alike.iter().enumerate() {
            trial.secrets = vec![(*other).to_owned()];
            assert_eq!(trial.place().is_ok(), *other == secret, "{secret:?} by {other:?}");
            trial.secrets = alike.map(str::to_owned)[..=place.min(7)].to_vec();
            assert_eq!(trial.place().is_ok(), trial.secrets.iter().any(|it| it == secret));
        }
    }
}

#[test]
fn repeated_secret_still_matches() {
    let mut trial = Trial::documented();
    trial.secrets = [SECRET, "other", SECRET].map(str::to_owned).to_vec();
    assert_eq!(trial.place(), Ok(2), "the last of them");
    trial.secrets.clear();
    assert_eq!(trial.place(), Err(Fault::NoMatch), "an empty list has no key");
}

#[test]
fn keys_are_equal_if_they_hold_the_same_secrets_in_the_same_places() {
    let keys = |secrets: &[&str]| Keys::new(secrets);
    assert!(keys(&["a", "b"]) == keys(&["a", "b"]));
    for other in [&["a"][..], &["b", "a"], &["a", "b", "b"], &["a", "c"], &[]] {
        assert!(keys(&["a", "b"]) != keys(other), "{other:?}");
    }
    assert!(keys(&[]).is_empty() && !keys(&["a"]).is_empty());
}

#[test]
fn a_url_is_allowed_character_by_character() {
    let listed =
        |urls: &[&str]| changed(|it| it.urls = urls.iter().map(|url| (*url).to_owned()).collect()).is_ok();
    assert!(listed(&[]) && listed(&[URL]) && listed(&["https://other.example/", URL]));
    let near = [
        format!("{URL}/"),
        format!("{URL} "),
        URL[..URL.len() - 1].to_owned(),
        URL.replace("https", "http"),
        URL.replace("webhook.site", "Webhook.site"),
        URL.replace("webhook.site", "webhook.site:443"),
        URL.replace('-', "%2D"),
        String::new(),
    ];
    for url in near {
        assert_eq!(changed(|it| it.urls = vec![url.clone()]), Err(Fault::UrlNotAllowed), "{url:?}");
    }
}
