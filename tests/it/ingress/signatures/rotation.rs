use super::request::{Request, call, now, summary};
use crate::kit::bridge::{Bridge, until};
use crate::kit::kafka::Kafka;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const OLD: &str = "the-old-secret";
const NEW: &str = "the-new-secret";

/// The bridge reads the file every second.
const RELOAD_TIMEOUT: Duration = Duration::from_secs(15);

struct Mount {
    source: &'static str,
    path: &'static str,
    folder: TempDir,
    write: fn(&Path, &str),
}

impl Mount {
    fn new(source: &'static str, path: &'static str, write: fn(&Path, &str)) -> Self {
        let mount = Self { source, path, folder: tempfile::tempdir().expect("a folder"), write };
        mount.put(&format!("{OLD}\n"));
        mount
    }

    fn put(&self, text: &str) {
        (self.write)(self.folder.path(), text);
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("secrets")
    }

    fn matches(&self, bridge: &Bridge, place: usize) -> u64 {
        let source = self.source;
        bridge.metric(&format!("signature_secret_matches_total{{source=\"{source}\",secret=\"{place}\"}}"))
    }

    fn signed(&self, secret: &str, number: usize) -> Request {
        Request::signed(secret, call(number), &now()).to(self.path)
    }

    fn rotate(&self, bridge: &Bridge) {
        let answer = |secret: &str, number| summary(&self.signed(secret, number).send(bridge));
        let acked = || (200, "acked".to_owned());
        let mismatch = || (503, "signature_mismatch".to_owned());
        assert_eq!(answer(OLD, 1), acked());
        assert_eq!((self.matches(bridge, 0), self.matches(bridge, 1)), (1, 0));

        // JustCall signs with the new secret before the bridge has it.
        let early = self.signed(NEW, 2);
        assert_eq!(summary(&early.send(bridge)), mismatch());
        self.put(&format!("{OLD}\n{NEW}\n"));
        self.wait_for_reload("the new secret is known", || summary(&early.send(bridge)) == acked());
        assert_eq!((self.matches(bridge, 0), self.matches(bridge, 1)), (1, 1));
        assert_eq!(answer(OLD, 3), acked(), "both are valid");
        assert_eq!((self.matches(bridge, 0), self.matches(bridge, 1)), (2, 1));

        self.put(&format!("{NEW}\n"));
        let mut number = 100;
        self.wait_for_reload("the old secret is forgotten", || {
            number += 1;
            answer(OLD, number) == mismatch()
        });
        assert_eq!(answer(NEW, 4), acked());
        assert_eq!(self.matches(bridge, 1), 1, "the new secret is now the first");
    }

    fn wait_for_reload(&self, what: &str, reached: impl FnMut() -> bool) {
        let began = Instant::now();
        until(what, reached);
        assert!(began.elapsed() < RELOAD_TIMEOUT, "{}: {what} after {:?}", self.source, began.elapsed());
    }
}

fn overwrite(folder: &Path, text: &str) {
    fs::write(folder.join("secrets"), text).expect("written");
}

/// As Kubernetes does: one rename of the link `..data` to a folder for each version.
fn swap_link(folder: &Path, text: &str) {
    let old = fs::read_link(folder.join("..data")).ok();
    let version = tempfile::Builder::new().prefix("..").tempdir_in(folder).expect("a folder").keep();
    fs::write(version.join("secrets"), text).expect("written");
    symlink(version.file_name().expect("a name"), folder.join("..data_tmp")).expect("a link");
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("swapped");
    match old {
        Some(old) => fs::remove_dir_all(folder.join(old)).expect("the old version"),
        None => symlink("..data/secrets", folder.join("secrets")).expect("a link"),
    }
}

#[test]
fn secret_rotates_without_restart_and_without_loss() {
    let plain = Mount::new("main", "/webhooks/justcall", overwrite);
    let mounted = Mount::new("mounted", "/mounted", swap_link);
    let settings: Vec<String> = [&plain, &mounted]
        .into_iter()
        .flat_map(|mount| {
            let (source, file) = (mount.source, mount.file());
            [
                format!("sources.{source}.path={}", mount.path),
                format!("sources.{source}.signature.secrets_file={}", file.display()),
            ]
        })
        .collect();
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let bridge = Bridge::serve(Kafka::shared().bootstrap(), &settings);
    std::thread::scope(|scope| {
        scope.spawn(|| plain.rotate(&bridge));
        scope.spawn(|| mounted.rotate(&bridge));
    });
    bridge.wait_for_metric("watched_files_invalid", 0);
    assert_eq!(bridge.metric("file_reloads_total"), 4);

    let acked = (200, "acked".to_owned());
    let many: String = (0..9).map(|number| format!("secret-{number}\n")).collect();
    let unusable: [(&[u8], &str); 3] = [
        (b"", "the file is empty"),
        (many.as_bytes(), "there are 9 secrets"),
        (b"secret-1\ncaf\xe9\n", "the file is not UTF-8 text"),
    ];
    for (round, (bytes, reason)) in unusable.into_iter().enumerate() {
        fs::write(plain.file(), bytes).expect("written");
        bridge.process.wait_for_line(reason, RELOAD_TIMEOUT);
        bridge.wait_for_metric("watched_files_invalid", 1);
        assert_eq!(summary(&plain.signed(NEW, 200 + round).send(&bridge)), acked, "{reason}");
        for guess in ["secret-1", ""] {
            assert_eq!(summary(&plain.signed(guess, 300).send(&bridge)).0, 503, "{reason}");
        }
    }
    fs::remove_file(plain.file()).expect("removed");
    bridge.process.wait_for_line("the file cannot be read", RELOAD_TIMEOUT);
    assert_eq!(summary(&plain.signed(NEW, 210).send(&bridge)), acked);
    plain.put(&format!("{OLD}\n{NEW}\n"));
    bridge.wait_for_metric("watched_files_invalid", 0);
    plain.wait_for_reload("both secrets are valid again", || {
        summary(&plain.signed(OLD, 211).send(&bridge)) == acked
    });
}
