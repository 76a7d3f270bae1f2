//! Reads standard input on a thread, so that a signal ends the wait for it.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

const CHUNK_BYTES: usize = 64 * 1024;

const STOP_INTERVAL: Duration = Duration::from_millis(100);

pub(super) struct Stdin {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: io::Cursor<Vec<u8>>,
    stop: Arc<AtomicBool>,
}

impl Stdin {
    /// Reads fail once `stop` is set.
    pub(super) fn read_until(stop: &Arc<AtomicBool>) -> io::Result<Self> {
        Self::start(io::stdin(), stop)
    }

    fn start(input: impl Read + Send + 'static, stop: &Arc<AtomicBool>) -> io::Result<Self> {
        let (send, pieces) = sync_channel(1);
        std::thread::Builder::new().name("stdin".into()).spawn(move || forward(input, &send))?;
        Ok(Self { pieces, piece: io::Cursor::default(), stop: Arc::clone(stop) })
    }
}

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.stop.load(Ordering::Acquire) {
                return Err(io::Error::other("stopped"));
            }
            let read = self.piece.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.pieces.recv_timeout(STOP_INTERVAL) {
                Ok(piece) => self.piece = io::Cursor::new(piece?),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            }
        }
    }
}

/// Reads to the end, or until the receiver is gone.
fn forward(mut input: impl Read, pieces: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut piece = vec![0; CHUNK_BYTES];
        let read = match input.read(&mut piece) {
            Ok(0) => return,
            Ok(len) => {
                piece.truncate(len);
                Ok(piece)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let is_over = read.is_err();
        if pieces.send(read).is_err() || is_over {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_read_to_its_end() {
        let text = "line\n".repeat(100_000);
        let input = io::Cursor::new(text.clone().into_bytes());
        let read = io::read_to_string(Stdin::start(input, &Arc::default()).unwrap()).unwrap();
        assert_eq!(read, text);
    }

    #[test]
    fn stop_ends_the_wait_for_input() {
        let (reader, _writer) = io::pipe().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let mut stdin = Stdin::start(reader, &stop).unwrap();
        let reading = std::thread::spawn(move || stdin.read(&mut [0; 8]));
        std::thread::sleep(Duration::from_millis(20));
        stop.store(true, Ordering::Release);
        assert!(reading.join().unwrap().is_err());
    }
}
