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
fn dropped_future_continues() {
    in_worker(async {
        let (open, opened) = oneshot::channel();
        let done = Rc::new(Cell::new(false));
        let seen = Rc::clone(&done);
        let mut work = DetachOnDrop::new(
            async move {
                let _ = opened.await;
                seen.set(true);
            },
            || (),
        );
        assert!(work.poll_unpin(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(work);
        open.send(()).expect("the receiver exists");
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(done.get(), "dropped with the one who waited");
    });
}

#[test]
fn panic_becomes_an_error() {
    in_worker(async {
        assert!(DetachOnDrop::new(async { panic!("a bug") as u8 }, || ()).await.is_err());
        assert_eq!(DetachOnDrop::new(async { 3 }, || ()).await.ok(), Some(3));
    });
}

#[test]
fn drop_without_a_runtime_does_not_panic() {
    drop(DetachOnDrop::new(async {}, || ()));
}
