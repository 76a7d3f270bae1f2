//! Read gate of a connection: set by the handler, enforced by the socket wrapper.

use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use std::cell::Cell;
use std::task::{Context, Waker};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadPhase {
    Head,
    Body(u64),
    Chunks,
    /// Nothing: the handler has to respond first.
    Response,
    /// Anything: the connection closes after the response.
    Unread,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamEnd {
    /// The client closed the connection, or its half.
    Client,
    ExcessFraming,
    MalformedChunks,
}

pub(super) fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// Shared by a connection and its current request.
pub(super) struct ReadGate {
    phase: Cell<ReadPhase>,
    /// The reader's state of a head is obsolete.
    has_changed: Cell<bool>,
    with_head: Cell<u64>,
    is_handled: Cell<bool>,
    end: Cell<Option<StreamEnd>>,
    waker: Cell<Option<Waker>>,
}

impl Default for ReadGate {
    fn default() -> Self {
        Self {
            phase: Cell::new(ReadPhase::Head),
            has_changed: Cell::new(true),
            with_head: Cell::new(0),
            is_handled: Cell::new(false),
            end: Cell::new(None),
            waker: Cell::new(None),
        }
    }
}

impl ReadGate {
    pub(super) fn phase(&self) -> ReadPhase {
        self.phase.get()
    }

    pub(super) fn start_body(&self, headers: &HeaderMap) {
        self.is_handled.set(true);
        self.set_phase(match declared_length(headers) {
            _ if headers.contains_key(TRANSFER_ENCODING) => ReadPhase::Chunks,
            Some(length) if length > 0 => ReadPhase::Body(length.saturating_sub(self.with_head.get())),
            _ => ReadPhase::Response,
        });
    }

    pub(super) fn add_body_with_head(&self, len: u64, declared: u64) {
        self.with_head.set(len);
        if len == declared {
            // Nothing more is read until the handler sets the next phase.
            self.phase.set(ReadPhase::Body(0));
        }
    }

    pub(super) fn end_body(&self) {
        self.set_phase(ReadPhase::Response);
    }

    /// The next head may be read, or the rest of an unread body.
    pub(super) fn end_request(&self) {
        match self.phase() {
            ReadPhase::Response | ReadPhase::Head => self.set_phase(ReadPhase::Head),
            ReadPhase::Body(_) | ReadPhase::Chunks | ReadPhase::Unread => self.set_phase(ReadPhase::Unread),
        }
    }

    pub(super) fn count_body(&self, len: usize) {
        if let ReadPhase::Body(left) = self.phase() {
            self.phase.set(ReadPhase::Body(left.saturating_sub(len as u64)));
        }
    }

    /// Keeps the first cause.
    pub(super) fn end_stream(&self, cause: StreamEnd) {
        self.end.set(self.end.get().or(Some(cause)));
    }

    pub(super) fn stream_end(&self) -> Option<StreamEnd> {
        self.end.get()
    }

    /// Returns true if the bridge ended the stream within a body.
    pub(super) fn is_cut(&self) -> bool {
        matches!(self.stream_end(), Some(StreamEnd::ExcessFraming | StreamEnd::MalformedChunks))
    }

    pub(super) fn is_in_chunks(&self) -> bool {
        self.phase() == ReadPhase::Chunks
    }

    /// A new head is not handled yet.
    pub(super) fn take_change(&self) -> bool {
        let has_changed = self.has_changed.take();
        if has_changed && self.phase() == ReadPhase::Head {
            self.is_handled.set(false);
        }
        has_changed
    }

    pub(super) fn is_handled(&self) -> bool {
        self.is_handled.get()
    }

    pub(super) fn register(&self, cx: &Context<'_>) {
        self.waker.set(Some(cx.waker().clone()));
    }

    fn set_phase(&self, phase: ReadPhase) {
        self.phase.set(phase);
        self.has_changed.set(true);
        // A wake-up would be useless.
        if !matches!(phase, ReadPhase::Response | ReadPhase::Body(0))
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
    }
}
