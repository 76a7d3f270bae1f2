use super::*;
use proptest::prelude::*;
use proptest::sample::Index;

fn any_url() -> impl Strategy<Value = String> {
    prop_oneof![
        "https://[a-z]{1,8}\\.example/[a-zA-Z0-9!*'()%+ ~._|-]{0,20}",
        "[!*'()|%/ ]{0,8}",
        any::<String>(),
    ]
}

fn any_type() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{2,8}\\.[a-z_]{1,16}", "[a-z|. ]{1,8}", any::<String>()]
}

fn any_time() -> impl Strategy<Value = String> {
    let dated = (0_i64..=253_402_300_799).prop_map(|seconds| {
        let time = DateTime::from_timestamp(seconds, 0).unwrap();
        time.format("%Y-%m-%d %H:%M:%S").to_string()
    });
    prop_oneof![dated, (0_i64..=9_999_999_999).prop_map(|seconds| format!("{seconds:010}"))]
}

fn any_signed() -> impl Strategy<Value = Trial> {
    ("\\PC{1,70}", any_url(), any_type(), any_time())
        .prop_map(|(secret, url, event_type, time)| Trial::signed(&secret, &url, &event_type, &time))
}

fn altered(text: &str, at: Index, how: u8, by: char) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let place = at.index(chars.len() + 1);
    match (how % 4, chars.get(place).copied()) {
        (0, Some(_)) => drop(chars.remove(place)),
        (1, Some(_)) => chars[place] = by,
        (2, Some(each)) if each.is_ascii_alphabetic() => chars[place] = char::from(each as u8 ^ 0x20),
        _ => chars.insert(place, by),
    }
    chars.into_iter().collect()
}

impl std::fmt::Debug for Trial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { headers, url, event_type, secrets, .. } = self;
        f.debug_struct("Trial")
            .field("url", url)
            .field("type", event_type)
            .field("secrets", secrets)
            .field("headers", headers)
            .finish()
    }
}

proptest! {
    #[test]
    fn signed_webhook_verifies(trial in any_signed(), others in proptest::collection::vec("[a-z]{5}", 0..7), place: Index) {
        prop_assert_eq!(trial.place(), Ok(0));
        let mut trial = trial;
        let place = place.index(others.len() + 1);
        let secret = trial.secrets.remove(0);
        prop_assume!(!others.contains(&secret));
        trial.secrets = others;
        trial.secrets.insert(place, secret);
        prop_assert_eq!(trial.place(), Ok(place));
    }

    #[test]
    fn changed_url_does_not_verify(trial in any_signed(), at: Index, how: u8, by: char) {
        let mut trial = trial;
        let url = altered(trial.url.as_ref().unwrap(), at, how, by);
        prop_assume!(Some(&url) != trial.url.as_ref());
        trial.url = Some(url);
        prop_assert_eq!(trial.place(), Err(Fault::NoMatch));
    }

    #[test]
    fn changed_type_does_not_verify(trial in any_signed(), at: Index, how: u8, by: char) {
        let mut trial = trial;
        let event_type = altered(&trial.event_type, at, how, by);
        prop_assume!(event_type != trial.event_type);
        trial.event_type = event_type;
        prop_assert_eq!(trial.place(), Err(Fault::NoMatch));
    }

    #[test]
    fn changed_secret_does_not_verify(trial in any_signed(), at: Index, how: u8, by: char) {
        let mut trial = trial;
        let secret = altered(&trial.secrets[0], at, how, by);
        prop_assume!(secret != trial.secrets[0]);
        trial.secrets = vec![secret];
        prop_assert_eq!(trial.place(), Err(Fault::NoMatch));
    }

    #[test]
    fn changed_time_does_not_verify(trial in any_signed(), at: Index, how: u8, by in prop_oneof!["[0-9]", "[ -~]"]) {
        let mut trial = trial;
        let time = trial.headers.timestamp.clone().unwrap();
        let changed = altered(&time, at, how, by.chars().next().unwrap());
        prop_assume!(changed != time);
        trial.headers.timestamp = Some(changed);
        prop_assert!(matches!(trial.place(), Err(Fault::NoMatch | Fault::Malformed)));
    }

    #[test]
    fn same_time_in_the_other_form_does_not_verify(trial in any_signed()) {
        let mut trial = trial;
        let time = trial.headers.timestamp.take().unwrap();
        let seconds = parse_time(&time).unwrap();
        let other = if time.len() == 10 { seconds.format("%Y-%m-%d %H:%M:%S").to_string() } else { format!("{:010}", seconds.timestamp()) };
        prop_assume!(parse_time(&other).is_some());
        trial.headers.timestamp = Some(other);
        prop_assert_eq!(trial.place(), Err(Fault::NoMatch));
    }

    #[test]
    fn changed_signature_does_not_verify(trial in any_signed(), at in 0_usize..64, by in 1_u8..16) {
        let mut trial = trial;
        let mut signature = trial.headers.signature.take().unwrap().into_bytes();
        let digit = char::from(signature[at]).to_digit(16).unwrap() as u8 ^ by;
        signature[at] = b"0123456789abcdef"[usize::from(digit)];
        trial.headers.signature = Some(String::from_utf8(signature).unwrap());
        prop_assert_eq!(trial.place(), Err(Fault::NoMatch));
    }

    #[test]
    fn parts_with_moved_separators_do_not_verify(secret in "[a-z|]{1,6}", url in "[a-z|]{0,6}", event_type in "[a-z|]{1,6}", cut: Index) {
        let trial = Trial::signed(&secret, &url, &event_type, AT);
        let whole = format!("{url}|{event_type}");
        let cut = cut.index(whole.len() + 1);
        let (left, right) = whole.split_at(cut);
        let parts = (left.trim_end_matches('|'), right.trim_start_matches('|'));
        prop_assume!(parts != (url.as_str(), event_type.as_str()));
        let other = Trial { url: Some(parts.0.to_owned()), event_type: parts.1.to_owned(), ..trial };
        prop_assert_eq!(other.place(), Err(Fault::NoMatch));
    }

    #[test]
    fn verify_never_panics(headers in any::<[Option<String>; 3]>(), url: Option<String>, event_type: String, secret: String) {
        let [signature, version, timestamp] = headers;
        let mut trial = Trial::documented();
        trial.headers = Headers { signature, version, timestamp };
        (trial.url, trial.event_type, trial.secrets) = (url, event_type, vec![secret]);
        prop_assert!(trial.verify().is_err());
        trial.headers.version = Some("v1".to_owned());
        prop_assert!(trial.verify().is_err());
    }
}
