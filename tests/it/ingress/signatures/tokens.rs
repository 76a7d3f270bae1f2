use super::request::{Request, SIGNATURE, call, documented, now, records_by_topic, summary};
use super::{SECRET, URL};
use crate::kit::bridge::{Bridge, PATH, until};
use crate::kit::http;
use crate::kit::kafka::Kafka;
use std::fs;
use std::time::Duration;

const INLINE: &str = "inline-token.of~24_chars";
const FIRST: &str = "first-token-in-the-file";
const SECOND: &str = "second-token-in-the-file";

fn bearer(body: &str, token: &str) -> Request {
    Request::unsigned(body).with("authorization", format!("Bearer {token}"))
}

fn behind_path(body: &str, token: &str) -> Request {
    Request::unsigned(body).to(&format!("{PATH}/{token}"))
}

#[test]
fn token_is_required_and_rotates() {
    let kafka = Kafka::shared().bootstrap();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tokens");
    fs::write(&file, format!("{FIRST}\n")).expect("written");
    let bridge = Bridge::serve(
        kafka,
        &[
            "sources.main.signature.required=false",
            &format!("sources.main.token={INLINE}"),
            &format!("sources.main.token_file={}", file.display()),
        ],
    );
    let mut accepted = 0;
    let mut passes = |request: Request| {
        assert_eq!(summary(&request.send(&bridge)), (200, "acked".to_owned()), "{request:?}");
        accepted += 1;
    };
    for token in [INLINE, FIRST] {
        passes(bearer(&documented(&format!("bearer-{token}")), token));
        passes(behind_path(&documented(&format!("path-{token}")), token));
    }
    passes(behind_path(&documented("slash"), &format!("{INLINE}/")));
    // Escapes of unreserved characters equal those characters (RFC 3986, 6.2.2.2), in a path only.
    passes(behind_path(&documented("escaped"), "inline-token%2Eof%7E24_chars"));
    passes(Request::unsigned(documented("case")).with("authorization", format!("bEARER  {INLINE}")));

    let body = documented("denied");
    let mut wrong = vec![Request::unsigned(&body), Request::unsigned("no json")];
    let prefix = &INLINE[..INLINE.len() - 1];
    let upper = INLINE.to_uppercase();
    let longer = format!("{INLINE}x");
    for token in ["", "x", prefix, &upper, &longer, SECOND] {
        wrong.extend([bearer(&body, token), behind_path(&body, token)]);
    }
    wrong.push(bearer(&body, "inline-token%2Eof~24_chars"));
    wrong.push(bearer(&body, INLINE).to(&format!("{PATH}/wrong-wrong-wrong-wrong")));
    for value in
        [INLINE.to_owned(), format!("Basic {INLINE}"), format!("Bearer:{INLINE}"), "Bearer".to_owned()]
    {
        wrong.push(Request::unsigned(&body).with("authorization", value));
    }
    wrong.push(Request::unsigned(&body).with("authorization", b"Bearer \xff"));
    wrong.push(Request::unsigned(&body).with("x-token", INLINE));
    wrong.push(Request::unsigned(&body).to(&format!("{PATH}?token={INLINE}")));
    for request in &wrong {
        assert_eq!(summary(&request.send(&bridge)), (401, "token".to_owned()), "{request:?}");
    }
    assert_eq!(bridge.metric(r#"denied_total{reason="token"}"#), wrong.len() as u64);
    let deeper = behind_path(&body, &format!("x/{INLINE}"));
    assert_eq!(summary(&deeper.send(&bridge)).0, 404);
    let probe = http::get(bridge.ingress, PATH).expect("an answer");
    assert_eq!(summary(&probe), (200, "probe".to_owned()));

    fs::write(&file, format!("{FIRST}\n{SECOND}\n")).expect("written");
    let early = bearer(&documented("early"), SECOND);
    until("the second token is known", || summary(&early.send(&bridge)) == (200, "acked".to_owned()));
    accepted += 1;
    let both = bearer(&documented("both"), FIRST);
    assert_eq!(summary(&both.send(&bridge)), (200, "acked".to_owned()));
    accepted += 1;

    fs::write(&file, format!("{SECOND}\n")).expect("written");
    until("the first token is forgotten", || summary(&both.send(&bridge)) == (401, "token".to_owned()));
    for (unusable, reason) in [("", "the file is empty"), ("short\n", "a token is 16 or more")] {
        fs::write(&file, unusable).expect("written");
        bridge.process.wait_for_line(reason, Duration::from_secs(15));
        bridge.wait_for_metric("watched_files_invalid", 1);
        for token in [SECOND, INLINE] {
            let request = bearer(&documented(&format!("{token}-{}", unusable.len())), token);
            assert_eq!(summary(&request.send(&bridge)), (200, "acked".to_owned()), "{reason}");
            accepted += 1;
        }
        assert_eq!(summary(&Request::unsigned(&body).send(&bridge)), (401, "token".to_owned()));
    }
    let reads = records_by_topic(&bridge, kafka, accepted);
    assert_eq!(reads[0].0, bridge.topic("call.missed"));
    assert_eq!(reads.len(), 1, "no dead letter either");
}

#[test]
fn token_and_signature_do_not_replace_each_other() {
    let kafka = Kafka::shared().bootstrap();
    let bridge = Bridge::serve(
        kafka,
        &[
            &format!("sources.main.signature.secrets=[\"{SECRET}\"]"),
            &format!("sources.main.signature.urls=[\"{URL}\"]"),
            &format!("sources.main.token={INLINE}"),
        ],
    );
    let signed = Request::signed(SECRET, call(1), &now());
    let with_token = |request: Request| request.with("authorization", format!("Bearer {INLINE}"));
    assert_eq!(summary(&signed.send(&bridge)), (401, "token".to_owned()));
    assert_eq!(
        summary(&Request::unsigned("no json").send(&bridge)),
        (401, "token".to_owned()),
        "the token is checked first"
    );
    assert_eq!(summary(&bearer(&call(1), INLINE).send(&bridge)), (401, "signature_missing".to_owned()));
    assert_eq!(summary(&bearer("no json", INLINE).send(&bridge)), (401, "unverifiable".to_owned()));
    let wrong = with_token(signed.clone().replace(SIGNATURE, "0".repeat(64)));
    assert_eq!(summary(&wrong.send(&bridge)), (503, "signature_mismatch".to_owned()));
    assert_eq!(summary(&with_token(signed.clone()).send(&bridge)), (200, "acked".to_owned()));
    assert_eq!(
        summary(&signed.send(&bridge)),
        (401, "token".to_owned()),
        "a duplicate must authenticate too"
    );
    records_by_topic(&bridge, kafka, 1);
}
