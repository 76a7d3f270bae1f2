use super::*;
use crate::delivery::tests::{TestSink, record};
use crate::spool::Entry;
use bytes::Bytes;
use tempfile::TempDir;

fn drain(directory: &TempDir) -> Drain {
    let config = crate::spool::Config { directory: None, max_bytes: 16 << 20, max_lane_share: 100 };
    let lane = Lane::new(Arc::from("a"), 0, RowId(0), None, Default::default());
    let shared = Shared {
        sink: Arc::new(TestSink::default()),
        spool: Spool::open(directory.path(), &config, 0).expect("a spool"),
        runtime: Handle::current(),
        phase: watch::channel(Phase::Running).1,
        dead_letters: Arc::clone(&lane),
        share: Arc::new(Share::new((10, 10_000))),
        ack_deadline: Duration::from_secs(2),
        tracer: Tracer::off(),
        metrics: Arc::new(Metrics::new()),
    };
    Drain::new(lane, shared)
}

#[tokio::test]
async fn report_on_a_row_that_is_deleted_before_it_is_read_is_not_kept() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut drain = drain(&directory);
    let (told, done) = tokio::sync::oneshot::channel();
    let entry =
        Entry { lane: Arc::from("a"), payload: Bytes::new(), handed_over: true, max_lane_bytes: None };
    drain.lane.joins_backlog();
    drain.shared.spool.append(crate::spool::Append {
        entries: vec![entry],
        identity: None,
        done: Box::new(move |rows| told.send(rows.expect("a row")[0]).expect("somebody waits")),
    });
    let row = done.await.expect("a row");
    drain.lane.joined_backlog(Some(row));
    drain.lane.hands_over();
    drain.lane.heard(Ok(()));
    drain.lane.tell(Told::Reported(row, Ok(())));
    drain.hear();
    assert_eq!((drain.early.len(), drain.lane.backlog()), (1, 0));
    while drain.shared.spool.usage().rows > 0 {
        sleep(Duration::from_millis(5)).await;
    }
    drain.fill().await;
    assert!(drain.window.is_empty());
    assert!(drain.early.is_empty(), "{:?}", drain.early);
    assert!(!drain.has_more());
}

#[tokio::test(start_paused = true)]
async fn silence_counts_from_the_first_row_that_is_out() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut drain = drain(&directory);
    tokio::time::advance(Duration::from_secs(60)).await;
    let payload = stored::encode(&record("a"));
    drain.take_in_hand(Row { id: RowId(1), handed_over: true, payload: payload.clone() });
    drain.look_for_silence();
    assert!(!drain.lane.is_held_up(), "nothing was out before");
    tokio::time::advance(Duration::from_secs(1)).await;
    drain.take_in_hand(Row { id: RowId(2), handed_over: true, payload });
    tokio::time::advance(Duration::from_secs(1)).await;
    drain.look_for_silence();
    assert!(drain.lane.is_held_up());
}

/// A drain with one row that was refused with others, and is handed over alone.
fn drain_with_a_row_alone(directory: &TempDir) -> Drain {
    let mut drain = drain(directory);
    drain.lane.open();
    drain.lane.joins_backlog();
    drain.lane.joined_backlog(Some(RowId(1)));
    drain.take_in_hand(Row { id: RowId(1), handed_over: false, payload: stored::encode(&record("a")) });
    drain.hand_over();
    refuse_row(&mut drain);
    drain.hand_over();
    assert_eq!(drain.window.alone(), Some(RowId(1)));
    drain
}

fn refuse_row(drain: &mut Drain) {
    drain.lane.heard(Err(Failure::Refused));
    drain.lane.tell(Told::Reported(RowId(1), Err(Failure::Refused)));
    drain.hear();
}

#[tokio::test]
async fn refusal_of_a_row_that_was_alone_is_about_that_row() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut drain = drain_with_a_row_alone(&directory);
    refuse_row(&mut drain);
    assert!(drain.window.has_waiting());
}

#[tokio::test]
async fn refusal_says_nothing_about_a_row_beside_which_an_event_went_straight() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut drain = drain_with_a_row_alone(&directory);
    drain.lane.hands_over();
    refuse_row(&mut drain);
    assert!(!drain.window.has_waiting(), "it is sent alone again");
    drain.lane.heard(Ok(()));
    drain.hand_over();
    assert_eq!(drain.window.alone(), Some(RowId(1)));
}
