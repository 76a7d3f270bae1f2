use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const POLL_INTERVAL: Duration = Duration::from_millis(20);

pub(crate) struct Proxy {
    address: SocketAddr,
    wire: Arc<Wire>,
}

#[derive(Default)]
struct Wire {
    mode: AtomicU8,
    target: Mutex<Option<String>>,
    /// Includes closed connections.
    ends: Mutex<Vec<TcpStream>>,
}

const PASS: u8 = 0;
/// About 200 KB a second.
const SLOW: u8 = 1;
/// New connections are accepted, but no byte passes.
const BLOCK: u8 = 2;
const CLOSE: u8 = 3;
const ENDED: u8 = 4;

impl Proxy {
    /// Connections wait until there is a target.
    pub(crate) fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let wire = Arc::<Wire>::default();
        let accepting = Arc::clone(&wire);
        std::thread::spawn(move || accepting.accept(&listener));
        Self { address, wire }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn set_target(&self, target: String) {
        *lock(&self.wire.target) = Some(target);
    }

    pub(crate) fn pass(&self) {
        self.wire.set(PASS);
    }

    pub(crate) fn slow(&self) {
        self.wire.set(SLOW);
    }

    /// The bytes pass later.
    pub(crate) fn block(&self) {
        self.wire.set(BLOCK);
    }

    pub(crate) fn close(&self) {
        self.wire.set(CLOSE);
        self.wire.close_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.wire.set(ENDED);
        self.wire.close_all();
        // Wakes the accepting thread, which then ends.
        let _ = TcpStream::connect(self.address);
    }
}

impl Wire {
    fn set(&self, mode: u8) {
        self.mode.store(mode, Ordering::SeqCst);
    }

    fn mode(&self) -> u8 {
        self.mode.load(Ordering::SeqCst)
    }

    fn close_all(&self) {
        for end in lock(&self.ends).drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming().map_while(Result::ok) {
            match self.mode() {
                ENDED => return,
                CLOSE => drop(client),
                _ => {
                    let wire = Arc::clone(&self);
                    std::thread::spawn(move || wire.join(&client));
                }
            }
        }
    }

    fn join(self: Arc<Self>, client: &TcpStream) {
        let _ = self.keep(client);
        if let Some(target) = self.await_target()
            && let Ok(broker) = TcpStream::connect(target)
        {
            let _ = self.keep(&broker);
            std::thread::scope(|scope| {
                scope.spawn(|| self.pump(client, &broker));
                self.pump(&broker, client);
            });
        }
        let _ = client.shutdown(Shutdown::Both);
    }

    fn keep(&self, end: &TcpStream) -> io::Result<()> {
        end.set_nodelay(true)?;
        end.set_read_timeout(Some(POLL_INTERVAL))?;
        lock(&self.ends).push(end.try_clone()?);
        Ok(())
    }

    /// Returns `None` if the proxy ends first.
    fn await_target(&self) -> Option<String> {
        while self.mode() < CLOSE {
            let target = lock(&self.target).clone();
            if self.mode() != BLOCK && target.is_some() {
                return target;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        None
    }

    fn pump(&self, mut from: &TcpStream, mut to: &TcpStream) {
        let mut bytes = [0; 4096];
        while self.mode() < CLOSE {
            if self.mode() == BLOCK {
                std::thread::sleep(POLL_INTERVAL);
                continue;
            }
            let passed = match from.read(&mut bytes) {
                Ok(0) => break,
                Ok(read) => to.write_all(&bytes[..read]),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
                Err(e) => Err(e),
            };
            if passed.is_err() {
                break;
            }
            if self.mode() == SLOW {
                std::thread::sleep(POLL_INTERVAL);
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
