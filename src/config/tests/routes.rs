use super::{errors, load};

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
    let found = errors(load(text)).to_string();
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
fn errors_in_conditions_do_not_show_values() {
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
            let found = errors(load(&format!("{at} match: '*', topics: t, when: {conditions} {end}")));
            assert!(!found.to_string().contains("4915100"), "{found}");
        }
    }
}

#[test]
fn a_route_that_cannot_be_read_contradicts_no_other() {
    let text =
        "routes: [{ match: '*', when: { /data/a: { like: b } }, topics: a }, { match: call.*, topics: b }]";
    let found = errors(load(text));
    assert!(matches!(&found.0[..], [one] if one.key == "routes[0].when"), "{found}");
}

#[test]
fn contradictions_within_routes_and_with_dead_letters_name_both_lines() {
    let text = "\
route_templates:
  quiet:
    drop: true
routes:
  - use: quiet
    match: call.*
    headers: { team: voice }
  - match: sms.*
    topics:
      - a
      - lost
      - a
dead_letter: { topic: lost }
";
    let lines = |text: &str| errors(load(text)).0.iter().map(ToString::to_string).collect::<Vec<_>>();
    let found = lines(text);
    assert!(found[0].starts_with("routes[0].headers = ") && found[0].contains("bridge.yaml:7)"), "{found:?}");
    assert!(
        found[0].contains("`route_templates.quiet.drop` is at ") && found[0].ends_with("bridge.yaml:3)"),
        "{found:?}"
    );
    assert!(found[1].contains("bridge.yaml:12)") && found[1].ends_with("bridge.yaml:10)"), "{found:?}");
    let found = lines(&text.replace("      - a\n", "").replace("    headers: { team: voice }\n", ""));
    assert!(
        matches!(&found[..], [one] if one.contains("bridge.yaml:10)") && one.ends_with("bridge.yaml:9)")),
        "{found:?}"
    );
}

/// Each topic gets a copy.
#[test]
fn the_largest_event_must_be_admitted_with_all_of_its_records() {
    let room = "server: { max_in_flight: 3 MiB }\n";
    let several = "routes: [{ match: '*', topics: [a, b] }]";
    let going_on = "routes: [{ match: '*', topics: a, continue: true }, { match: '*', topics: [a, b], continue: true }, { match: call.*, when: { /data/a: b }, topics: c }]";
    let exclusive = "routes: [{ match: '*', when: { /data/a: a }, topics: a, continue: true }, { match: '*', when: { /data/a: b }, topics: b, continue: true }]";
    assert!(load(&format!("{room}{several}")).is_ok());
    assert!(load(&format!("{room}{exclusive}")).is_ok(), "one after the other");
    let found = errors(load(&format!("{room}{}", several.replace("b]", "b, c]")))).to_string();
    assert!(found.contains("at least 3981312 bytes") && found.contains("its 3 records"), "{found}");
    let found = errors(load(&format!("{room}{going_on}"))).to_string();
    assert!(found.contains("its 3 records"), "{found}");
}
