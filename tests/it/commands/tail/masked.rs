use super::{TIMEOUT, place_of};
use crate::kit::bridge::{Bridge, PATH};
use crate::kit::command::Place;
use crate::kit::consume;
use crate::kit::http;
use crate::kit::kafka::Kafka;
use crate::observability::secrecy::markers::{leaks, marker, number, phone};

fn bodies() -> Vec<Vec<u8>> {
    let documented = format!(
        r#"{{"event":"call.completed","timestamp":"2026-03-12T14:30:00Z","data":{{"call_id":"call_1","direction":"inbound","from":"{}","to":"{}","agent_id":42,"agent_name":"{}","duration":185,"status":"completed","recording_url":"https://recordings.justcall.io/{}.mp3","notes":"{}","disposition":"{}","{}":"unknown field"}}}}"#,
        phone(),
        phone(),
        marker("agentname"),
        marker("recording"),
        marker("notes"),
        marker("disposition"),
        marker("fieldname"),
    );
    let contact = format!(
        r#"{{"event":"contact.updated","timestamp":"2026-03-12T14:30:00Z","data":{{"contact_id":7,"changed_fields":["{}","phone"],"first_name":"{}","last_name":"{}","phone":"{}","email":"{}@example.com","company":"{}"}}}}"#,
        marker("changed"),
        marker("firstname"),
        marker("lastname"),
        phone(),
        marker("email"),
        marker("company"),
    );
    let live = format!(
        r#"{{"request_id":"01HZY3QK8M4T2V6W9X0A1B2C3D","webhook_url":"https://x.example/{}","url_id":"65f1a2b3c4d5e6f7a8b9c0d1","type":"call.completed","data":{{"id":5,"call_sid":"CA0001","contact_number":{},"contact_name":"{}","contact_email":"{}@example.com","call_info":{{"direction":"Incoming","notes":"{}","recording":"https://x.example/{}.mp3"}},"justcall_ai":{{"call_transcription":[{{"speaker_name":"{}","sentence":"{}"}}],"call_summary":"{}"}}}},"metadata":{{"{}":"{}","id":"{}"}}}}"#,
        marker("urlpath"),
        number(),
        marker("contactname"),
        marker("contactemail"),
        marker("notes"),
        marker("recording"),
        marker("speaker"),
        marker("sentence"),
        marker("summary"),
        marker("metakey"),
        marker("metavalue"),
        marker("metaid"),
    );
    [documented, contact, live, format!("no JSON: {}", marker("text"))].map(String::into_bytes).into()
}

#[test]
fn personal_data_is_masked_by_default() {
    let routes = r#"routes=[{"match":"contact.*","topics":["{event}"],"key":["/data/first_name"]},{"match":"call.*","topics":["{event}"],"key":["/data/from"]}]"#;
    let (bootstrap, prefix) = (Kafka::shared().bootstrap(), format!("{}.", crate::kit::topic_name("masked")));
    let routes = routes.replace("{event}", &format!("{prefix}{{event}}"));
    let bridge = Bridge::serve(bootstrap, &[&format!("topics.prefix={prefix}"), &routes]);
    let place: Place = place_of(&bridge).with(&routes);
    for body in bodies() {
        let answer = http::post(bridge.ingress, PATH, &[], &body).expect("an answer");
        assert!([200, 400].contains(&answer.status), "{}", answer.text());
    }
    consume::read_topic(bootstrap, &bridge.topic("dead-letter"), 1, TIMEOUT);
    for format in ["pretty", "ndjson"] {
        let args = ["tail", "--from", "beginning", "--until-end", "--format", format];
        let masked = place.run(&args).expect_code(0);
        let all = masked.text() + &masked.stderr.join("\n");
        let found = leaks(&all, &[]);
        assert!(found.is_empty(), "{format}: {found:#?}");
        assert!(all.contains("call.completed") && all.contains("contact.updated"), "{all}");
        assert!(all.contains("call_1") && all.contains("CA0001"), "ids must stay visible:\n{all}");
        let shown = place.run(&[&args[..], &["--show-personal-data"]].concat()).expect_code(0);
        assert!(leaks(&shown.text(), &[]).len() > 20, "{format}: {shown:?}");
    }
    let each = place.run(&["dead-letters", "list", "--each"]).expect_code(0).text();
    assert!(leaks(&each, &[]).is_empty(), "{each}");
    let id = each.split("  ").next().expect("an id");
    let shown = place.run(&["dead-letters", "show", id]).expect_code(0).text();
    assert!(leaks(&shown, &[]).is_empty(), "{shown}");
    assert!(bridge.stop().success());
}
