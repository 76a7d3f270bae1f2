use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

#[derive(Debug, Clone)]
pub(super) struct Probe {
    address: SocketAddr,
    path: String,
    period: Duration,
    timeout: Duration,
    failures: u64,
}

impl Probe {
    pub(super) fn of(container: &Value, name: &str) -> Self {
        let probe = &container[name];
        let seconds = |key: &str| Duration::from_secs(probe[key].as_u64().expect("seconds"));
        Self {
            address: address(container, probe["httpGet"]["port"].as_str().expect("a port's name")),
            path: probe["httpGet"]["path"].as_str().expect("a path").to_owned(),
            period: seconds("periodSeconds"),
            timeout: seconds("timeoutSeconds"),
            failures: probe["failureThreshold"].as_u64().expect("a number"),
        }
    }

    pub(super) fn succeeds(&self) -> bool {
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect_timeout(&self.address, self.timeout)?;
            stream.set_read_timeout(Some(self.timeout))?;
            write!(stream, "GET {} HTTP/1.1\r\nhost: pod\r\nconnection: close\r\n\r\n", self.path)?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 2"))
    }

    pub(super) fn await_success(&self) -> Result<(), String> {
        for _ in 0..self.failures {
            if self.succeeds() {
                return Ok(());
            }
            std::thread::sleep(self.period);
        }
        Err(format!("{self:?} never succeeded: the container would be restarted"))
    }
}

pub(super) fn address(container: &Value, port: &str) -> SocketAddr {
    let mut ports = container["ports"].as_array().expect("ports").iter();
    let found = ports.find(|listed| listed["name"] == port).expect("a port of that name");
    let number = found["containerPort"].as_u64().expect("a number");
    SocketAddr::from(([127, 0, 0, 1], u16::try_from(number).expect("a port")))
}

pub(super) struct Watch {
    probe: Probe,
    over: Arc<AtomicBool>,
    max_failures: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    pub(super) fn start(probe: Probe) -> Self {
        let (over, max_failures) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let thread = std::thread::spawn({
            let (probe, over, max_failures) = (probe.clone(), Arc::clone(&over), Arc::clone(&max_failures));
            move || {
                let mut failed = 0;
                while !over.load(Ordering::Acquire) {
                    failed = if probe.succeeds() { 0 } else { failed + 1 };
                    max_failures.fetch_max(failed, Ordering::AcqRel);
                    let steps = probe.period.as_millis() / 50;
                    (0..steps).take_while(|_| !over.load(Ordering::Acquire)).for_each(|_| {
                        std::thread::sleep(Duration::from_millis(50));
                    });
                }
            }
        });
        Self { probe, over, max_failures, thread: Some(thread) }
    }

    pub(super) fn end(mut self) -> bool {
        self.over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("a probe");
        }
        self.max_failures.load(Ordering::Acquire) >= self.probe.failures
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
    }
}
