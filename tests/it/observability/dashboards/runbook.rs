use super::alerts;
use super::catalogue::catalogue;
use super::query::unknown_names;
use crate::kit::process::bridge_command;
use crate::kit::promtool;
use std::collections::BTreeMap;

const PARTS: [&str; 5] = ["**It means**", "**Meanwhile**", "**Look**", "**Do**", "**It is over**"];

fn page() -> String {
    super::repository_file("docs/operations/runbook.md")
}

fn sections(page: &str) -> Vec<(&str, &str)> {
    page.split("\n## ").skip(1).filter_map(|section| section.split_once('\n')).collect()
}

fn blocks<'a>(page: &'a str, kind: &str) -> Vec<&'a str> {
    let begin = format!("```{kind}\n");
    page.split(begin.as_str()).skip(1).filter_map(|rest| Some(rest.split_once("\n```")?.0)).collect()
}

#[test]
fn every_alert_has_its_section_and_every_section_its_alert() {
    let page = page();
    let mut headings: Vec<_> = sections(&page).into_iter().map(|(heading, _)| heading.to_owned()).collect();
    let mut alerts: Vec<_> = alerts::rules().into_iter().map(|rule| rule.name).collect();
    headings.sort();
    alerts.sort();
    // An alert with two severities has two rules.
    alerts.dedup();
    assert_eq!(headings, alerts);
}

#[test]
fn index_lists_every_alert_with_its_severities_and_links_to_its_section() {
    let page = page();
    let mut rules: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for rule in alerts::rules() {
        rules.entry(rule.name).or_default().push(rule.severity);
    }
    for (name, severities) in &rules {
        let row = format!("| [{name}](#{}) | {} |", name.to_lowercase(), severities.join(", "));
        assert!(page.contains(&row), "{row}");
    }
    assert_eq!(page.matches("| [JustCallBridge").count(), rules.len());
}

#[test]
fn every_section_has_all_its_parts() {
    let page = page();
    for (heading, text) in sections(&page) {
        let places: Vec<_> = PARTS.iter().map(|part| text.find(part)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{heading}: {places:?}");
    }
}

#[test]
fn every_alert_named_in_a_section_exists() {
    let page = page();
    let headings: Vec<_> = sections(&page).into_iter().map(|(heading, _)| heading).collect();
    let named = page.split('`').skip(1).step_by(2).filter(|code| code.starts_with("JustCallBridge"));
    for name in named {
        assert!(headings.contains(&name), "{name}");
    }
}

#[test]
fn every_metric_in_the_runbook_is_exposed_and_every_query_is_promql() {
    let (page, metrics, recorded) = (page(), catalogue(), alerts::recorded());
    let queries = blocks(&page, "promql");
    assert!(queries.len() > 5, "{}", queries.len());
    let inline = page
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| code.starts_with("justcall_bridge_") || code.starts_with("process_"));
    let strange =
        queries.iter().copied().chain(inline).flat_map(|it| unknown_names(it, "", &metrics, &recorded));
    assert_eq!(strange.collect::<Vec<_>>(), [""; 0]);
    promtool::check_queries(&queries.iter().map(ToString::to_string).collect::<Vec<_>>());
}

/// A command ends with its line in a block, otherwise with the closing backtick.
fn commands(page: &str) -> Vec<String> {
    let lines = blocks(page, "sh").into_iter().flat_map(str::lines);
    let inline = page.split('`').skip(1).step_by(2).filter(|code| !code.contains('\n'));
    let commands = lines.chain(inline).filter_map(|text| text.split_once("justcall-bridge "));
    let plain = |rest: &str| rest.split([';', '|', '>', '#']).next().unwrap_or_default().trim().to_owned();
    commands
        .filter(|(before, _)| before.is_empty() || before.ends_with(' '))
        .map(|(_, rest)| plain(rest))
        .collect()
}

fn help(command: &[&str]) -> Option<String> {
    let output = bridge_command().args(command).arg("--help").output().expect("it starts");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn every_command_in_the_runbook_is_valid() {
    let page = page();
    let commands = commands(&page);
    assert!(commands.len() > 12, "{commands:?}");
    let mut known = BTreeMap::new();
    for command in &commands {
        let words: Vec<&str> = command.split_whitespace().collect();
        let names: Vec<&str> = words.iter().copied().take_while(|word| is_name(word)).collect();
        let printed = known.entry(names.clone()).or_insert_with(|| help(&names));
        let printed =
            printed.as_deref().unwrap_or_else(|| panic!("justcall-bridge has no command {names:?}"));
        assert!(!printed.contains("\nCommands:\n"), "justcall-bridge {command} lacks a subcommand");
        for flag in words.iter().filter(|word| word.starts_with("--")) {
            let flag = flag.split('=').next().unwrap_or(flag);
            assert!(
                printed.contains(&format!("{flag} ")) || printed.contains(&format!("{flag}\n")),
                "{command}: {flag}"
            );
        }
    }
}

fn is_name(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') && !word.starts_with('-')
}

#[test]
fn every_reason_that_an_alert_can_name_is_explained() {
    let (page, metrics) = (page(), catalogue());
    for (alert, metric) in [
        ("JustCallBridgeRefused", "justcall_bridge_refused_total"),
        ("JustCallBridgeDeadLetters", "justcall_bridge_rejected_total"),
        ("JustCallBridgeDenied", "justcall_bridge_denied_total"),
    ] {
        let sections = sections(&page);
        let (_, text) = sections.iter().find(|(heading, _)| *heading == alert).expect("a section");
        let reasons = metrics[metric].labels["reason"].iter();
        // Refused signatures have an alert of their own.
        let named = reasons.filter(|reason| {
            *reason != "other" && (alert.ends_with("Denied") || !reason.starts_with("signature_"))
        });
        for reason in named {
            assert!(text.contains(&format!("`{reason}`")), "{alert}: {reason}");
        }
    }
}
