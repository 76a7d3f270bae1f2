use super::authority::Authority;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, StreamOwned, SupportedProtocolVersion};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) fn client_config(
    authority: &Authority,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&str],
) -> Arc<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .expect("versions that ring has")
        .with_root_certificates(authority.roots.clone())
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

pub(crate) fn default_config(authority: &Authority) -> Arc<ClientConfig> {
    client_config(authority, rustls::ALL_VERSIONS, &["h2", "http/1.1"])
}

pub(crate) struct Client {
    stream: StreamOwned<ClientConnection, TcpStream>,
}

impl Client {
    pub(crate) fn connect(to: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<Self> {
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = ClientConnection::new(Arc::clone(config), name).expect("a client");
        let mut stream = StreamOwned::new(connection, plain(to));
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self { stream })
    }

    pub(crate) fn version(&self) -> Option<ProtocolVersion> {
        self.stream.conn.protocol_version()
    }

    pub(crate) fn protocol(&self) -> Option<&[u8]> {
        self.stream.conn.alpn_protocol()
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        let chain = self.stream.conn.peer_certificates().expect("a certificate");
        chain[0].clone().into_owned()
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("a writable connection");
    }

    pub(crate) fn post(&mut self, path: &str, body: &[u8]) -> u16 {
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", body.len());
        self.send(&[head.as_bytes(), body].concat());
        self.answer()
    }

    pub(crate) fn answer(&mut self) -> u16 {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).expect("an answer");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("a header of text").to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.expect("a length").parse().expect("a number");
        self.stream.read_exact(&mut vec![0; length]).expect("a body");
        head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status")
    }

    /// Requires the server's close_notify.
    pub(crate) fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest)?;
        Ok(rest)
    }
}

pub(crate) fn plain(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).expect("a connection");
    stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
    stream
}

pub(crate) fn exchange(to: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = plain(to);
    stream.write_all(bytes).expect("a writable connection");
    read_until_closed(&mut stream)
}

pub(crate) fn read_until_closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    let mut some = [0; 4096];
    loop {
        match stream.read(&mut some) {
            Ok(0) => return received,
            Ok(length) => received.extend_from_slice(&some[..length]),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return received,
            Err(error) => panic!("not closed: {error}"),
        }
    }
}

/// `[3, 1]` is TLS 1.0.
pub(crate) fn client_hello([major, minor]: [u8; 2]) -> Vec<u8> {
    // ECDHE with ECDSA: AES-GCM of TLS 1.2, and AES-CBC with SHA-1 of earlier versions.
    let suites = [0, 4, 0xc0, 0x2b, 0xc0, 0x09];
    // Groups: P-256. Points: uncompressed. Signatures: ECDSA on P-256 with SHA-256.
    let extensions =
        [[0, 10, 0, 4, 0, 2, 0, 23].as_slice(), &[0, 11, 0, 2, 1, 0], &[0, 13, 0, 4, 0, 2, 4, 3]].concat();
    let length = |of: usize| u16::try_from(of).expect("a short message").to_be_bytes();
    let body =
        [[major, minor].as_slice(), &[7; 32], &[0], &suites, &[1, 0], &length(extensions.len()), &extensions]
            .concat();
    let message = [[1, 0].as_slice(), &length(body.len()), &body].concat();
    [[22, 3, 1].as_slice(), &length(message.len()), &message].concat()
}
