//! Whose turn it is on a connection: told by the handler, obeyed by what reads.

use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use std::cell::Cell;
use std::task::{Context, Waker};

/// What may be read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// A request's head.
    Head,
    /// So many bytes of a body.
    Body(u64),
    /// A chunked body.
    Chunks,
    /// Nothing: the bridge has to answer first.
    Answer,
    /// Whatever comes: the connection is about to be closed.
    Unread,
}

/// Cause of the end of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamEnd {
    /// The client closed the connection, or its half of it.
    Client,
    /// The framing of a chunked body exceeds its limit.
    ExcessFraming,
    /// The framing of a chunked body violates the syntax.
    MalformedChunks,
}

/// The length that a body is said to have, in bytes.
pub(super) fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// Shared between a connection and the request on it.
pub(super) struct Turn {
    phase: Cell<Phase>,
    /// A head begins, and what belonged to the one before is to be forgotten.
    begins: Cell<bool>,
    /// Bytes of the body that were handed on with its head.
    with_head: Cell<u64>,
    /// The handler has seen the head that was read last.
    is_handled: Cell<bool>,
    /// The cause of the end of the stream, once it has ended.
    end: Cell<Option<StreamEnd>>,
    waiting: Cell<Option<Waker>>,
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            phase: Cell::new(Phase::Head),
            begins: Cell::new(true),
            with_head: Cell::new(0),
            is_handled: Cell::new(false),
            end: Cell::new(None),
            waiting: Cell::new(None),
        }
    }
}

impl Turn {
    pub(super) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// The handler has the head: the body comes, if there is one.
    pub(super) fn body(&self, headers: &HeaderMap) {
        self.is_handled.set(true);
        self.set(match declared_length(headers) {
            _ if headers.contains_key(TRANSFER_ENCODING) => Phase::Chunks,
            Some(length) if length > 0 => Phase::Body(length.saturating_sub(self.with_head.get())),
            _ => Phase::Answer,
        });
    }

    /// `len` bytes of a body of `declared` bytes are handed on with its head.
    pub(super) fn comes_with_head(&self, len: u64, declared: u64) {
        self.with_head.set(len);
        if len == declared {
            // Nothing more is read until the handler has spoken.
            self.phase.set(Phase::Body(0));
        }
    }

    /// The handler has the whole body.
    pub(super) fn answer(&self) {
        self.set(Phase::Answer);
    }

    /// The handler has its answer: the next head may come, or what is left of an unread body.
    pub(super) fn answered(&self) {
        match self.phase() {
            Phase::Answer | Phase::Head => self.set(Phase::Head),
            Phase::Body(_) | Phase::Chunks | Phase::Unread => self.set(Phase::Unread),
        }
    }

    /// So many bytes of the body were handed on.
    pub(super) fn took(&self, len: usize) {
        if let Phase::Body(left) = self.phase() {
            self.phase.set(Phase::Body(left.saturating_sub(len as u64)));
        }
    }

    /// Notes that nothing more is handed on, and why. The first cause counts.
    pub(super) fn end(&self, cause: StreamEnd) {
        self.end.set(self.end.get().or(Some(cause)));
    }

    /// Returns the cause of the end of the stream, once it has ended.
    pub(super) fn stream_end(&self) -> Option<StreamEnd> {
        self.end.get()
    }

    /// Returns true if the bridge itself ended the stream within a body.
    pub(super) fn is_cut(&self) -> bool {
        matches!(self.stream_end(), Some(StreamEnd::ExcessFraming | StreamEnd::MalformedChunks))
    }

    /// Returns true while a chunked body is read.
    pub(super) fn is_in_chunks(&self) -> bool {
        self.phase() == Phase::Chunks
    }

    /// Whether a head begins that nobody has asked about.
    pub(super) fn begins(&self) -> bool {
        let begins = self.begins.take();
        if begins && self.phase() == Phase::Head {
            self.is_handled.set(false);
        }
        begins
    }

    /// Returns whether the handler has seen the head that was read last.
    pub(super) fn is_handled(&self) -> bool {
        self.is_handled.get()
    }

    /// Wakes whoever asks as soon as the phase changes.
    pub(super) fn wait(&self, cx: &Context<'_>) {
        self.waiting.set(Some(cx.waker().clone()));
    }

    fn set(&self, phase: Phase) {
        self.phase.set(phase);
        self.begins.set(true);
        // While it is the bridge's turn there is nothing to wake up for.
        if !matches!(phase, Phase::Answer | Phase::Body(0))
            && let Some(waker) = self.waiting.take()
        {
            waker.wake();
        }
    }
}
