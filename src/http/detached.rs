//! Future that continues in a task if it is dropped before its end.

use actix_web::rt;
use futures_util::FutureExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

type BoxedFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// Future that runs in its caller, and continues in a task if it is dropped.
///
/// A task for each request would cost an allocation and two wake-ups. A client that disconnects drops its
/// request.
pub(super) struct DetachOnDrop<T: 'static, P: FnOnce() + 'static> {
    future: Option<BoxedFuture<T>>,
    /// Called for a panic after the drop.
    abandoned: Option<P>,
}

impl<T, P: FnOnce()> Unpin for DetachOnDrop<T, P> {}

/// Error of a future that panicked.
#[derive(Debug)]
pub(super) struct Panicked;

impl<T, P: FnOnce()> DetachOnDrop<T, P> {
    /// Returns the future, not started. `abandoned` is called if it panics after the drop.
    pub(super) fn new(future: impl Future<Output = T> + 'static, abandoned: P) -> Self {
        Self { future: Some(Box::pin(future)), abandoned: Some(abandoned) }
    }
}

impl<T, P: FnOnce()> Future for DetachOnDrop<T, P> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.future else { return Poll::Ready(Err(Panicked)) };
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        let ended = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(ended)) => Ok(ended),
            Err(_) => Err(Panicked),
        };
        self.future = None;
        Poll::Ready(ended)
    }
}

impl<T, P: FnOnce() + 'static> Drop for DetachOnDrop<T, P> {
    fn drop(&mut self) {
        let Some(future) = self.future.take() else { return };
        let abandoned = self.abandoned.take();
        let finish = async move {
            if AssertUnwindSafe(future).catch_unwind().await.is_err()
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
mod tests;
