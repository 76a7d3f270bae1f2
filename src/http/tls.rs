//! TLS of the ingress: versions 1.2 and 1.3, with a certificate that is reloaded when its files change.

use super::config::TlsConfig;
use crate::input;
use crate::secret::Secret;
use crate::telemetry::Metrics;
use crate::watch::Watched;
use chrono::DateTime;
use rustls::client::verify_server_cert_signed_by_trust_anchor as verify;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::{ClientHello, NoServerSessionStorage, ParsedCertificate, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::version::{TLS12, TLS13};
use rustls::{CertificateError, Error, RootCertStore, ServerConfig};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fmt, io};
use zeroize::Zeroize;

const CERTIFICATE: &str = "server.tls.certificate";
const KEY: &str = "server.tls.key";

/// Bytes.
const MAX_FILE_LEN: u64 = 1024 * 1024;

/// First second of the year 10000, after the latest end of any certificate (RFC 5280, 4.1.2.5).
const MAX_EXPIRY: Duration = Duration::from_secs(253_402_300_800);

/// Contains nothing of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsProblem {
    pub at: &'static str,
    pub reason: String,
}

/// Does not read the files.
pub(crate) fn check_tls_pair(config: &TlsConfig) -> Vec<TlsProblem> {
    files(config).err().map(|problems| problems.0).unwrap_or_default()
}

pub(crate) fn check_tls(config: &TlsConfig) -> Vec<TlsProblem> {
    let read =
        files(config).and_then(|files| files.map(|(certificate, key)| read(certificate, key)).transpose());
    read.err().map(|problems| problems.0).unwrap_or_default()
}

/// Returns why a valid pair cannot be trusted now. The bridge starts nevertheless, so that the spool drains.
pub(crate) fn certificate_fault(config: &TlsConfig) -> Option<String> {
    let (certificate, key) = files(config).ok()??;
    read(certificate, key).ok()?.fault
}

/// Seconds since 1970.
pub(crate) fn certificate_expires(config: &TlsConfig) -> Option<u64> {
    let (certificate, key) = files(config).ok()??;
    Some(read(certificate, key).ok()?.expires)
}

#[derive(Debug)]
pub(super) struct TlsProblems(Vec<TlsProblem>);

impl TlsProblems {
    fn one(at: &'static str, reason: impl Into<String>) -> Self {
        Self(vec![TlsProblem { at, reason: reason.into() }])
    }
}

impl fmt::Display for TlsProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, TlsProblem { at, reason }) in self.0.iter().enumerate() {
            write!(f, "{}{at}: {reason}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

pub(super) struct Certificate {
    certified: Arc<CertifiedKey>,
    /// Seconds since 1970.
    expires: u64,
    fault: Option<String>,
}

/// Compares the chains only: the key belongs to the first certificate.
impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.certified.cert == other.certified.cert
    }
}

/// Opens the certificate and follows its files. `None`: plain HTTP. Accepts a certificate that is not valid
/// now at the start only.
pub(super) fn open(
    config: &TlsConfig,
    metrics: &Arc<Metrics>,
) -> io::Result<Option<Arc<Watched<Certificate>>>> {
    let invalid = |problems: TlsProblems| io::Error::new(io::ErrorKind::InvalidInput, problems.to_string());
    let Some((certificate, key)) = files(config).map_err(invalid)? else { return Ok(None) };
    let (certificate, key, metrics) = (certificate.to_owned(), key.to_owned(), Arc::clone(metrics));
    let is_first = AtomicBool::new(true);
    let read = move || {
        let read = read(&certificate, &key)?;
        if let (Some(fault), false) = (&read.fault, is_first.swap(false, Ordering::Relaxed)) {
            return Err(TlsProblems::one(CERTIFICATE, fault));
        }
        metrics.certificate_expires.set(i64::try_from(read.expires).unwrap_or(i64::MAX));
        Ok(read)
    };
    Watched::open("server.tls", read).map(Some).map_err(invalid)
}

/// HTTP/1.1 over TLS 1.3 or 1.2. Sessions are not resumed, so that every connection uses the current
/// certificate.
pub(super) fn server_config(certificate: &Arc<Watched<Certificate>>) -> io::Result<ServerConfig> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(CurrentCertificate(Arc::clone(certificate))));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

struct CurrentCertificate(Arc<Watched<Certificate>>);

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.get().certified))
    }
}

impl fmt::Debug for CurrentCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CurrentCertificate")
    }
}

fn files(config: &TlsConfig) -> Result<Option<(&Path, &Path)>, TlsProblems> {
    let missing = |at, other| {
        let reason = format!("is not set, but `{other}` is: set both for TLS, or neither for plain HTTP");
        Err(TlsProblems::one(at, reason))
    };
    match (&config.certificate, &config.key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
        (Some(_), None) => missing(KEY, CERTIFICATE),
        (None, Some(_)) => missing(CERTIFICATE, KEY),
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Certificate, TlsProblems> {
    let chain = read_file(certificate).and_then(|text| chain(&text));
    let key = read_file(key).and_then(|text| signing_key(&text));
    let ((chain, validity), key) = match (chain, key) {
        (Ok(chain), Ok(key)) => (chain, key),
        (chain, key) => {
            let problem = |at, reason: Option<String>| reason.map(|reason| TlsProblem { at, reason });
            let problems = [problem(CERTIFICATE, chain.err()), problem(KEY, key.err())];
            return Err(TlsProblems(problems.into_iter().flatten().collect()));
        }
    };
    let certified = CertifiedKey::new(chain, key);
    let other = "is not the key of the first certificate in `server.tls.certificate`: set two files that were \
                 issued together, with the server's own certificate before its chain";
    certified.keys_match().map_err(|_| TlsProblems::one(KEY, other))?;
    let Validity { expires, fault } = validity;
    Ok(Certificate { certified: Arc::new(certified), expires, fault })
}

/// The buffer is zeroed on drop.
fn read_file(path: &Path) -> Result<Secret, String> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::InvalidData => {
            "the file is not text; it must be PEM, with a line that starts with `-----BEGIN`".into()
        }
        kind => format!("the file cannot be read: {kind}"),
    };
    let file = input::open_regular(path).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => "is not a regular file; it must be a PEM file".into(),
        _ => unreadable(error),
    })?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.len() > MAX_FILE_LEN {
        return Err(
            "the file has more than 1 MiB: it must be PEM of a certificate and its chain, or of a key".into(),
        );
    }
    io::read_to_string(file).map(Secret::new).map_err(unreadable)
}

struct Validity {
    expires: u64,
    fault: Option<String>,
}

/// Returns the validity of the first certificate.
fn chain(text: &Secret) -> Result<(Vec<CertificateDer<'static>>, Validity), String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem(text).as_bytes()).collect();
    let chain = chain.map_err(|_| "the file's PEM is damaged; replace the file")?;
    let none = "the file holds no certificate; it must be PEM with `-----BEGIN CERTIFICATE-----`";
    let first = chain.first().ok_or(none)?;
    let first = ParsedCertificate::try_from(first)
        .map_err(|_| "the first certificate in the file is damaged, or not of X.509 version 3")?;
    let validity = validity(&first);
    Ok((chain, validity))
}

/// Does not check the chain of trust.
fn validity(certificate: &ParsedCertificate<'_>) -> Validity {
    let fault = match fault_at(certificate, UnixTime::now()) {
        Some(CertificateError::ExpiredContext { not_after, .. }) => {
            Some(format!("the certificate expired at {}; renew it", date(not_after)))
        }
        Some(CertificateError::NotValidYetContext { not_before, .. }) => Some(format!(
            "the certificate is not valid before {}; check this machine's clock",
            date(not_before)
        )),
        _ => None,
    };
    let expires = match fault_at(certificate, UnixTime::since_unix_epoch(MAX_EXPIRY)) {
        Some(CertificateError::ExpiredContext { not_after, .. }) => not_after.as_secs(),
        _ => MAX_EXPIRY.as_secs(),
    };
    Validity { expires, fault }
}

/// webpki checks the dates first, then the issuer, which is always unknown here.
fn fault_at(certificate: &ParsedCertificate<'_>, now: UnixTime) -> Option<CertificateError> {
    let algorithms = ring::default_provider().signature_verification_algorithms.all;
    match verify(certificate, &RootCertStore::empty(), &[], now, algorithms) {
        Err(Error::InvalidCertificate(error)) => Some(error),
        _ => None,
    }
}

fn date(time: UnixTime) -> String {
    let time = i64::try_from(time.as_secs()).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    time.unwrap_or_default().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Drops the byte order mark that some editors write.
fn pem(text: &Secret) -> &str {
    text.expose().trim_start_matches('\u{feff}')
}

fn signing_key(text: &Secret) -> Result<Arc<dyn SigningKey>, String> {
    let text = pem(text);
    if text.contains("ENCRYPTED") {
        return Err(
            "the key is encrypted; use a key without a passphrase, in a file that only the bridge can read"
                .into(),
        );
    }
    // Errors of the library could quote the file.
    let mut der = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| {
        "the file holds no private key; it must be PEM with `-----BEGIN PRIVATE KEY-----`, \
                    `-----BEGIN RSA PRIVATE KEY-----` or `-----BEGIN EC PRIVATE KEY-----`"
    })?;
    let key = ring::sign::any_supported_type(&der);
    der.zeroize();
    key.map_err(|_| {
        "the key is damaged or of a kind that is not supported; it must be RSA \
                    with 2048 to 4096 bits, ECDSA on P-256 or P-384, or Ed25519"
            .into()
    })
}

#[cfg(test)]
mod tests;
