//! Body of a request, read within its limit and the memory budget.

use super::problem::Problem;
use super::read_gate::{ReadGate, StreamEnd};
use crate::ingest::Permit;
use actix_web::HttpResponse;
use actix_web::body::{BodySize, BodyStream, BoxBody, MessageBody};
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

pub(super) struct RequestBody {
    chunks: BodyStream<Payload>,
    read_gate: Rc<ReadGate>,
    has_ended: bool,
}

impl RequestBody {
    pub(super) fn new(payload: Payload, read_gate: Rc<ReadGate>) -> Self {
        Self { chunks: BodyStream::new(payload), read_gate, has_ended: false }
    }

    /// Reads up to `limit` bytes, each chunk admitted under `permit`. A body of one chunk is not copied.
    pub(super) async fn read(&mut self, limit: usize, permit: &mut Permit) -> Result<Bytes, Problem> {
        let Some(first) = self.next_admitted(limit, permit).await? else { return Ok(Bytes::new()) };
        let Some(second) = self.next_admitted(limit - first.len(), permit).await? else { return Ok(first) };
        let mut whole = BytesMut::with_capacity(2 * (first.len() + second.len()));
        whole.extend_from_slice(&first);
        whole.extend_from_slice(&second);
        drop((first, second));
        while let Some(chunk) = self.next_admitted(limit - whole.len(), permit).await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    async fn next_admitted(
        &mut self,
        available: usize,
        permit: &mut Permit,
    ) -> Result<Option<Bytes>, Problem> {
        let Some(chunk) = self.next_chunk().await? else { return Ok(None) };
        if chunk.len() > available {
            return Err(Problem::TooLarge);
        }
        permit.grow(chunk.len()).then_some(Some(chunk)).ok_or(Problem::OverBudget)
    }

    async fn next_chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        match poll_fn(|context| Pin::new(&mut self.chunks).poll_next(context)).await {
            Some(Ok(chunk)) => Ok(Some(chunk)),
            Some(Err(_)) => Err(self.problem()),
            None => {
                self.has_ended = true;
                self.read_gate.end_body();
                Ok(None)
            }
        }
    }

    /// actix reports each cause as a lost connection.
    fn problem(&self) -> Problem {
        match self.read_gate.stream_end() {
            Some(StreamEnd::ExcessFraming) => Problem::EndlessChunks,
            Some(StreamEnd::MalformedChunks) => Problem::MalformedChunks,
            None if self.read_gate.is_in_chunks() => Problem::MalformedChunks,
            None | Some(StreamEnd::Client) => Problem::Incomplete,
        }
    }

    /// Closes the connection after the response if the body was not read. actix reads the rest of a dropped
    /// chunked body without a limit of time, but closes if the body still lives.
    pub(super) fn finish(self, response: HttpResponse) -> HttpResponse {
        if self.has_ended {
            return response;
        }
        response.map_body(|_, response| BoxBody::new(ResponseWithBody { response, _body: self }))
    }
}

struct ResponseWithBody {
    response: BoxBody,
    _body: RequestBody,
}

impl MessageBody for ResponseWithBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.response.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.response).poll_next(context)
    }
}
