use super::super::finding::Level;
use super::*;

fn within(milliseconds: u64, all: Vec<Work>) -> Vec<Finding> {
    finish(all, Instant::now() + Duration::from_millis(milliseconds))
}

#[test]
fn findings_keep_the_order_of_the_workers() {
    let work = |name: &'static str, pause| {
        Work::begin(name, move |reporter| {
            std::thread::sleep(Duration::from_millis(pause));
            reporter.next("looking");
            reporter.report(Finding::ok(name, ""));
        })
    };
    let keys: Vec<_> =
        within(30_000, vec![work("a", 50), work("b", 0)]).into_iter().map(|finding| finding.key).collect();
    assert_eq!(keys, ["a", "b"]);
}

#[test]
fn hanging_worker_is_a_failure_and_keeps_its_findings() {
    let (hold, held) = channel::<()>();
    let work = Work::begin("a", move |reporter| {
        reporter.report(Finding::ok("one", ""));
        reporter.next("asking for topics");
        let _ = held.recv();
    });
    let begun = Instant::now();
    let findings = within(300, vec![work]);
    assert!(begun.elapsed() < Duration::from_secs(30));
    drop(hold);
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert_eq!((findings[1].level, findings[1].key.as_str()), (Level::Failure, "a"));
    assert!(findings[1].text.contains("asking for topics"));
}

#[test]
fn panicking_worker_is_a_failure() {
    let findings = within(30_000, vec![Work::begin("a", |_| panic!("on purpose"))]);
    assert_eq!(findings.iter().map(|finding| finding.level).collect::<Vec<_>>(), [Level::Failure]);
}
