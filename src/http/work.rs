//! Work that comes to its end whoever waits for it.

use actix_web::rt;
use futures_util::FutureExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

type Running<T> = Pin<Box<dyn Future<Output = T>>>;

/// Runs where it is awaited: a task of its own would cost its making and two wake-ups for each request.
/// Dropped before its end, as when a client hangs up, it becomes one and goes on.
pub(super) struct Work<T: 'static, P: FnOnce() + 'static> {
    running: Option<Running<T>>,
    /// Called for a panic that no caller awaits.
    abandoned: Option<P>,
}

impl<T, P: FnOnce()> Unpin for Work<T, P> {}

/// The work panicked.
#[derive(Debug)]
pub(super) struct Panicked;

impl<T, P: FnOnce()> Work<T, P> {
    /// Returns the work, not started. `abandoned` is called if it panics after its caller left.
    pub(super) fn new(work: impl Future<Output = T> + 'static, abandoned: P) -> Self {
        Self { running: Some(Box::pin(work)), abandoned: Some(abandoned) }
    }
}

impl<T, P: FnOnce()> Future for Work<T, P> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(work) = &mut self.running else { return Poll::Ready(Err(Panicked)) };
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        let ended = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(ended)) => Ok(ended),
            Err(_) => Err(Panicked),
        };
        self.running = None;
        Poll::Ready(ended)
    }
}

impl<T, P: FnOnce() + 'static> Drop for Work<T, P> {
    fn drop(&mut self) {
        let Some(work) = self.running.take() else { return };
        let abandoned = self.abandoned.take();
        let finish = async move {
            if AssertUnwindSafe(work).catch_unwind().await.is_err()
                && let Some(abandoned) = abandoned
            {
                abandoned();
            }
        };
        // Outside of a worker, as when it is torn down, there is nothing left that could go on.
        let _ = catch_unwind(AssertUnwindSafe(|| rt::spawn(finish)));
    }
}

#[cfg(test)]
mod tests;
