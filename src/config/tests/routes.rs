//! What is said of routes that do not hold.

use super::{load, problems};

#[test]
fn contradictions_between_routes_name_the_lines_of_both() {
    let text = "\
topics: { prefix: j. }
route_templates:
  voice:
    topics: a.b
routes:
  - match: call.*
    use: voice
  - match: call.missed
    topics: m
  - match: sms.*
    topics: [x, a_b]
";
    let found = problems(load(text)).to_string();
    let lines: Vec<_> = found.lines().map(|line| line.split_once("bridge.yaml:").unwrap().1).collect();
    assert!(lines[0].starts_with("8): never takes an event"), "{found}");
    assert!(lines[0].ends_with("bridge.yaml:6)"), "{found}");
    assert!(lines[1].starts_with("11): the topic `a_b` differs from `a.b`"), "{found}");
    assert!(
        lines[1].contains("`route_templates.voice.topics[0]` is at ") && lines[1].ends_with("yaml:4)"),
        "{found}"
    );
}

#[test]
fn problems_of_conditions_do_not_show_their_values() {
    for conditions in [
        "{ data/from: '+4915100' }",
        "'+4915100'",
        "{ /data/from: { prefix: '', equals: '+4915100' } }",
        "{ /data/from: { '+4915100': x, exists: 1 } }",
    ] {
        for at in ["routes: [{", "route_templates: { t: {"] {
            let end = if at.starts_with("routes") {
                "}]"
            } else {
                "} }\nroutes: [{ use: t, match: a, topics: b }]"
            };
            let found = problems(load(&format!("{at} match: '*', topics: t, when: {conditions} {end}")));
            assert!(!found.to_string().contains("4915100"), "{found}");
        }
    }
}
