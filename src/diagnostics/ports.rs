//! Checks the listener addresses and the connection limit.

use super::finding::Finding;
use crate::config::Settings;
use crate::http::DescriptorLimit;
use serde_json::Value;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// Longest part of a response that is read, in bytes.
const MAX_RESPONSE_BYTES: u64 = 64 * 1024;

/// Bridge that answers at `admin.listen`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Running {
    is_ready: bool,
}

pub(super) fn check(settings: &Settings) -> Vec<Finding> {
    let mut findings = listeners(settings);
    findings.extend(descriptors(DescriptorLimit::read(settings.server.worker_count())));
    findings
}

/// Returns a warning if fewer connections are accepted than the bridge can serve.
fn descriptors(found: DescriptorLimit) -> Option<Finding> {
    let DescriptorLimit { limit, needed, connections } = found;
    found.is_low().then(|| {
        Finding::warning(
            "open_files",
            format!("limit of {limit} open files: only {connections} connections are accepted at once"),
            format!("raise it to {needed} or more: `ulimit -n`, LimitNOFILE of systemd, or the container runtime's limit"),
        )
    })
}

fn listeners(settings: &Settings) -> Vec<Finding> {
    let (server, admin) = (settings.server.listen, settings.admin.listen);
    let taken = try_listen(admin);
    let running = if taken == Err(io::ErrorKind::AddrInUse) { ask(admin) } else { None };
    let tried = try_listen(server);
    // Another process may hold one port while a bridge holds the other.
    let path = settings.ingest.sources.first().map_or("/", |source| &source.path);
    let is_bridges = tried == Err(io::ErrorKind::AddrInUse) && takes_webhooks(server, path);
    vec![
        judge("server.listen", server, tried, running.filter(|_| is_bridges)),
        judge("admin.listen", admin, taken, running),
    ]
}

fn try_listen(address: SocketAddr) -> Result<(), io::ErrorKind> {
    TcpListener::bind(address).map(drop).map_err(|error| error.kind())
}

fn judge(
    key: &str,
    address: SocketAddr,
    tried: Result<(), io::ErrorKind>,
    running: Option<Running>,
) -> Finding {
    use io::ErrorKind as Kind;
    let elsewhere = format!("set `{key}` to another address");
    match (tried, running) {
        (Ok(()), _) if address.port() == 0 => Finding::ok(key, "any free port"),
        (Ok(()), _) => Finding::ok(key, format!("{address} is free")),
        (Err(Kind::AddrInUse), Some(Running { is_ready: true })) => {
            Finding::ok(key, format!("{address} is taken, and a bridge runs here: live and ready"))
        }
        (Err(Kind::AddrInUse), Some(Running { is_ready: false })) => Finding::warning(
            key,
            format!("{address} is taken, and a bridge runs here: live and not ready"),
            "its /readyz names the part that is not",
        ),
        (Err(Kind::AddrInUse), None) => Finding::failure(
            key,
            format!("{address} is taken by another process: no bridge answers there"),
            format!("end that process, or {elsewhere}"),
        ),
        (Err(Kind::PermissionDenied), _) => Finding::failure(
            key,
            format!("the system does not let this user listen on {address}"),
            format!("{elsewhere}, with a port of 1024 or more"),
        ),
        (Err(Kind::AddrNotAvailable), _) => Finding::failure(
            key,
            format!("{} is not an address of this machine", address.ip()),
            format!("{elsewhere}; 0.0.0.0 is every address of this machine"),
        ),
        (Err(kind), _) => Finding::failure(key, format!("cannot listen on {address}: {kind}"), elsewhere),
    }
}

/// Requests `/readyz`. `None` unless a bridge answers.
fn ask(address: SocketAddr) -> Option<Running> {
    recognise(&get(address, "/readyz")?)
}

/// Returns true if a bridge answers at a source's path. A TLS alert counts, because of TLS-only listeners.
fn takes_webhooks(address: SocketAddr, path: &str) -> bool {
    const TLS_ALERT: u8 = 21;
    get(address, path).is_some_and(|answer| {
        answer.first() == Some(&TLS_ALERT) || answer.ends_with(br#"{"outcome":"probe"}"#)
    })
}

fn get(address: SocketAddr, path: &str) -> Option<Vec<u8>> {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let mut stream = TcpStream::connect_timeout(&SocketAddr::new(ip, address.port()), READ_TIMEOUT).ok()?;
    stream.set_read_timeout(Some(READ_TIMEOUT)).ok()?;
    stream.set_write_timeout(Some(READ_TIMEOUT)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    // A response that ended with an error may still suffice.
    let _ = stream.take(MAX_RESPONSE_BYTES).read_to_end(&mut answer);
    Some(answer)
}

fn recognise(answer: &[u8]) -> Option<Running> {
    let body = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let body: Value = serde_json::from_slice(&answer[body + 4..]).ok()?;
    body["parts"].as_object()?;
    Some(Running { is_ready: body["ready"].as_bool()? })
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;
    use io::ErrorKind as Kind;

    fn level(tried: Result<(), Kind>, running: Option<bool>) -> (Level, String) {
        let running = running.map(|is_ready| Running { is_ready });
        let finding = judge("admin.listen", "10.0.0.1:81".parse().unwrap(), tried, running);
        assert_eq!(finding.fix.is_some(), finding.level != Level::Ok);
        (finding.level, finding.text)
    }

    #[test]
    fn used_port_is_a_failure_unless_a_bridge_has_it() {
        assert_eq!(level(Ok(()), None), (Level::Ok, "10.0.0.1:81 is free".into()));
        assert_eq!(level(Err(Kind::AddrInUse), None).0, Level::Failure);
        assert_eq!(level(Err(Kind::AddrInUse), Some(true)).0, Level::Ok);
        assert_eq!(level(Err(Kind::AddrInUse), Some(false)).0, Level::Warning);
    }

    #[test]
    fn unusable_address_is_always_a_failure() {
        for (kind, says) in [
            (Kind::PermissionDenied, "does not let this user"),
            (Kind::AddrNotAvailable, "not an address of this machine"),
            (Kind::OutOfMemory, "cannot listen on"),
        ] {
            let (level, text) = level(Err(kind), Some(true));
            assert_eq!(level, Level::Failure);
            assert!(text.contains(says), "{text}");
        }
    }

    #[test]
    fn only_a_readiness_response_identifies_a_bridge() {
        let answer = |body: &str| recognise(format!("HTTP/1.1 503 x\r\na: b\r\n\r\n{body}").as_bytes());
        assert_eq!(answer(r#"{"ready":false,"parts":{"kafka":"down"}}"#), Some(Running { is_ready: false }));
        assert_eq!(answer(r#"{"ready":true,"parts":{}}"#), Some(Running { is_ready: true }));
        for other in ["", "ok", r#"{"ready":true}"#, r#"{"parts":{}}"#, r#"{"ready":1,"parts":{}}"#] {
            assert_eq!(answer(other), None, "{other}");
        }
        assert_eq!(recognise(b"SSH-2.0-x\r\n"), None);
    }
}
