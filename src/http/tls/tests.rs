use super::*;
use crate::watch::{Refresh, RefreshResult};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use tempfile::TempDir;

/// RSA key for tests, because the provider creates none.
const RSA: &str = include_str!("rsa.pem");

struct Folder(TempDir);

impl Folder {
    fn with(certificate: &str, key: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write_certificate(certificate);
        folder.write_key(key);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write_certificate(&self, text: &str) {
        fs::write(self.path("tls.crt"), text).unwrap();
    }

    fn write_key(&self, text: &str) {
        fs::write(self.path("tls.key"), text).unwrap();
    }

    fn config(&self) -> TlsConfig {
        TlsConfig { certificate: Some(self.path("tls.crt")), key: Some(self.path("tls.key")) }
    }

    fn open(&self) -> Arc<Watched<Certificate>> {
        open(&self.config(), &Arc::new(Metrics::new())).unwrap().unwrap()
    }

    fn problems(&self) -> Vec<TlsProblem> {
        check_tls(&self.config())
    }
}

fn certificate(key: &KeyPair) -> String {
    CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(key).unwrap().pem()
}

fn pair() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    (certificate(&key), key.serialize_pem())
}

fn valid(from: i32, to: i32) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// PKCS#1 of an RSA key, SEC1 of an EC key.
fn unwrapped(pkcs8: &[u8]) -> Vec<u8> {
    // A header is a tag and a length, which takes up to four bytes.
    let header = |at: usize| match pkcs8[at + 1] {
        long @ 0x80.. => 2 + usize::from(long & 0x7f),
        _ => 2,
    };
    let algorithm = header(0) + 3;
    let octets = algorithm + 2 + usize::from(pkcs8[algorithm + 1]);
    assert_eq!((pkcs8[algorithm], pkcs8[octets]), (0x30, 0x04), "PKCS#8");
    let inner = octets + header(octets);
    let length = header(inner)
        + pkcs8[inner + 2..inner + header(inner)].iter().fold(0, |sum, byte| sum * 256 + usize::from(*byte));
    let length = if pkcs8[inner + 1] < 0x80 { 2 + usize::from(pkcs8[inner + 1]) } else { length };
    pkcs8[inner..inner + length].to_vec()
}

fn served(watched: &Arc<Watched<Certificate>>) -> String {
    pem("CERTIFICATE", &watched.get().certified.cert[0])
}

fn bare(pem: &str) -> String {
    pem.split_whitespace().collect()
}

#[test]
fn keys_load_in_every_supported_format() {
    let rsa = KeyPair::from_pkcs8_pem_and_sign_algo(RSA, &rcgen::PKCS_RSA_SHA256).unwrap();
    let p256 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let p384 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let ed25519 = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let sec1 = |key: &KeyPair| pem("EC PRIVATE KEY", &unwrapped(key.serialized_der()));
    let forms = [
        ("PKCS#8 RSA", &rsa, RSA.to_owned()),
        ("PKCS#1 RSA", &rsa, pem("RSA PRIVATE KEY", &unwrapped(rsa.serialized_der()))),
        ("PKCS#8 P-256", &p256, p256.serialize_pem()),
        ("SEC1 P-256", &p256, sec1(&p256)),
        ("as openssl writes it", &p256, pem("EC PARAMETERS", &[6, 1, 0]) + &sec1(&p256)),
        ("Windows lines", &p256, p256.serialize_pem().replace('\n', "\r\n")),
        ("PKCS#8 P-384", &p384, p384.serialize_pem()),
        ("SEC1 P-384", &p384, sec1(&p384)),
        ("PKCS#8 Ed25519", &ed25519, ed25519.serialize_pem()),
        ("certificate and key in one file", &p256, certificate(&p256) + &p256.serialize_pem()),
    ];
    for (form, key, text) in forms {
        assert_eq!(Folder::with(&certificate(key), &text).problems(), [], "{form}");
    }
}

#[test]
fn byte_order_mark_is_skipped() {
    let (certificate, key) = pair();
    let folder = Folder::with(&format!("\u{feff}{certificate}"), &format!("\u{feff}{key}"));
    assert_eq!(folder.problems().len(), 0);
}

#[test]
fn each_invalid_file_is_reported_with_its_reason() {
    let (good, key) = pair();
    let (other, other_key) = pair();
    let encrypted = pem("ENCRYPTED PRIVATE KEY", b"hush");
    let old_encrypted = key.replacen('\n', "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", 1);
    // The same key, with the identifier of an unsupported curve.
    let mut unsupported = KeyPair::generate().unwrap().serialize_der();
    let curve = unsupported.windows(8).position(|it| it == [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]).unwrap();
    unsupported[curve + 7] = 1;
    let unsupported = pem("PRIVATE KEY", &unsupported);
    let large = "#".repeat(1024 * 1024 + 1);
    let cut = &good[..good.len() - 30];
    for (certificate, private, at, part) in [
        ("", key.as_str(), CERTIFICATE, "holds no certificate"),
        (&key, &key, CERTIFICATE, "holds no certificate"),
        ("\u{1}garbage", &key, CERTIFICATE, "holds no certificate"),
        (cut, &key, CERTIFICATE, "PEM is damaged"),
        (&pem("CERTIFICATE", b"no DER"), &key, CERTIFICATE, "damaged, or not of X.509 version 3"),
        (&large, &key, CERTIFICATE, "more than 1 MiB"),
        (&good, "", KEY, "holds no private key"),
        (&good, &good, KEY, "holds no private key"),
        (&good, &encrypted, KEY, "is encrypted"),
        (&good, &old_encrypted, KEY, "is encrypted"),
        (&good, &unsupported, KEY, "not supported; it must be RSA"),
        (&good, &pem("PRIVATE KEY", b"no DER"), KEY, "damaged or of a kind"),
        (&good, &other_key, KEY, "not the key of the first certificate"),
        (&(other.clone() + &good), &key, KEY, "before its chain"),
    ] {
        let problems = Folder::with(certificate, private).problems();
        assert_eq!(problems.len(), 1, "{part}: {problems:?}");
        assert!(problems[0].at == at && problems[0].reason.contains(part), "{part}: {problems:?}");
    }
    assert_eq!(Folder::with(&(good + &other), &key).problems(), [], "a chain after it is valid");
}

/// Otherwise the spool would not drain until the renewal.
#[test]
fn certificate_that_is_not_valid_now_is_served_at_start_and_reported_at_each_check() {
    for (from, to, fault) in [
        (2020, 2021, "expired at 2021-01-01T00:00:00Z; renew it"),
        (2090, 2091, "not valid before 2090-01-01T00:00:00Z"),
    ] {
        let (certificate, key) = valid(from, to);
        let folder = Folder::with(&certificate, &key);
        assert_eq!(folder.problems(), []);
        assert!(certificate_fault(&folder.config()).is_some_and(|found| found.contains(fault)), "{fault}");
        let watched = folder.open();
        assert_eq!(bare(&served(&watched)), bare(&certificate));
        assert!(matches!(watched.refresh(), RefreshResult::Failed(reason) if reason.contains(fault)));
        let (certificate, key) = pair();
        folder.write_certificate(&certificate);
        folder.write_key(&key);
        assert_eq!(certificate_fault(&folder.config()), None);
        assert_eq!(watched.refresh(), RefreshResult::Unsettled);
        assert_eq!(watched.refresh(), RefreshResult::Changed);
    }
}

#[test]
fn both_unreadable_files_are_reported() {
    let folder = Folder::with("", "");
    fs::remove_file(folder.path("tls.crt")).unwrap();
    fs::write(folder.path("tls.key"), [0x30, 0x82, 0xff]).unwrap();
    let found = folder.problems();
    assert_eq!(found.iter().map(|problem| problem.at).collect::<Vec<_>>(), [CERTIFICATE, KEY]);
    assert_eq!(found[0].reason, "the file cannot be read: entity not found");
    assert!(found[1].reason.contains("must be PEM"), "{found:?}");
    fs::create_dir(folder.path("tls.crt")).unwrap();
    assert!(folder.problems()[0].reason.contains("is not a regular file"));
}

#[test]
fn one_setting_alone_is_an_error_and_none_is_plain_http() {
    let path = || Some(PathBuf::from("/nowhere"));
    let at = |certificate, key| check_tls(&TlsConfig { certificate, key }).pop().map(|problem| problem.at);
    assert_eq!(at(path(), None), Some(KEY));
    assert_eq!(at(None, path()), Some(CERTIFICATE));
    assert_eq!(at(None, None), None);
    assert!(open(&TlsConfig::default(), &Arc::new(Metrics::new())).unwrap().is_none());
}

#[test]
fn errors_and_debug_output_do_not_contain_the_key() {
    let (certificate, key) = pair();
    let body = key.lines().nth(1).unwrap();
    // As a library would log them.
    let bytes = format!("{:?}", &body.as_bytes()[..12]);
    let bytes = bytes.trim_matches(['[', ']']).to_owned();
    let broken = [
        key.replace("-----END", "----END"),
        key.replace("-----BEGIN PRIVATE KEY-----", &format!("-----BEGIN {body}")),
        key.replace("PRIVATE KEY", &format!("PRIVATE KEY {body}")),
        key.replacen(body, &format!("{body}!"), 1),
        body.to_owned(),
    ];
    for key in broken {
        let said = format!("{:?}", Folder::with(&certificate, &key).problems());
        assert!(said.contains(KEY) && !said.contains(&body[..12]) && !said.contains(&bytes), "{said}");
    }
    let folder = Folder::with(&certificate, &key);
    let config = server_config(&folder.open()).unwrap();
    let said = format!("{config:?} {:?}", folder.open().get().certified.key);
    assert!(!said.contains(&body[..12]), "{said}");
}

#[test]
fn half_changed_pair_keeps_the_old_one_and_is_reported_once() {
    let (first, key) = pair();
    let (second, second_key) = pair();
    let folder = Folder::with(&first, &key);
    let watched = folder.open();
    folder.write_certificate(&second);
    let RefreshResult::Failed(reason) = watched.refresh() else {
        panic!("a half-changed pair was taken over")
    };
    assert!(reason.starts_with("server.tls.key: is not the key of"), "{reason}");
    assert_eq!(watched.refresh(), RefreshResult::StillFailed);
    assert_eq!(bare(&served(&watched)), bare(&first));
    folder.write_key(&second_key);
    assert_eq!(watched.refresh(), RefreshResult::Unsettled);
    assert_eq!(watched.refresh(), RefreshResult::Changed);
    assert_eq!(bare(&served(&watched)), bare(&second));
    assert_eq!(watched.refresh(), RefreshResult::Unchanged);
}

#[test]
fn expired_invalid_or_missing_files_keep_the_old_certificate() {
    let (first, key) = pair();
    let folder = Folder::with(&first, &key);
    let watched = folder.open();
    let (expired, expired_key) = valid(2020, 2021);
    for (certificate, key) in [(expired.as_str(), expired_key.as_str()), ("", "garbage")] {
        folder.write_certificate(certificate);
        folder.write_key(key);
        assert!(matches!(watched.refresh(), RefreshResult::Failed(_)));
        assert_eq!(watched.refresh(), RefreshResult::StillFailed);
    }
    fs::remove_file(folder.path("tls.key")).unwrap();
    assert!(matches!(watched.refresh(), RefreshResult::Failed(_)));
    assert_eq!(bare(&served(&watched)), bare(&first));
}

/// As Kubernetes updates a mounted Secret.
#[test]
fn replaced_folder_of_the_files_is_a_change() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let pairs = [pair(), pair()];
    for (dated, (certificate, key)) in ["..1", "..2"].iter().zip(&pairs) {
        fs::create_dir(at(dated)).unwrap();
        fs::write(at(dated).join("tls.crt"), certificate).unwrap();
        fs::write(at(dated).join("tls.key"), key).unwrap();
    }
    symlink("..1", at("..data")).unwrap();
    for name in ["tls.crt", "tls.key"] {
        symlink(Path::new("..data").join(name), at(name)).unwrap();
    }
    let config = TlsConfig { certificate: Some(at("tls.crt")), key: Some(at("tls.key")) };
    let watched = open(&config, &Arc::new(Metrics::new())).unwrap().unwrap();
    symlink("..2", at("..new")).unwrap();
    fs::rename(at("..new"), at("..data")).unwrap();
    assert_eq!(watched.refresh(), RefreshResult::Unsettled);
    assert_eq!(watched.refresh(), RefreshResult::Changed);
    assert_eq!(bare(&served(&watched)), bare(&pairs[1].0));
}

#[test]
fn time_of_expiry_is_a_metric_and_is_updated() {
    let metrics = Arc::new(Metrics::new());
    let (certificate, key) = valid(2020, 2091);
    let folder = Folder::with(&certificate, &key);
    let watched = open(&folder.config(), &metrics).unwrap().unwrap();
    assert_eq!(metrics.certificate_expires.get(), 3_818_448_000);
    let (certificate, key) = valid(2020, 2092);
    folder.write_certificate(&certificate);
    assert!(matches!(watched.refresh(), RefreshResult::Failed(_)));
    assert_eq!(metrics.certificate_expires.get(), 3_818_448_000, "of the certificate in force");
    folder.write_key(&key);
    watched.refresh();
    watched.refresh();
    assert_eq!(metrics.certificate_expires.get(), 3_849_984_000);
}

#[test]
fn sessions_are_not_resumed() {
    let (certificate, key) = pair();
    let config = server_config(&Folder::with(&certificate, &key).open()).unwrap();
    assert!(!config.session_storage.can_cache() && !config.ticketer.enabled());
    assert_eq!(config.send_tls13_tickets, 0);
}
