//! Socket wrapper that forwards one request at a time to actix, and limits the time of heads and responses.
//! actix decodes all requests that a client has sent, and 128 KiB of them can become megabytes of header
//! maps. Its timer covers the first head only, and it waits without a limit for a client that does not read
//! responses.

use super::chunks::ChunkedBody;
use super::connection_count::ConnectionGuard;
use super::problem::Problem;
use super::read_gate::{ReadGate, ReadPhase, StreamEnd};
use super::request_head::{BlankLine, UpgradeMask, body_length};
use actix_web::rt::time::{Sleep, sleep};
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes.
pub(super) const MAX_HEAD: usize = 16 * 1024;

/// Bytes of a read that may exceed the request. The excess is kept until the request is answered.
const READ_SIZE: usize = 4 * 1024;

/// Time for which the connection is read after its last response.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// Limits the reads before other tasks run.
const MAX_LINGER_READS: usize = 64;

pub(super) struct GuardedStream<T> {
    io: T,
    read_gate: Rc<ReadGate>,
    timeout: Duration,
    max_chunked: usize,
    read_ahead: Vec<u8>,
    /// End of the stream after `read_ahead`.
    end: Option<io::Result<()>>,
    blank_line: BlankLine,
    chunked_body: ChunkedBody,
    upgrade_mask: UpgradeMask,
    forwarded: usize,
    /// The next read returns `Pending` once, so that actix decodes what it has. Thousands of tiny chunks at
    /// once would block other connections.
    yields: bool,
    head_deadline: Option<Pin<Box<Sleep>>>,
    response_deadline: Option<Pin<Box<Sleep>>>,
    linger_deadline: Option<Pin<Box<Sleep>>>,
    /// The deadline of the first head starts with the connection.
    is_new: bool,
    has_ended: bool,
    /// The wrapper has responded. Output of actix is dropped.
    has_responded: bool,
    guard: Option<ConnectionGuard>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> GuardedStream<T> {
    /// `timeout`: from a head's first byte to its last, and for a client to read a response. `max_chunked`:
    /// bytes of a chunked body with its framing.
    pub(super) fn new(io: T, timeout: Duration, max_chunked: usize, guard: Option<ConnectionGuard>) -> Self {
        Self {
            io,
            read_gate: Rc::new(ReadGate::default()),
            timeout,
            max_chunked,
            read_ahead: Vec::new(),
            end: None,
            blank_line: BlankLine::default(),
            chunked_body: ChunkedBody::default(),
            upgrade_mask: UpgradeMask::default(),
            forwarded: 0,
            yields: false,
            head_deadline: None,
            response_deadline: None,
            linger_deadline: None,
            is_new: true,
            has_ended: false,
            has_responded: false,
            guard,
        }
    }

    pub(super) fn read_gate(&self) -> Rc<ReadGate> {
        Rc::clone(&self.read_gate)
    }

    fn read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.read_ahead.is_empty()
            && let Some(end) = self.end.take()
        {
            return Poll::Ready(end);
        }
        match self.read_gate.phase() {
            ReadPhase::Unread => {
                if self.read_ahead.is_empty() {
                    return Pin::new(&mut self.io).poll_read(cx, buf);
                }
            }
            ReadPhase::Body(left) => {
                if self.read_ahead.is_empty() && left >= buf.remaining() as u64 {
                    let before = buf.filled().len();
                    ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
                    self.read_gate.count_body(buf.filled().len() - before);
                    return Poll::Ready(Ok(()));
                }
            }
            ReadPhase::Head | ReadPhase::Chunks | ReadPhase::Response => {}
        }
        if self.read_ahead.is_empty() {
            let mut piece = [MaybeUninit::uninit(); READ_SIZE];
            let mut piece = ReadBuf::uninit(&mut piece);
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut piece))?;
            self.forward(piece.filled(), buf);
        } else {
            let read_ahead = std::mem::take(&mut self.read_ahead);
            self.forward(&read_ahead, buf);
        }
        Poll::Ready(Ok(()))
    }

    /// Forwards bytes up to the possible end of the request, and keeps the rest.
    fn forward(&mut self, bytes: &[u8], buf: &mut ReadBuf<'_>) {
        let available = &bytes[..bytes.len().min(buf.remaining())];
        let phase = self.read_gate.phase();
        let is_whole = phase == ReadPhase::Head && self.detect_whole_request(available, bytes.len());
        let len = match phase {
            _ if is_whole => available.len(),
            ReadPhase::Head => {
                self.is_new = false;
                let head = &available[..available.len().min(MAX_HEAD.saturating_sub(self.forwarded))];
                let end = self.blank_line.find(head);
                self.yields = end.is_some();
                end.unwrap_or(head.len())
            }
            ReadPhase::Chunks => {
                self.yields = true;
                let len = self.chunked_body.take(available);
                if self.chunked_body.is_malformed() {
                    self.end_chunks(StreamEnd::MalformedChunks);
                }
                len
            }
            ReadPhase::Body(left) => available.len().min(usize::try_from(left).unwrap_or(usize::MAX)),
            ReadPhase::Response | ReadPhase::Unread => available.len(),
        };
        match self.read_gate.phase() {
            ReadPhase::Head | ReadPhase::Chunks => self.forwarded += len,
            ReadPhase::Body(_) => {
                self.forwarded += if is_whole { len } else { 0 };
                self.read_gate.count_body(len);
            }
            _ => {}
        }
        let before = buf.filled().len();
        buf.put_slice(&bytes[..len]);
        if phase == ReadPhase::Head && !is_whole {
            self.upgrade_mask.apply(&mut buf.filled_mut()[before..]);
        }
        self.read_ahead.extend_from_slice(&bytes[len..]);
    }

    /// Reads one piece ahead while nothing may be forwarded. So the kernel reports a following request, or
    /// the end of the stream, without an extra wake-up after the response.
    fn prefetch(&mut self, cx: &mut Context<'_>) {
        if self.read_ahead.is_empty() && self.end.is_none() {
            let mut piece = [MaybeUninit::uninit(); READ_SIZE];
            let mut piece = ReadBuf::uninit(&mut piece);
            match Pin::new(&mut self.io).poll_read(cx, &mut piece) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) if !piece.filled().is_empty() => {
                    self.read_ahead.extend_from_slice(piece.filled())
                }
                Poll::Ready(end) => self.end = Some(end),
            }
        }
        self.read_gate.register(cx);
    }

    /// Detects a head followed only by bytes of its own body, as most requests arrive, and records it in the
    /// gate.
    fn detect_whole_request(&mut self, piece: &[u8], read: usize) -> bool {
        let is_all = self.forwarded == 0 && piece.len() == read;
        let request = is_all.then(|| body_length(piece)).flatten();
        let body = request.map(|(head, length)| ((piece.len() - head) as u64, length));
        let body = body.filter(|(here, length)| here <= length);
        let (here, length) = body.unwrap_or((0, u64::MAX));
        self.read_gate.add_body_with_head(here, length);
        self.yields = here < length;
        self.is_new &= body.is_none();
        body.is_some()
    }

    fn is_head_late(&mut self, cx: &mut Context<'_>) -> bool {
        let deadline = self.head_deadline.get_or_insert_with(|| Box::pin(sleep(self.timeout)));
        deadline.as_mut().poll(cx).is_ready()
    }

    /// actix then assumes that the client closed the stream.
    fn respond_and_end(&mut self, cx: &mut Context<'_>, problem: Problem) -> Poll<io::Result<()>> {
        (self.has_ended, self.has_responded) = (true, true);
        self.read_gate.end_stream(StreamEnd::Client);
        if let Some(guard) = &self.guard {
            guard.count_rejection(problem.tag());
        }
        // A client that does not accept these few bytes gets no response.
        let _ = Pin::new(&mut self.io).poll_write(cx, &problem.raw_response());
        Poll::Ready(Ok(()))
    }

    fn problem_of_refused_head(&self, bytes: &[u8]) -> Option<Problem> {
        let is_unseen = self.forwarded > 0 && !self.read_gate.is_handled();
        if is_unseen { Problem::of_actix(bytes) } else { None }
    }

    /// Reads and drops bytes for a limited time. The kernel resets a connection with unread bytes, and the
    /// client might lose its response.
    fn linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.linger_deadline.is_none() {
            let _ = Pin::new(&mut self.io).poll_shutdown(cx);
        }
        let deadline = self.linger_deadline.get_or_insert_with(|| Box::pin(sleep(LINGER_TIMEOUT)));
        if deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        for _ in 0..MAX_LINGER_READS {
            let mut piece = [MaybeUninit::uninit(); READ_SIZE];
            let mut piece = ReadBuf::uninit(&mut piece);
            match ready!(Pin::new(&mut self.io).poll_read(cx, &mut piece)) {
                Ok(()) if !piece.filled().is_empty() => {}
                _ => return Poll::Ready(()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The handler counts the cause and responds.
    fn end_chunks(&mut self, cause: StreamEnd) {
        self.has_ended = true;
        self.read_gate.end_stream(cause);
    }

    /// The client could take a response for that to its next request.
    fn end_silently(&mut self) -> Poll<io::Result<()>> {
        (self.has_ended, self.has_responded) = (true, true);
        Poll::Ready(Ok(()))
    }

    fn poll_with_deadline<R>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if polled.is_ready() {
            if self.response_deadline.take().is_some() {
                // Reads were paused during the write.
                cx.waker().wake_by_ref();
            }
            return polled;
        }
        let deadline = self.response_deadline.get_or_insert_with(|| Box::pin(sleep(self.timeout)));
        match deadline.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for GuardedStream<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.has_ended {
            return Poll::Ready(Ok(()));
        }
        if std::mem::take(&mut this.yields) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if this.read_gate.take_change() {
            (this.forwarded, this.head_deadline) = (0, None);
            (this.blank_line, this.upgrade_mask) = (BlankLine::default(), UpgradeMask::default());
            this.chunked_body = ChunkedBody::default();
        }
        let is_whole = match this.read_gate.phase() {
            ReadPhase::Response | ReadPhase::Body(0) => true,
            ReadPhase::Chunks => this.chunked_body.has_ended(),
            ReadPhase::Head | ReadPhase::Body(_) | ReadPhase::Unread => false,
        };
        if this.read_gate.is_in_chunks() && this.forwarded > this.max_chunked {
            this.end_chunks(StreamEnd::ExcessFraming);
            return Poll::Ready(Ok(()));
        }
        if this.response_deadline.is_some() || is_whole {
            this.prefetch(cx);
            return Poll::Pending;
        }
        let in_head = this.read_gate.phase() == ReadPhase::Head;
        if in_head && this.forwarded >= MAX_HEAD {
            return this.respond_and_end(cx, Problem::LargeHeader);
        }
        let before = buf.filled().len();
        let read = this.read(cx, buf);
        if matches!(&read, Poll::Ready(end) if end.is_err() || buf.filled().len() == before) {
            this.read_gate.end_stream(StreamEnd::Client);
        }
        if read.is_pending() {
            this.read_gate.register(cx);
            let has_begun = this.blank_line.has_begun();
            if in_head && (this.forwarded > 0 || this.is_new) && this.is_head_late(cx) {
                return if has_begun {
                    this.respond_and_end(cx, Problem::SlowHeader)
                } else {
                    this.end_silently()
                };
            }
        }
        read
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for GuardedStream<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.has_responded
            && let Some(problem) = this.problem_of_refused_head(bytes)
        {
            // The response of actix has no body.
            let _ = this.respond_and_end(cx, problem);
        }
        if this.has_responded {
            // A handler may still respond, and after an error actix closes as soon as it has written.
            ready!(this.linger(cx));
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut this.io).poll_write(cx, bytes);
        this.poll_with_deadline(cx, written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.io).poll_flush(cx);
        this.poll_with_deadline(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.io).poll_shutdown(cx);
        let shut = ready!(this.poll_with_deadline(cx, shut));
        if this.has_ended && shut.is_ok() {
            ready!(this.linger(cx));
        }
        Poll::Ready(shut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stream whose first flush is pending, and whose client has closed.
    #[derive(Default)]
    struct SlowFlush {
        has_flushed: bool,
    }

    impl AsyncRead for SlowFlush {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for SlowFlush {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            if std::mem::replace(&mut self.has_flushed, true) { Poll::Ready(Ok(())) } else { Poll::Pending }
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[actix_web::test]
    async fn reads_continue_after_a_flush_that_was_pending() {
        let mut stream = GuardedStream::new(SlowFlush::default(), Duration::from_secs(60), 1024, None);
        let cx = &mut Context::from_waker(std::task::Waker::noop());
        let mut bytes = [0; 8];
        assert!(Pin::new(&mut stream).poll_flush(cx).is_pending());
        assert!(Pin::new(&mut stream).poll_read(cx, &mut ReadBuf::new(&mut bytes)).is_pending());
        assert!(Pin::new(&mut stream).poll_flush(cx).is_ready());
        let read = Pin::new(&mut stream).poll_read(cx, &mut ReadBuf::new(&mut bytes));
        assert!(matches!(read, Poll::Ready(Ok(()))), "the end of the stream is not read");
    }
}
