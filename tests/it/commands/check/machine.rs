//! The absence of Kafka hides no finding.

use super::{Bridge, Expected, TIMEOUT, free_address, report_skipped};
use crate::ingress::tls::authority::{Authority, Mounted, Pair};
use crate::kit::bridge::{Bridge as Running, UNSIGNED};
use crate::kit::disk::Disk;
use crate::kit::process::Process;
use chrono::{Datelike, Days, Utc};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const UNUSED_ADDRESS: &str = "127.0.0.1:1";

#[track_caller]
fn assert_finding(name: &str, bridge: &Bridge, expected: Expected<'_>) {
    bridge.check(&[]).assert_finding(name, expected);
}

fn in_spool(path: &Path) -> Bridge {
    Bridge::new(UNUSED_ADDRESS).with(format!("spool.directory={}", path.display()))
}

#[test]
fn unusable_spool_is_reported() {
    let bridge = Bridge::new(UNUSED_ADDRESS);
    let file = bridge.folder.path().join("file");
    fs::write(&file, "x").expect("a file");
    assert_finding(
        "file in its place",
        &in_spool(&file),
        ("failure", "spool.directory", &["is not a directory", "remove"]),
    );
    assert_finding(
        "below a file",
        &in_spool(&file.join("spool")),
        ("failure", "spool.directory", &["is not a directory"]),
    );
    let open = bridge.folder.path().join("open");
    fs::create_dir(&open).expect("a folder");
    fs::set_permissions(&open, Permissions::from_mode(0o755)).expect("a mode");
    assert_finding(
        "world-readable",
        &in_spool(&open),
        ("warning", "spool.permissions", &["every user", "chmod"]),
    );
    fs::set_permissions(&open, Permissions::from_mode(0o702)).expect("a mode");
    assert_finding(
        "world-writable",
        &in_spool(&open),
        ("failure", "spool.permissions", &["replace", "chmod o-w"]),
    );
    let inside = open.join("spool");
    fs::set_permissions(&open, Permissions::from_mode(0o777)).expect("a mode");
    assert_finding(
        "parent open to all",
        &in_spool(&inside),
        ("warning", "spool.permissions", &["rename", "chmod +t"]),
    );
    fs::set_permissions(&open, Permissions::from_mode(0o1777)).expect("a mode");
    assert!(!in_spool(&inside).check(&[]).has(("warning", "spool.permissions", &[])), "sticky");
    let none = Bridge {
        settings: bridge
            .settings
            .iter()
            .filter(|setting| !setting.starts_with("spool.directory"))
            .cloned()
            .collect(),
        ..bridge
    };
    assert_finding("no spool", &none, ("warning", "spool.directory", &["is not set", "set it"]));
}

#[test]
fn volatile_or_full_disk_of_the_spool_is_reported() {
    let disk = match Disk::mount() {
        Ok(disk) => disk,
        Err(why) => return report_skipped("spool read-only, on tmpfs, on a small and on a full disk", &why),
    };
    let spool = disk.path("spool");
    let roomy = in_spool(&spool);
    assert_finding("tmpfs", &roomy, ("warning", "spool.disk", &["on tmpfs", "lost when", "volume"]));
    assert!(roomy.check(&[]).has(("ok", "spool.max_bytes", &[])), "32 MiB fit into 64");
    let small = in_spool(&spool).with("spool.max_bytes=1 GiB");
    assert_finding(
        "small disk",
        &small,
        ("warning", "spool.max_bytes", &["disk is full before", "lower `spool.max_bytes`"]),
    );
    disk.fill();
    assert_finding("full disk", &roomy, ("failure", "spool.max_bytes", &["almost no event", "make room"]));
    disk.clear();
    disk.remount("ro").expect("no file of the disk is open");
    assert_finding("read-only, missing", &roomy, ("failure", "spool.directory", &["read-only", "mount it"]));
    disk.remount("rw").expect("the disk was writable before");
    fs::create_dir(&spool).expect("a folder");
    disk.remount("ro").expect("no file of the disk is open");
    assert_finding("read-only", &roomy, ("failure", "spool.directory", &["read-only", "mount it"]));
}

#[test]
fn port_in_use_is_reported_and_a_running_bridge_is_recognized() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = listener.local_addr().expect("its address");
    let ours = |key: &str| Bridge::new(UNUSED_ADDRESS).with(format!("{key}={taken}"));
    assert_finding(
        "ingress",
        &ours("server.listen"),
        ("failure", "server.listen", &["taken by another process", "end that process"]),
    );
    assert_finding(
        "admin",
        &ours("admin.listen"),
        ("failure", "admin.listen", &["taken by another process", "set `admin.listen`"]),
    );
    drop(listener);
    let strange = Bridge::new(UNUSED_ADDRESS).with("server.listen=192.0.2.1:8080");
    assert_finding(
        "address",
        &strange,
        ("failure", "server.listen", &["not an address of this machine", "0.0.0.0"]),
    );

    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let spool = format!("spool.directory={}", folder.path().join("spool").display());
    let running = Running::start(UNUSED_ADDRESS, &[UNSIGNED, &spool]);
    let beside = Bridge::new(UNUSED_ADDRESS)
        .with(spool)
        .with(format!("server.listen={}", running.ingress))
        .with(format!("admin.listen={}", running.admin));
    let report = beside.check(&[]);
    assert!(report.has(("ok", "spool.lock", &["a running bridge uses"])), "{}", report.problems());
    for key in ["server.listen", "admin.listen"] {
        let known = ["ok", "warning"].iter().any(|level| report.has((level, key, &["a bridge runs here"])));
        assert!(known, "{key}: {:#?}", report.findings);
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let beside = beside.with(format!("server.listen={address}"));
    assert_finding("beside a bridge", &beside, ("failure", "server.listen", &["taken by another process"]));
}

#[test]
fn untrusted_certificate_is_reported() {
    let authority = Authority::new();
    let with = |pair: &Pair| {
        let mounted = Mounted::with(pair);
        let mut bridge = Bridge::new(UNUSED_ADDRESS);
        bridge.settings.extend(mounted.settings());
        (bridge, mounted)
    };
    let (expired, _files) = with(&authority.pair_until(2024));
    assert_finding(
        "expired",
        &expired,
        ("failure", "server.tls.certificate", &["expired at 2024", "valid certificate"]),
    );
    let soon = Utc::now().date_naive() + Days::new(10);
    let (month, day) =
        (u8::try_from(soon.month()).expect("a month"), u8::try_from(soon.day()).expect("a day"));
    let (short, _files) = with(&authority.pair_until_day(soon.year(), month, day));
    assert_finding("expires soon", &short, ("warning", "server.tls.certificate", &["in 9 days", "renew"]));
    let (good, files) = with(&authority.pair());
    assert_finding("good", &good, ("ok", "server.tls.certificate", &["2090"]));
    files.write("tls.key", &authority.pair().key);
    let report = good.check(&[]);
    assert_eq!(report.code, 78);
    assert!(report.problems().contains("failure server.tls.key (): "), "{}", report.problems());
    assert!(report.problems().contains("is not the key of the first certificate"), "{}", report.problems());
    assert!(report.has(("skipped", "kafka", &["correct the settings first"])), "{}", report.problems());
}

#[test]
fn missing_or_readable_secret_file_is_reported() {
    let bridge = Bridge::new(UNUSED_ADDRESS);
    let path = bridge.folder.path().join("secret");
    let bridge = bridge
        .with("sources.main.signature.secrets=[]")
        .with(format!("sources.main.signature.secrets_file={}", path.display()));
    let report = bridge.check(&[]);
    assert_eq!(report.code, 78);
    assert!(
        report.problems().contains("failure sources.main.signature.secrets_file (): "),
        "{}",
        report.problems()
    );
    fs::write(&path, "a-secret-for-tests").expect("a file");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("a mode");
    let key = "sources.main.signature.secrets_file";
    assert_finding(
        "world-readable",
        &bridge,
        ("warning", key, &["every user of this machine can read", "chmod o-r"]),
    );
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a mode");
    assert_finding("shut", &bridge, ("ok", key, &["can be read"]));
}

/// This bridge requires a signature, so it accepts the live dialect only.
#[test]
fn route_without_signed_events_is_reported_with_the_right_field() {
    let routes = |condition: &str| {
        let bridge = Bridge::new(UNUSED_ADDRESS);
        let topics = format!("{}calls", bridge.prefix);
        bridge.with(format!("routes=[{{match: call.*, when: {{{condition}}}, topics: [\"{topics}\"]}}]"))
    };
    let key = "routes[0].when./data/direction";
    let words = ["routes[0]", "`/data/direction`", "live dialect", "write `direction`"];
    let pointed = routes("/data/direction: inbound");
    for args in [&["--offline"][..], &[]] {
        pointed.check(args).assert_finding("pointer of the other dialect", ("warning", key, &words));
    }
    assert_eq!(pointed.check(&["--offline", "--strict"]).code, 1);
    let named = routes("direction: inbound").check(&["--offline", "--strict"]);
    assert_eq!((named.code, named.problems().as_str()), (0, ""));
    let both = routes("/data/call_info/direction: Incoming").with(UNSIGNED).check(&["--offline"]);
    let key = "routes[0].when./data/call_info/direction";
    both.assert_finding(
        "pointer of the signed dialect",
        ("warning", key, &["documented dialect", "write `direction`"]),
    );
    let live = routes("/data/call_info/direction: Incoming").check(&["--offline"]);
    assert_eq!(live.problems(), "", "the source accepts one dialect only");
}

#[test]
fn offline_check_contacts_no_server_and_invalid_settings_have_their_own_exit_code() {
    let bridge = Bridge::new(&free_address());
    let offline = bridge.check(&["--offline"]);
    assert_eq!((offline.code, offline.problems().as_str()), (0, ""));
    assert_eq!(bridge.check(&[]).code, 1);
    let warned = bridge.with("server.listen=0.0.0.0:0");
    assert_eq!(warned.check(&["--offline"]).code, 0);
    assert_eq!(warned.check(&["--offline", "--strict"]).code, 1);
    assert_eq!(warned.with("spool.directry=/x").check(&["--offline", "--strict"]).code, 78);
}

#[test]
fn low_limit_on_open_files_is_reported() {
    let bridge = Bridge::new(UNUSED_ADDRESS).with("server.workers=2");
    let mut args = vec!["check", "--json"];
    args.extend(bridge.settings.iter().flat_map(|setting| ["--set", setting]));
    let mut process = Process::bridge_after("ulimit -n 256", &args, &[]);
    process.wait_exit(TIMEOUT);
    let report: Value = serde_json::from_str(&process.stdout().concat()).expect("a report");
    let findings = report["findings"].as_array().expect("findings");
    let named = findings.iter().find(|finding| finding["key"] == "open_files").expect("a finding");
    assert_eq!(named["level"], "warning");
    let text = named["text"].as_str().expect("a text");
    assert!(text.contains("limit of 256") && text.contains("54 connections"), "{text}");
    assert!(named["fix"].as_str().is_some_and(|fix| fix.contains("4298")), "{named}");
}
