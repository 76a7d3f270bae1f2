//! Work that comes to its end whoever waits for it.

use actix_web::rt;
use futures_util::FutureExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

type Running<T> = Pin<Box<dyn Future<Output = T>>>;

/// Runs where it is awaited: a task of its own would cost its making and two wake-ups for each request.
/// Dropped before its end, as when a client hangs up, it becomes one and goes on.
pub(super) struct Work<T: 'static>(Option<Running<T>>);

/// The work panicked.
#[derive(Debug)]
pub(super) struct Panicked;

impl<T> Work<T> {
    pub(super) fn new(work: impl Future<Output = T> + 'static) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<T> Future for Work<T> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(work) = &mut self.0 else { return Poll::Ready(Err(Panicked)) };
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        let ended = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(ended)) => Ok(ended),
            Err(_) => Err(Panicked),
        };
        self.0 = None;
        Poll::Ready(ended)
    }
}

impl<T> Drop for Work<T> {
    fn drop(&mut self) {
        let Some(work) = self.0.take() else { return };
        // Outside of a worker, as when it is torn down, there is nothing left that could go on.
        let _ = catch_unwind(AssertUnwindSafe(|| rt::spawn(work.map(drop))));
    }
}

#[cfg(test)]
mod tests;
