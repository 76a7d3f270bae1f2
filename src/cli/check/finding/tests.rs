use super::*;

fn printed(findings: &[Finding]) -> String {
    let mut out = Vec::new();
    print(findings, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn finding_has_a_line_of_text_and_a_line_of_advice() {
    let findings = [
        Finding::ok("settings", "right"),
        Finding::failure("topic", "is not there", "create it").of("a"),
        Finding::skipped("clock", "not looked at"),
    ];
    let expected = "ok       settings: right\n\
                    failure  topic (a): is not there\n\
                    \x20        -> create it\n\
                    skipped  clock: not looked at\n\n\
                    1 ok, 1 failure, 1 skipped\n";
    assert_eq!(printed(&findings), expected);
}

#[test]
fn equal_findings_share_a_line_and_count_separately() {
    let of = |topic: &str| Finding::warning("topic.replicas", "one", "more").of(topic);
    let mut findings = ["a", "b", "c", "d"].map(of).to_vec();
    findings.insert(1, Finding::warning("topic.replicas", "two", "more").of("x"));
    let text = printed(&findings);
    assert!(text.starts_with("warning  topic.replicas (a, b, c, d): one\n"), "{text}");
    assert!(
        text.contains("warning  topic.replicas (x): two\n") && text.ends_with("0 ok, 5 warnings\n"),
        "{text}"
    );
    findings.push(of("e"));
    assert!(printed(&findings).contains("(a, b, c and 2 more): one"));
}

#[test]
fn json_lists_every_finding() {
    let findings = [Finding::ok("a", "b"), Finding::warning("c", "d", "e").of("f")];
    let mut out = Vec::new();
    print_json(false, &findings, &mut out).unwrap();
    let expected = json!({ "ok": false, "findings": [
        { "level": "ok", "key": "a", "text": "b" },
        { "level": "warning", "key": "c", "subject": "f", "text": "d", "fix": "e" },
    ]});
    assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), expected);
}
