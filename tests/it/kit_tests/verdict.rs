use crate::delivery::faults::print_line;
use crate::kit::clock::Clock;
use crate::kit::consume::Read;
use crate::kit::load::{self, Answer, Load, Sent, Shape, Try};
use crate::kit::proxy::Proxy;
use crate::kit::rng::SeededRng;
use crate::kit::verdict::{TopicContents, Verdict, Waiver, judge};
use std::io::{ErrorKind, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const KIND: &str = "sms.sent";

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn event(number: usize, sent: u64, answered: u64, answer: Answer) -> Sent {
    let body = load::body(KIND, "message_id", "key-1", number, 100);
    let only = Try { sent: millis(sent), answered: millis(answered), answer };
    Sent { kind: KIND, key: "key-1".into(), body, tries: vec![only] }
}

fn three() -> [Sent; 3] {
    [event(1, 0, 10, Answer::Acked), event(2, 20, 50, Answer::Spooled), event(3, 60, 65, Answer::Acked)]
}

fn topic(events: &[&Sent]) -> TopicContents {
    let reads = (0..).zip(events).map(|(offset, event)| Read {
        partition: 2,
        offset,
        key: Some(event.key.clone().into_bytes()),
        value: event.body.clone(),
        headers: Vec::new(),
        timestamp_millis: 0,
    });
    TopicContents::from([(KIND, reads.collect())])
}

fn verdict(sent: &[Sent], contents: &[&Sent]) -> Verdict {
    judge(sent, &topic(contents), &[], millis(1_000))
}

fn figures(verdict: &Verdict) -> (usize, usize, usize) {
    (verdict.lost.len(), verdict.duplicated, verdict.reordered.len())
}

#[test]
fn correct_run_has_no_failures() {
    let sent = three();
    let verdict = verdict(&sent, &[&sent[0], &sent[1], &sent[2]]);
    assert_eq!((verdict.obligations, figures(&verdict)), (3, (0, 0, 0)));
    assert_eq!((verdict.spooled, verdict.longest_answer), (1, millis(30)));
    assert_eq!(verdict.p99_spooling, Some(millis(5)), "only what was sent after the first spooled one");
    assert_eq!(judge(&sent, &topic(&[]), &[], millis(12)).direct_again, Some(millis(53)));
}

#[test]
fn promised_event_without_a_record_is_lost() {
    let sent = three();
    let verdict = verdict(&sent, &[&sent[0], &sent[2]]);
    assert_eq!(figures(&verdict), (1, 0, 0));
    assert!(verdict.lost[0].contains("mark-2-"), "{:?}", verdict.lost);
}

#[test]
fn one_changed_byte_is_a_loss() {
    let sent = three();
    let mut changed = sent[1].clone();
    *changed.body.last_mut().expect("a body") = b' ';
    assert_eq!(verdict(&sent, &[&sent[0], &changed, &sent[2]]).lost.len(), 1);
}

#[test]
fn record_in_the_topic_of_another_type_is_a_loss() {
    let sent = three();
    let contents = topic(&[&sent[0], &sent[1], &sent[2]]);
    let elsewhere = TopicContents::from([("sms.received", contents[KIND].clone())]);
    assert_eq!(judge(&sent, &elsewhere, &[], millis(1_000)).lost.len(), 3);
}

#[test]
fn event_without_a_promise_is_no_obligation() {
    let sent = [event(1, 0, 10, Answer::Refused), event(2, 20, 30, Answer::Broken)];
    let verdict = verdict(&sent, &[]);
    assert_eq!((verdict.obligations, figures(&verdict)), (0, (0, 0, 0)));
    assert_eq!((verdict.refused, verdict.broken), (1, 1));
}

#[test]
fn duplicate_answer_is_a_promise() {
    let mut sent = event(1, 0, 10, Answer::Refused);
    sent.tries.push(Try { sent: millis(500), answered: millis(510), answer: Answer::Duplicate });
    let verdict = verdict(&[sent], &[]);
    assert_eq!((verdict.obligations, verdict.lost.len()), (1, 1));
}

#[test]
fn second_occurrence_is_a_duplicate_and_breaks_no_order() {
    let sent = three();
    let verdict = verdict(&sent, &[&sent[0], &sent[1], &sent[2], &sent[0]]);
    assert_eq!(figures(&verdict), (0, 1, 0));
}

#[test]
fn event_answered_before_another_was_sent_must_precede_it() {
    let sent = three();
    let verdict = verdict(&sent, &[&sent[1], &sent[0], &sent[2]]);
    assert_eq!(figures(&verdict), (0, 0, 1));
    assert!(verdict.reordered[0].0.contains("mark-1-") && verdict.reordered[0].1.contains("mark-2-"));
}

#[test]
fn reordering_is_found_across_other_events() {
    // The second was in flight beside both others.
    let sent =
        [event(1, 0, 10, Answer::Acked), event(2, 0, 900, Answer::Acked), event(3, 20, 30, Answer::Acked)];
    assert_eq!(figures(&verdict(&sent, &[&sent[2], &sent[1], &sent[0]])), (0, 0, 1));
}

#[test]
fn concurrent_events_have_no_order() {
    let sent = [event(1, 0, 50, Answer::Acked), event(2, 20, 30, Answer::Acked)];
    assert_eq!(figures(&verdict(&sent, &[&sent[1], &sent[0]])), (0, 0, 0));
}

#[test]
fn retried_event_lasts_from_its_first_try_to_its_promise() {
    // It may be anywhere until its retry is promised.
    let mut retried = event(1, 0, 10, Answer::Refused);
    retried.tries.push(Try { sent: millis(500), answered: millis(510), answer: Answer::Acked });
    let between = event(2, 20, 30, Answer::Acked);
    let after = event(3, 600, 610, Answer::Acked);
    let sent = [retried, between, after];
    assert_eq!(figures(&verdict(&sent, &[&sent[1], &sent[0], &sent[2]])), (0, 0, 0));
    assert_eq!(figures(&verdict(&sent, &[&sent[0], &sent[1], &sent[2]])), (0, 0, 0));
    assert_eq!(figures(&verdict(&sent, &[&sent[1], &sent[2], &sent[0]])), (0, 0, 1));
}

#[test]
fn unpromised_event_must_not_precede_an_earlier_promised_one() {
    let sent = [event(1, 0, 10, Answer::Acked), event(2, 20, 30, Answer::Refused)];
    assert_eq!(figures(&verdict(&sent, &[&sent[1], &sent[0]])), (0, 0, 1));
}

#[test]
fn waiver_excuses_its_type_up_to_its_time_and_nothing_else() {
    let sent = three();
    let excused = |kind| {
        let waivers = [Waiver { kind, until: millis(50) }];
        let verdict = judge(&sent, &topic(&[&sent[2]]), &waivers, millis(1_000));
        (verdict.waived, verdict.obligations, verdict.lost.len())
    };
    assert_eq!((excused(None), excused(Some(KIND))), ((2, 1, 0), (2, 1, 0)));
    assert_eq!(excused(Some("call.missed")), (0, 3, 2));
}

#[test]
#[should_panic(expected = "several partitions")]
fn key_in_two_partitions_is_a_failure() {
    let sent = three();
    let mut contents = topic(&[&sent[0], &sent[1]]);
    contents.get_mut(KIND).expect("the topic")[1].partition = 3;
    judge(&sent, &contents, &[], millis(1_000));
}

#[test]
fn load_retries_refused_events_and_never_repeats_a_body() {
    // Refuses the first try of each body.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let mut seen = std::collections::HashSet::new();
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).expect("a request");
            let answer = if seen.insert(request[..length].to_vec()) {
                "HTTP/1.1 503 No\r\nretry-after: 1\r\ncontent-length: 2\r\n\r\n{}"
            } else {
                "HTTP/1.1 200 OK\r\ncontent-length: 19\r\n\r\n{\"outcome\":\"acked\"}"
            };
            stream.write_all(answer.as_bytes()).expect("answered");
        }
    });
    let load = Load::start(address, Shape { senders: 2, pause: millis(5), body_bytes: 100 });
    crate::kit::bridge::until("retries", || load.answered(Answer::Acked) > 5);
    let (sent, _) = load.finish();
    let taken: Vec<_> = sent.iter().filter(|event| event.promised().is_some()).collect();
    assert!(taken.iter().all(|event| event.tries.len() == 2 && event.first_sent() < event.tries[1].sent));
    let bodies: std::collections::HashSet<_> = sent.iter().map(|event| &event.body).collect();
    assert_eq!(bodies.len(), sent.len());
}

#[test]
fn proxy_passes_blocks_and_closes() {
    let echo = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = Proxy::listen();
    proxy.set_target(echo.local_addr().expect("an address").to_string());
    std::thread::spawn(move || {
        for mut stream in echo.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                std::io::copy(&mut stream.try_clone().expect("a handle"), &mut stream)
            });
        }
    });
    let mut wire = TcpStream::connect(proxy.address()).expect("a connection");
    wire.set_read_timeout(Some(millis(300))).expect("a timeout");
    let mut echoed = [0; 4];
    let mut exchange = |wire: &mut TcpStream| {
        wire.write_all(b"ping")?;
        wire.read_exact(&mut echoed)
    };
    exchange(&mut wire).expect("an echo");
    proxy.block();
    std::thread::sleep(millis(100));
    let silence = exchange(&mut wire).expect_err("nothing passes");
    assert!(matches!(silence.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silence}");
    proxy.pass();
    wire.set_read_timeout(Some(millis(10_000))).expect("a timeout");
    wire.read_exact(&mut [0; 4]).expect("blocked bytes arrive later");
    proxy.close();
    exchange(&mut wire).expect_err("the connection is closed");
    let mut refused = TcpStream::connect(proxy.address()).expect("accepted, to be closed");
    refused.set_read_timeout(Some(millis(10_000))).expect("a timeout");
    assert!(!matches!(refused.read(&mut [0; 4]), Ok(1..)), "new ones are closed too");
    proxy.pass();
    exchange(&mut TcpStream::connect(proxy.address()).expect("a connection")).expect("an echo");
}

#[test]
fn clock_jumps_for_its_process_only() {
    let clock = match Clock::build() {
        Ok(clock) => clock,
        Err(why) => return print_line(&format!("NOT RUN, no C compiler: {why}")),
    };
    let ahead = || {
        let output = Command::new("date").arg("+%s").envs(clock.environment()).output().expect("date starts");
        let output: u64 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("seconds");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs();
        // To the minute, because the machine may be slow.
        i64::try_from(output).expect("seconds") / 60 - i64::try_from(now).expect("seconds") / 60
    };
    assert!((-2..=2).contains(&ahead()));
    clock.jump(3_600);
    assert!((58..=62).contains(&ahead()), "{}", ahead());
    clock.jump(-3_600);
    assert!((-62..=-58).contains(&ahead()), "{}", ahead());
}

#[test]
fn same_seed_gives_the_same_sequence() {
    let draw = |seed| {
        let mut rng = SeededRng::from_seed(seed);
        (0..20).map(|_| rng.below(1_000)).collect::<Vec<_>>()
    };
    assert_eq!(draw(7), draw(7));
    assert_ne!(draw(7), draw(8));
}
