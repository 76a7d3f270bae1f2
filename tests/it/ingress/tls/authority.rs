use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use std::fs;
use std::os::unix::fs::symlink;
use tempfile::TempDir;

pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) certificate: String,
    pub(crate) roots: RootCertStore,
}

pub(crate) struct Pair {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der().clone()).expect("a root");
        Self { issuer: Issuer::new(params, key), certificate: certificate.pem(), roots }
    }

    pub(crate) fn pair(&self) -> Pair {
        self.pair_until(2090)
    }

    pub(crate) fn pair_until(&self, year: i32) -> Pair {
        self.pair_until_day(year, 1, 1)
    }

    pub(crate) fn pair_until_day(&self, year: i32, month: u8, day: u8) -> Pair {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, month, day);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Pair { der: certificate.der().clone(), certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

/// As a Secret: links into `..data`, which links to a dated folder.
pub(crate) struct Mounted {
    folder: TempDir,
}

impl Mounted {
    pub(crate) fn with(pair: &Pair) -> Self {
        let mounted = Self { folder: tempfile::tempdir().expect("a folder") };
        mounted.swap_in(pair);
        for name in ["tls.crt", "tls.key"] {
            symlink(format!("..data/{name}"), mounted.folder.path().join(name)).expect("a link");
        }
        mounted
    }

    pub(crate) fn swap_in(&self, pair: &Pair) {
        let at = |name: &str| self.folder.path().join(name);
        let count = fs::read_dir(self.folder.path()).expect("a folder").count();
        let dated = format!("..2026_{count}");
        fs::create_dir(at(&dated)).expect("a folder");
        fs::write(at(&dated).join("tls.crt"), &pair.certificate).expect("a file");
        fs::write(at(&dated).join("tls.key"), &pair.key).expect("a file");
        symlink(dated, at("..data_tmp")).expect("a link");
        fs::rename(at("..data_tmp"), at("..data")).expect("a swap");
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("a file");
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.folder.path().join(name)).expect("a file");
    }

    pub(crate) fn settings(&self) -> [String; 2] {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        [format!("server.tls.certificate={}", at("tls.crt")), format!("server.tls.key={}", at("tls.key"))]
    }
}
