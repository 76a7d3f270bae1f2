use super::*;

const SECRET: &str = "ea39089c40790e9dc7a080ec95e849b8fa0fa5fb";
const URL: &str = "https://webhook.site/3bcea770-370a-4b09-8b66-426f687e08a4";
const AT: &str = "2024-03-21 17:08:22";
/// JustCall's own example.
const EXPECTED: &str = "56761bae5b27a784a3ddd2af828bc5def7176bc0a8650199b04c737bd39bbecf";

#[test]
fn the_documented_example_verifies() {
    assert_eq!(sign(&SECRET.into(), URL, "call.completed", AT), EXPECTED);
    let headers =
        Headers { signature: Some(EXPECTED.into()), version: Some("v1".into()), timestamp: Some(AT.into()) };
    let now = parse_time(AT).unwrap();
    let subject = Subject { url: Some(URL), event_type: "call.completed" };
    let rules = Rules { urls: &[], tolerance: Duration::from_secs(900) };
    let keys = Keys::new([Secret::from("other"), SECRET.into()]);
    let valid = verify(&headers, subject, &keys, rules, now).unwrap();
    assert_eq!((valid.secret, valid.at), (1, now));
}
