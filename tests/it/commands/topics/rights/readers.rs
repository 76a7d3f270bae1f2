use super::{Right, exported, grant, guarded, serve, team, until_acked, without};
use crate::commands::topics::{Run, Team, run};
use crate::kit::bridge::until;
use crate::kit::consume::topic_end;
use crate::kit::secured::Secured;

const UNKNOWN: &[u8] = br#"{"type":"fax.sent","timestamp":"2026-01-01T00:00:00Z","data":{"id":"7"}}"#;

fn filled(broker: &Secured) -> Team {
    let team = team(broker, &["topics.partitions=1", "unknown_events=dead_letter"]);
    grant(broker, &exported(&team, "serve"));
    let bridge = serve(&team);
    until_acked(&bridge);
    let answer = bridge.post(UNKNOWN);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(topic_end(broker.kafka.bootstrap(), &team.topic("dead-letter")), 1);
    team
}

fn command(team: &Team, words: &[&str]) -> Run {
    run(words, &team.settings)
}

#[test]
fn tail_and_dead_letters_need_the_read_right() {
    let broker = guarded();
    let team = filled(&broker);
    let tail = || command(&team, &["tail", "--from", "beginning", "--until-end", "--json"]);
    let list = || command(&team, &["dead-letters", "list", "--json"]);
    let rights = exported(&team, "tail");
    grant(&broker, &rights);
    until("tail with its rights", || tail().out.contains("call.missed"));
    assert_eq!((tail().code, list().code), (0, 0));
    assert!(list().out.contains("unknown_type"), "{}", list().out);

    let mut reduced: Vec<Right> = without(&rights, "READ");
    reduced.extend(rights.iter().map(|(_, kind, name)| ("DESCRIBE".into(), kind.clone(), name.clone())));
    grant(&broker, &reduced);
    until("reading is refused", || tail().code == 1);
    assert!(!tail().out.contains("call.missed"));
    assert_eq!(list().code, 1);
}

#[test]
fn replay_of_dead_letters_needs_each_of_its_rights() {
    let broker = guarded();
    let mut team = filled(&broker);
    team.settings.push("unknown_events=forward".into());
    let rights = exported(&team, "replay");
    let replay = || command(&team, &["dead-letters", "replay", "--all", "--yes"]);
    let rest = || topic_end(broker.kafka.bootstrap(), &team.topic("rest"));

    let of_transactions = |right: &&Right| right.1 != "transactional_id";
    grant(&broker, &rights.iter().filter(of_transactions).cloned().collect::<Vec<_>>());
    until("transactions are refused", || replay().err.contains("ransaction"));
    assert_eq!(rest(), 0);

    grant(&broker, &without(&rights, "READ"));
    until("reading is refused", || replay().code == 1 && !replay().err.contains("ransaction"));
    assert_eq!(rest(), 0);

    grant(&broker, &rights);
    until("replay with its rights", || replay().code == 0);
    assert_eq!(rest(), 2);
}
