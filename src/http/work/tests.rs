use super::*;
use std::cell::Cell;
use std::rc::Rc;
use std::task::Waker;
use tokio::sync::oneshot;

fn in_worker(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, test);
}

#[test]
fn what_nobody_waits_for_any_more_goes_on() {
    in_worker(async {
        let (open, opened) = oneshot::channel();
        let done = Rc::new(Cell::new(false));
        let seen = Rc::clone(&done);
        let mut work = Work::new(
            async move {
                let _ = opened.await;
                seen.set(true);
            },
            || (),
        );
        assert!(work.poll_unpin(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(work);
        open.send(()).expect("somebody listens");
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(done.get(), "dropped with the one who waited");
    });
}

#[test]
fn panic_ends_only_what_panicked() {
    in_worker(async {
        assert!(Work::new(async { panic!("a bug") as u8 }, || ()).await.is_err());
        assert_eq!(Work::new(async { 3 }, || ()).await.ok(), Some(3));
    });
}

#[test]
fn dropped_outside_of_a_worker_it_ends_quietly() {
    drop(Work::new(async {}, || ()));
}
