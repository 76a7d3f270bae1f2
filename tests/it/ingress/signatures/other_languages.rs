use super::request;
use justcall_events::signature::{Headers, Keys, Rules, Subject, parse_time, sign, verify};
use serde_json::json;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

const PYTHON: &str = include_str!("sign.py");
const JAVASCRIPT: &str = include_str!("sign.js");

type Row = [String; 5];

fn rows() -> Vec<Row> {
    let every_ascii: String = (1..=127_u8).map(char::from).collect();
    let urls = [
        "https://hooks.example.com/webhooks/justcall",
        "https://h.example/a!b*c'd(e)f~g-h_i.j",
        "https://h.example/büro/呼叫?q=📞",
        "https://h.example/100%25 %2F+%zz|x",
        "",
        &every_ascii,
    ];
    let secrets = ["ea39089c40790e9dc7a080ec95e849b8fa0fa5fb", "k", "a|b c", "schlüssel", &"s".repeat(65)];
    let types = ["call.completed", "a|b", "näher"];
    let times = ["2024-03-21 17:08:22", "1711040902"];
    let mut rows = Vec::new();
    for url in urls {
        for secret in secrets {
            for event_type in types {
                for time in times {
                    for escaping in ["js", "py"] {
                        rows.push([escaping, secret, url, event_type, time].map(str::to_owned));
                    }
                }
            }
        }
    }
    rows
}

fn signatures_by(program: &str, arguments: [&str; 2], rows: &[Row]) -> Option<Vec<String>> {
    let mut command = Command::new(program);
    let started = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = started else {
        eprintln!("NOT COMPARED: `{program}` does not start here, so its signatures were not asked for");
        return None;
    };
    let lines: String = rows.iter().map(|row| format!("{}\n", json!(row))).collect();
    let mut input = child.stdin.take().expect("piped above");
    // The program may write before it has read everything.
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("a writer").expect("it reads its input");
    assert!(output.status.success(), "{program} failed, see above");
    Some(String::from_utf8(output.stdout).expect("hex").lines().map(str::to_owned).collect())
}

fn compare(program: &str, arguments: [&str; 2]) {
    let rows = rows();
    let Some(signatures) = signatures_by(program, arguments, &rows) else { return };
    assert_eq!(signatures.len(), rows.len());
    for ([escaping, secret, url, event_type, time], signature) in rows.iter().zip(signatures) {
        let row = format!("{program}, {escaping}: {secret:?} {url:?} {event_type:?} {time:?}");
        let keys = Keys::new(["another", secret.as_str()]);
        let headers = Headers {
            signature: Some(signature.clone()),
            version: Some("v1".to_owned()),
            timestamp: Some(time.clone()),
        };
        let rules = Rules { urls: &[], tolerance: Duration::ZERO };
        let now = parse_time(time).expect("a time");
        let valid = verify(&headers, Subject { url: Some(url), event_type }, &keys, rules, now);
        assert_eq!(valid.map(|valid| valid.secret), Ok(1), "{row}");
        if escaping == "js" {
            assert_eq!(sign(secret, url, event_type, time), signature, "{row}");
            assert_eq!(request::sign(secret, url, event_type, time), signature, "{row}");
        }
    }
}

#[test]
fn signatures_of_python_are_equal() {
    compare("python3", ["-c", PYTHON]);
}

#[test]
fn signatures_of_javascript_are_equal() {
    compare("node", ["-e", JAVASCRIPT]);
}
