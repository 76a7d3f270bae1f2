//! A request's body, read within its limit and the budget.

use super::problem::Problem;
use super::turn::{StreamEnd, Turn};
use crate::ingest::Permit;
use actix_web::HttpResponse;
use actix_web::body::{BodySize, BodyStream, BoxBody, MessageBody};
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// The body of one request, as far as it was read.
pub(super) struct Body {
    chunks: BodyStream<Payload>,
    turn: Rc<Turn>,
    ended: bool,
}

impl Body {
    /// Nothing is read yet.
    pub(super) fn new(payload: Payload, turn: Rc<Turn>) -> Self {
        Self { chunks: BodyStream::new(payload), turn, ended: false }
    }

    /// The whole body: at most `limit` bytes, each admitted under `permit` when it arrives. A body in
    /// one chunk is not copied.
    ///
    /// # Errors
    /// Where it exceeds the limit or the budget, or does not arrive whole.
    pub(super) async fn read(&mut self, limit: usize, permit: &mut Permit) -> Result<Bytes, Problem> {
        let Some(first) = self.admitted(limit, permit).await? else { return Ok(Bytes::new()) };
        let Some(second) = self.admitted(limit - first.len(), permit).await? else { return Ok(first) };
        let mut whole = BytesMut::with_capacity(2 * (first.len() + second.len()));
        whole.extend_from_slice(&first);
        whole.extend_from_slice(&second);
        drop((first, second));
        while let Some(chunk) = self.admitted(limit - whole.len(), permit).await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    async fn admitted(&mut self, room: usize, permit: &mut Permit) -> Result<Option<Bytes>, Problem> {
        let Some(chunk) = self.chunk().await? else { return Ok(None) };
        if chunk.len() > room {
            return Err(Problem::TooLarge);
        }
        permit.grow(chunk.len()).then_some(Some(chunk)).ok_or(Problem::OverBudget)
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        match poll_fn(|context| Pin::new(&mut self.chunks).poll_next(context)).await {
            Some(Ok(chunk)) => Ok(Some(chunk)),
            Some(Err(_)) => Err(self.fault()),
            None => {
                self.ended = true;
                self.turn.answer();
                Ok(None)
            }
        }
    }

    /// Returns the cause of a body's failure. actix reports each as a lost connection.
    fn fault(&self) -> Problem {
        match self.turn.stream_end() {
            Some(StreamEnd::ExcessFraming) => Problem::EndlessChunks,
            Some(StreamEnd::MalformedChunks) => Problem::MalformedChunks,
            None if self.turn.is_in_chunks() => Problem::MalformedChunks,
            None | Some(StreamEnd::Client) => Problem::Incomplete,
        }
    }

    /// The answer, and the connection closed behind it where the body was not read to its end.
    ///
    /// actix reads on, however slowly the rest comes, once a chunked body is dropped; it closes the
    /// connection where the body still lives at the end of the answer.
    pub(super) fn end_with(self, response: HttpResponse) -> HttpResponse {
        if self.ended {
            return response;
        }
        response.map_body(|_, answer| BoxBody::new(WithUnread { answer, _unread: self }))
    }
}

/// An answer that keeps the unread body until it is sent.
struct WithUnread {
    answer: BoxBody,
    _unread: Body,
}

impl MessageBody for WithUnread {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.answer).poll_next(context)
    }
}
