//! Future that continues in a task if it is dropped before its end.

use actix_web::rt;
use futures_util::FutureExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

type BoxedFuture<T> = Pin<Box<dyn Future<Output = Result<T, Panicked>>>>;

/// Future that runs in its caller, and continues in a task if its client disconnects. A task for each request
/// would cost an allocation and two wake-ups.
pub(super) struct DetachOnDrop<T: 'static, P: FnOnce() + 'static> {
    future: Option<BoxedFuture<T>>,
    /// Called for a panic after the drop.
    abandoned: Option<P>,
}

impl<T, P: FnOnce()> Unpin for DetachOnDrop<T, P> {}

#[derive(Debug)]
pub(super) struct Panicked;

impl<T, P: FnOnce()> DetachOnDrop<T, P> {
    pub(super) fn new(future: impl Future<Output = T> + 'static, abandoned: P) -> Self {
        let caught = AssertUnwindSafe(future).catch_unwind().map(|ended| ended.map_err(|_| Panicked));
        Self { future: Some(Box::pin(caught)), abandoned: Some(abandoned) }
    }
}

impl<T, P: FnOnce()> Future for DetachOnDrop<T, P> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.future else { return Poll::Ready(Err(Panicked)) };
        let ended = ready!(future.as_mut().poll(context));
        self.future = None;
        Poll::Ready(ended)
    }
}

impl<T, P: FnOnce() + 'static> Drop for DetachOnDrop<T, P> {
    fn drop(&mut self) {
        let Some(future) = self.future.take() else { return };
        let abandoned = self.abandoned.take();
        let finish = async move {
            if future.await.is_err()
                && let Some(abandoned) = abandoned
            {
                abandoned();
            }
        };
        // Without a runtime, during the shutdown of a worker, the future is dropped.
        let _ = catch_unwind(AssertUnwindSafe(|| rt::spawn(finish)));
    }
}

#[cfg(test)]
mod tests {
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
}
