use super::*;
use crate::http::example_responses;
use crate::ingest::DeadLetterAnswer;

fn read(status: u16, body: &str) -> (Option<u16>, &'static str, Option<String>) {
    let answer = Answer::read(status, body.as_bytes());
    (answer.status, answer.outcome, answer.detail)
}

fn summary(planned: u64, answers: impl IntoIterator<Item = Answer>) -> SendSummary {
    let mut counts = AnswerCounts::default();
    for answer in answers {
        counts.add(answer);
    }
    SendSummary { to: "http://h/".to_owned(), planned, elapsed: Duration::from_secs(2), counts }
}

fn acked() -> Answer {
    Answer::read(200, br#"{"id":"x","outcome":"acked"}"#)
}

#[test]
fn status_200_is_counted_by_its_outcome() {
    let examples = [DeadLetterAnswer::Problem, DeadLetterAnswer::Ok].map(example_responses).concat();
    let accepted: Vec<_> = examples.iter().filter(|example| example.status == 200).collect();
    assert!(accepted.len() > 6);
    for example in accepted {
        let read = read(200, &example.body.to_string());
        assert_eq!((read.0, read.1), (Some(200), example.body["outcome"].as_str().unwrap()));
    }
}

#[test]
fn unknown_outcomes_are_not_counted_by_name() {
    for body in [r#"{"outcome":"x1"}"#, "", "<html>", "[1]", r#"{"outcome":7}"#] {
        assert_eq!(read(200, body), (Some(200), "unexpected", None), "{body}");
    }
}

#[test]
fn other_answers_are_counted_by_retryability() {
    assert_eq!(read(503, "").1, "refused");
    assert_eq!(read(422, "").1, "rejected");
    assert_eq!(read(404, "").1, "rejected");
    assert_eq!(read(401, "").1, "denied");
    assert_eq!(read(302, "").1, "unexpected");
    assert_eq!(read(500, "").1, "unexpected");
    assert_eq!(read(204, "").1, "unexpected");
}

#[test]
fn first_problem_is_shown_without_control_characters() {
    let first = Answer::read(422, b"{\"title\":\"t\",\"detail\":\"/data: \\u001b[2Jexpected\"}");
    let second = Answer::read(503, br#"{"detail":"later"}"#);
    let text = summary(3, [acked(), first, second]).to_string();
    assert!(text.contains("first problem: /data: [2Jexpected\n"), "{text}");
    assert!(!text.contains("later"), "{text}");
}

#[test]
fn success_is_a_200_for_every_planned_event() {
    assert!(summary(2, [acked(), acked()]).is_success());
    assert!(!summary(3, [acked(), acked()]).is_success());
    assert!(!summary(2, [acked(), Answer::none("timeout")]).is_success());
    assert!(!summary(1, [Answer::read(503, b"")]).is_success());
}

#[test]
fn table_has_a_line_for_each_kind_of_answer() {
    let text = summary(4, [acked(), acked(), Answer::read(503, b""), Answer::none("timeout")]).to_string();
    let lines: Vec<String> =
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for expected in
        ["Sent 4 of 4 events to http://h/", "in 2.00 s.", "200 acked 2", "503 refused 1", "none timeout 1"]
    {
        assert!(lines.iter().any(|line| line == expected), "{expected}\n{text}");
    }
}

#[test]
fn json_matches_the_table() {
    let summary = summary(3, [acked(), Answer::none("timeout")]);
    assert_eq!(
        summary.json(),
        json!({
            "to": "http://h/", "planned": 3, "sent": 2, "ok": 1, "seconds": 2.0,
            "answers": [
                {"status": null, "outcome": "timeout", "count": 1},
                {"status": 200, "outcome": "acked", "count": 1},
            ],
            "first_problem": null,
        })
    );
}
