//! One request at a time on each connection, and a deadline for whatever the client has to do next.
//!
//! actix reads ahead: it decodes all the requests that a client has sent, of which 128 KiB can become
//! megabytes of header maps. Its timer for headers covers a connection's first request only; a later one
//! that was begun and not finished is waited for without end, and so is a client that reads no answers.

use super::chunks::ChunkedBody;
use super::crowd::Open;
use super::head::{BlankLine, UpgradeMask, body_length};
use super::problem::Problem;
use super::turn::{Phase, StreamEnd, Turn};
use actix_web::rt::time::{Sleep, sleep};
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The longest head of a request, in bytes.
pub(super) const MAX_HEAD: usize = 16 * 1024;

/// Bytes that are read at once where they may go beyond the request: what does is kept aside until it is
/// answered.
const STEP: usize = 4 * 1024;

/// Longest time for which a connection is read on after its last answer.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// Steps that are read and dropped before others have their turn.
const STEPS_AT_ONCE: usize = 64;

/// A connection that hands on no byte of a request before the one in front of it is answered.
pub(super) struct Paced<T> {
    io: T,
    turn: Rc<Turn>,
    patience: Duration,
    max_chunked: usize,
    /// Read already, and not handed on.
    ahead: Vec<u8>,
    /// How the stream ended behind that, if it did.
    end: Option<io::Result<()>>,
    blank_line: BlankLine,
    chunked_body: ChunkedBody,
    upgrade_mask: UpgradeMask,
    /// How much of the head or of the chunked body was handed on.
    handed: usize,
    /// A head or a chunked body may have just ended: actix looks at it before it gets more. So it does
    /// after every few chunks, for thousands of tiny ones at once would keep other connections waiting.
    look: bool,
    /// For the end of the head.
    head_due: Option<Pin<Box<Sleep>>>,
    /// For the client to take an answer.
    answer_due: Option<Pin<Box<Sleep>>>,
    /// Deadline for the client to close after its last answer.
    linger_due: Option<Pin<Box<Sleep>>>,
    /// The connection has had no head yet: the first one is due from the start.
    is_new: bool,
    /// Nothing more is handed on.
    ended: bool,
    /// Answered from here: what actix writes is dropped.
    answered: bool,
    open: Option<Open>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Paced<T> {
    /// `patience`: from a head's first byte to its last, and for a client to take an answer.
    /// `max_chunked`: bytes of a chunked body, its framing included.
    /// `open`: counts the connection, and why it ends early.
    pub(super) fn new(io: T, patience: Duration, max_chunked: usize, open: Option<Open>) -> Self {
        Self {
            io,
            turn: Rc::new(Turn::default()),
            patience,
            max_chunked,
            ahead: Vec::new(),
            end: None,
            blank_line: BlankLine::default(),
            chunked_body: ChunkedBody::default(),
            upgrade_mask: UpgradeMask::default(),
            handed: 0,
            look: false,
            head_due: None,
            answer_due: None,
            linger_due: None,
            is_new: true,
            ended: false,
            answered: false,
            open,
        }
    }

    /// Whose turn it is on this connection.
    pub(super) fn turn(&self) -> Rc<Turn> {
        Rc::clone(&self.turn)
    }

    fn read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.ahead.is_empty()
            && let Some(end) = self.end.take()
        {
            return Poll::Ready(end);
        }
        match self.turn.phase() {
            Phase::Unread => {
                if self.ahead.is_empty() {
                    return Pin::new(&mut self.io).poll_read(cx, buf);
                }
            }
            Phase::Body(left) => {
                if self.ahead.is_empty() && left >= buf.remaining() as u64 {
                    let before = buf.filled().len();
                    ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
                    self.turn.took(buf.filled().len() - before);
                    return Poll::Ready(Ok(()));
                }
            }
            Phase::Head | Phase::Chunks | Phase::Answer => {}
        }
        if self.ahead.is_empty() {
            let mut step = [MaybeUninit::uninit(); STEP];
            let mut step = ReadBuf::uninit(&mut step);
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut step))?;
            self.hand_on(step.filled(), buf);
        } else {
            let ahead = std::mem::take(&mut self.ahead);
            self.hand_on(&ahead, buf);
        }
        Poll::Ready(Ok(()))
    }

    /// Up to where the request may end; the rest is kept.
    fn hand_on(&mut self, bytes: &[u8], buf: &mut ReadBuf<'_>) {
        let room = &bytes[..bytes.len().min(buf.remaining())];
        let phase = self.turn.phase();
        let is_whole = phase == Phase::Head && self.hands_on_whole(room, bytes.len());
        let len = match phase {
            _ if is_whole => room.len(),
            Phase::Head => {
                self.is_new = false;
                let end = self.blank_line.find(room);
                self.look = end.is_some();
                end.unwrap_or(room.len())
            }
            Phase::Chunks => {
                self.look = true;
                let len = self.chunked_body.take(room);
                if self.chunked_body.is_malformed() {
                    self.end_chunks(StreamEnd::MalformedChunks);
                }
                len
            }
            Phase::Body(left) => room.len().min(usize::try_from(left).unwrap_or(usize::MAX)),
            Phase::Answer | Phase::Unread => room.len(),
        };
        match self.turn.phase() {
            Phase::Head | Phase::Chunks => self.handed += len,
            Phase::Body(_) => {
                self.handed += if is_whole { len } else { 0 };
                self.turn.took(len);
            }
            _ => {}
        }
        let before = buf.filled().len();
        buf.put_slice(&bytes[..len]);
        if phase == Phase::Head && !is_whole {
            self.upgrade_mask.apply(&mut buf.filled_mut()[before..]);
        }
        self.ahead.extend_from_slice(&bytes[len..]);
    }

    /// Nothing is handed on while the bridge has to answer. What comes meanwhile is kept aside: so the
    /// kernel tells of the next request, and nobody has to ask for it once the answer is out.
    fn hold_back(&mut self, cx: &mut Context<'_>) {
        if self.ahead.is_empty() && self.end.is_none() {
            let mut step = [MaybeUninit::uninit(); STEP];
            let mut step = ReadBuf::uninit(&mut step);
            match Pin::new(&mut self.io).poll_read(cx, &mut step) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) if !step.filled().is_empty() => {
                    self.ahead.extend_from_slice(step.filled())
                }
                Poll::Ready(end) => self.end = Some(end),
            }
        }
        self.turn.wait(cx);
    }

    /// Whether the piece is a head with nothing behind it but its own body, as most requests come: then
    /// it needs no second look.
    fn hands_on_whole(&mut self, piece: &[u8], read: usize) -> bool {
        let is_all = self.handed == 0 && piece.len() == read;
        let request = is_all.then(|| body_length(piece)).flatten();
        let body = request.map(|(head, length)| ((piece.len() - head) as u64, length));
        let body = body.filter(|(here, length)| here <= length);
        let (here, length) = body.unwrap_or((0, u64::MAX));
        self.turn.comes_with_head(here, length);
        self.look = here < length;
        self.is_new &= body.is_none();
        body.is_some()
    }

    /// Whether the head is late. Asked only where it is awaited and the client has nothing more to say.
    fn head_is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let due = self.head_due.get_or_insert_with(|| Box::pin(sleep(self.patience)));
        due.as_mut().poll(cx).is_ready()
    }

    /// Answers and ends. actix takes an end of the stream for the client's, and closes.
    fn end_with(&mut self, cx: &mut Context<'_>, problem: Problem) -> Poll<io::Result<()>> {
        (self.ended, self.answered) = (true, true);
        self.turn.end(StreamEnd::Client);
        if let Some(open) = &self.open {
            open.turned_away(problem.tag());
        }
        // A client that does not even take these few bytes goes without.
        let _ = Pin::new(&mut self.io).poll_write(cx, &problem.last_words());
        Poll::Ready(Ok(()))
    }

    /// Returns the problem if actix writes an answer to a head that the handler has not seen.
    fn refused_head(&self, bytes: &[u8]) -> Option<Problem> {
        let is_unseen = self.handed > 0 && !self.turn.is_handled();
        if is_unseen { Problem::of_actix(bytes) } else { None }
    }

    /// Reads on and drops what is read for a while. With unread bytes the system would reset the connection,
    /// and the client might never see its answer.
    fn linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.linger_due.is_none() {
            // The client sees the end of the answers; whether it is told at once does not matter.
            let _ = Pin::new(&mut self.io).poll_shutdown(cx);
        }
        let due = self.linger_due.get_or_insert_with(|| Box::pin(sleep(LINGER_TIMEOUT)));
        if due.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        for _ in 0..STEPS_AT_ONCE {
            let mut step = [MaybeUninit::uninit(); STEP];
            let mut step = ReadBuf::uninit(&mut step);
            match ready!(Pin::new(&mut self.io).poll_read(cx, &mut step)) {
                Ok(()) if !step.filled().is_empty() => {}
                _ => return Poll::Ready(()),
            }
        }
        // Others have their turn.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Ends a chunked body. Its handler counts and answers that.
    fn end_chunks(&mut self, cause: StreamEnd) {
        self.ended = true;
        self.turn.end(cause);
    }

    /// An answer to nothing could be taken for one to what comes next.
    fn end_silently(&mut self) -> Poll<io::Result<()>> {
        (self.ended, self.answered) = (true, true);
        Poll::Ready(Ok(()))
    }

    fn written<R>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if written.is_ready() {
            if self.answer_due.take().is_some() {
                // Reading was held back meanwhile.
                cx.waker().wake_by_ref();
            }
            return written;
        }
        let due = self.answer_due.get_or_insert_with(|| Box::pin(sleep(self.patience)));
        match due.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Paced<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(Ok(()));
        }
        if std::mem::take(&mut this.look) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if this.turn.begins() {
            (this.handed, this.head_due) = (0, None);
            (this.blank_line, this.upgrade_mask) = (BlankLine::default(), UpgradeMask::default());
            this.chunked_body = ChunkedBody::default();
        }
        let is_whole = match this.turn.phase() {
            Phase::Answer | Phase::Body(0) => true,
            Phase::Chunks => this.chunked_body.has_ended(),
            Phase::Head | Phase::Body(_) | Phase::Unread => false,
        };
        if this.turn.is_in_chunks() && this.handed > this.max_chunked {
            this.end_chunks(StreamEnd::ExcessFraming);
            return Poll::Ready(Ok(()));
        }
        if this.answer_due.is_some() || is_whole {
            this.hold_back(cx);
            return Poll::Pending;
        }
        let in_head = this.turn.phase() == Phase::Head;
        if in_head && this.handed >= MAX_HEAD {
            return this.end_with(cx, Problem::LargeHeader);
        }
        let before = buf.filled().len();
        let read = this.read(cx, buf);
        if matches!(&read, Poll::Ready(end) if end.is_err() || buf.filled().len() == before) {
            this.turn.end(StreamEnd::Client);
        }
        if read.is_pending() {
            this.turn.wait(cx);
            let begun = this.blank_line.has_begun();
            if in_head && (this.handed > 0 || this.is_new) && this.head_is_late(cx) {
                return if begun { this.end_with(cx, Problem::SlowHeader) } else { this.end_silently() };
            }
        }
        read
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Paced<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.answered
            && let Some(problem) = this.refused_head(bytes)
        {
            // The answer of actix has no body.
            let _ = this.end_with(cx, problem);
        }
        if this.answered {
            // A handler may still end with another answer, and after an error actix closes once it has written.
            ready!(this.linger(cx));
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut this.io).poll_write(cx, bytes);
        this.written(cx, written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.io).poll_flush(cx);
        if flushed.is_pending() { this.written(cx, flushed) } else { flushed }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.io).poll_shutdown(cx);
        let shut = ready!(this.written(cx, shut));
        if this.ended && shut.is_ok() {
            ready!(this.linger(cx));
        }
        Poll::Ready(shut)
    }
}
