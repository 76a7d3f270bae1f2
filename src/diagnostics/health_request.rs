//! Request for the state of the bridge on this machine.

use serde_json::Value;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Longest response that is read, in bytes, because another server could send without end.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// Requests a page of the admin listener, such as `readyz`. Returns the reason unless the status is 200.
pub(crate) fn request_health(listen: SocketAddr, page: &str, timeout: Duration) -> Result<(), String> {
    let address = reachable(listen);
    let answer = ask(address, page, timeout)
        .map_err(|error| format!("no answer from http://{address}/{page}: {error}"))?;
    match refusal(&answer) {
        None => Ok(()),
        Some(why) => Err(format!("http://{address}/{page} answered {why}")),
    }
}

/// Uses no HTTP client, because that would load certificates first.
fn ask(address: SocketAddr, page: &str, timeout: Duration) -> io::Result<String> {
    let started = Instant::now();
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_write_timeout(Some(timeout))?;
    write!(stream, "GET /{page} HTTP/1.0\r\nhost: {address}\r\n\r\n")?;
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while answer.len() < MAX_RESPONSE_BYTES {
        // One deadline for the whole response, because a slow sender could keep each read in time.
        let left = timeout.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let read = stream.read(&mut piece)?;
        if read == 0 {
            break;
        }
        answer.extend_from_slice(&piece[..read]);
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Replaces an unspecified address with loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// Returns `None` for status 200, otherwise the status and, if the bridge answered, the state of each part.
fn refusal(answer: &str) -> Option<String> {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1));
    let Some(status) = status else { return Some("something other than HTTP".to_owned()) };
    if status == "200" {
        return None;
    }
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let parts = body["parts"].as_object().into_iter().flatten();
    let lines = parts.filter_map(|(part, line)| Some(format!("; {part}: {}", line.as_str()?)));
    Some(format!("{status}{}", lines.collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn unspecified_address_is_reached_on_loopback() {
        assert_eq!(reachable(address("0.0.0.0:8081")), address("127.0.0.1:8081"));
        assert_eq!(reachable(address("[::]:8081")), address("[::1]:8081"));
        assert_eq!(reachable(address("10.1.2.3:81")), address("10.1.2.3:81"));
    }

    #[test]
    fn only_200_is_healthy() {
        assert_eq!(refusal("HTTP/1.0 200 OK\r\n\r\nok\n"), None);
        assert_eq!(refusal("HTTP/1.1 204 No Content\r\n\r\n"), Some("204".into()));
        assert_eq!(refusal("HTTP/1.1 404 Not Found\r\n\r\n<html>"), Some("404".into()));
        assert_eq!(refusal("SSH-2.0-OpenSSH"), Some("something other than HTTP".into()));
        assert_eq!(refusal(""), Some("something other than HTTP".into()));
    }

    #[test]
    fn failure_contains_the_state_of_each_part() {
        let body = r#"{"ready":false,"parts":{"kafka":"down","spool":"full"}}"#;
        let said = refusal(&format!("HTTP/1.0 503 Service Unavailable\r\nx: y\r\n\r\n{body}"));
        assert_eq!(said, Some("503; kafka: down; spool: full".into()));
    }

    #[test]
    fn slow_response_ends_at_the_timeout() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            while stream.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let since = Instant::now();
        assert!(ask(address, "livez", Duration::from_millis(300)).is_err());
        assert!(since.elapsed() < Duration::from_secs(5));
    }
}
