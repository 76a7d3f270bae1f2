//! Misconfigurations of the machine: the spool's disk, ports, certificates and files with secrets. Kafka is
//! not there, which must hide none of them.

use super::{Bridge, Expected, WITHIN, cannot, free_address};
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

const NOBODY: &str = "127.0.0.1:1";

#[track_caller]
fn says(name: &str, bridge: &Bridge, expected: Expected<'_>) {
    bridge.check(&[]).says(name, expected);
}

fn in_spool(path: &Path) -> Bridge {
    Bridge::new(NOBODY).with(format!("spool.directory={}", path.display()))
}

#[test]
fn spool_that_cannot_be_used_is_named() {
    let bridge = Bridge::new(NOBODY);
    let file = bridge.folder.path().join("file");
    fs::write(&file, "x").expect("a file");
    says(
        "file in its place",
        &in_spool(&file),
        ("failure", "spool.directory", &["is no directory", "remove"]),
    );
    says(
        "below a file",
        &in_spool(&file.join("spool")),
        ("failure", "spool.directory", &["is no directory"]),
    );
    let open = bridge.folder.path().join("open");
    fs::create_dir(&open).expect("a folder");
    fs::set_permissions(&open, Permissions::from_mode(0o755)).expect("a mode");
    says("world-readable", &in_spool(&open), ("warning", "spool.permissions", &["every user", "chmod"]));
    fs::set_permissions(&open, Permissions::from_mode(0o702)).expect("a mode");
    says("world-writable", &in_spool(&open), ("failure", "spool.permissions", &["replace", "chmod o-w"]));
    let inside = open.join("spool");
    fs::set_permissions(&open, Permissions::from_mode(0o777)).expect("a mode");
    says("parent open to all", &in_spool(&inside), ("warning", "spool.permissions", &["rename", "chmod +t"]));
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
    says("no spool", &none, ("warning", "spool.directory", &["is not set", "set it"]));
}

#[test]
fn disk_that_keeps_nothing_is_named() {
    let disk = match Disk::mount() {
        Ok(disk) => disk,
        Err(why) => return cannot("spool read-only, on tmpfs, on a small and on a full disk", &why),
    };
    let spool = disk.path("spool");
    let roomy = in_spool(&spool);
    says("tmpfs", &roomy, ("warning", "spool.disk", &["on tmpfs", "gone", "volume"]));
    assert!(roomy.check(&[]).has(("ok", "spool.max_bytes", &[])), "32 MiB fit into 64");
    let small = in_spool(&spool).with("spool.max_bytes=1 GiB");
    says(
        "small disk",
        &small,
        ("warning", "spool.max_bytes", &["disk is full before", "lower `spool.max_bytes`"]),
    );
    disk.fill();
    says("full disk", &roomy, ("failure", "spool.max_bytes", &["hardly an event", "make room"]));
    disk.clear();
    disk.remount("ro").expect("nobody has it open");
    says("read-only, missing", &roomy, ("failure", "spool.directory", &["read-only", "mount it"]));
    disk.remount("rw").expect("it was so before");
    fs::create_dir(&spool).expect("a folder");
    disk.remount("ro").expect("nobody has it open");
    says("read-only", &roomy, ("failure", "spool.directory", &["read-only", "mount it"]));
}

#[test]
fn port_of_somebody_else_is_named_and_a_running_bridge_is_known() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = listener.local_addr().expect("its address");
    let ours = |key: &str| Bridge::new(NOBODY).with(format!("{key}={taken}"));
    says(
        "ingress",
        &ours("server.listen"),
        ("failure", "server.listen", &["taken by another process", "end that process"]),
    );
    says(
        "admin",
        &ours("admin.listen"),
        ("failure", "admin.listen", &["taken by another process", "set `admin.listen`"]),
    );
    drop(listener);
    let strange = Bridge::new(NOBODY).with("server.listen=192.0.2.1:8080");
    says("address", &strange, ("failure", "server.listen", &["no address of this machine", "0.0.0.0"]));

    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let spool = format!("spool.directory={}", folder.path().join("spool").display());
    let running = Running::start(NOBODY, &[UNSIGNED, &spool]);
    let beside = Bridge::new(NOBODY)
        .with(spool)
        .with(format!("server.listen={}", running.ingress))
        .with(format!("admin.listen={}", running.admin));
    let report = beside.check(&[]);
    assert!(report.has(("ok", "spool.lock", &["a running bridge uses"])), "{}", report.bad());
    for key in ["server.listen", "admin.listen"] {
        let known = ["ok", "warning"].iter().any(|level| report.has((level, key, &["a bridge runs here"])));
        assert!(known, "{key}: {:#?}", report.findings);
    }
    let stranger = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = stranger.local_addr().expect("its address");
    let beside = beside.with(format!("server.listen={address}"));
    says("beside a bridge", &beside, ("failure", "server.listen", &["taken by another process"]));
}

#[test]
fn certificate_that_nobody_would_trust_is_named() {
    let authority = Authority::new();
    let with = |pair: &Pair| {
        let mounted = Mounted::with(pair);
        let mut bridge = Bridge::new(NOBODY);
        bridge.settings.extend(mounted.settings());
        (bridge, mounted)
    };
    let (expired, _files) = with(&authority.pair_until(2024));
    says("expired", &expired, ("failure", "server.tls.certificate", &["expired at 2024", "valid in place"]));
    let soon = Utc::now().date_naive() + Days::new(10);
    let (month, day) =
        (u8::try_from(soon.month()).expect("a month"), u8::try_from(soon.day()).expect("a day"));
    let (short, _files) = with(&authority.pair_until_day(soon.year(), month, day));
    says("expires soon", &short, ("warning", "server.tls.certificate", &["in 9 days", "renew"]));
    let (good, files) = with(&authority.pair());
    says("good", &good, ("ok", "server.tls.certificate", &["2090"]));
    files.write("tls.key", &authority.pair().key);
    let report = good.check(&[]);
    assert_eq!(report.code, 78);
    assert!(report.bad().contains("failure server.tls.key (): "), "{}", report.bad());
    assert!(report.bad().contains("is not the key of the first certificate"), "{}", report.bad());
    assert!(report.has(("skipped", "kafka", &["put the settings right first"])), "{}", report.bad());
}

#[test]
fn file_with_a_secret_is_there_and_for_the_bridge_alone() {
    let bridge = Bridge::new(NOBODY);
    let path = bridge.folder.path().join("secret");
    let bridge = bridge
        .with("sources.main.signature.secrets=[]")
        .with(format!("sources.main.signature.secrets_file={}", path.display()));
    let report = bridge.check(&[]);
    assert_eq!(report.code, 78);
    assert!(report.bad().contains("failure sources.main.signature.secrets_file (): "), "{}", report.bad());
    fs::write(&path, "a-secret-for-tests").expect("a file");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("a mode");
    let key = "sources.main.signature.secrets_file";
    says("world-readable", &bridge, ("warning", key, &["every user of this machine can read", "chmod o-r"]));
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a mode");
    says("shut", &bridge, ("ok", key, &["can be read"]));
}

/// The bridge of these tests requires a signature, so it accepts the live dialect only.
#[test]
fn route_that_takes_no_signed_event_is_warned_of_with_the_field_to_write() {
    let routes = |condition: &str| {
        let bridge = Bridge::new(NOBODY);
        let topics = format!("{}calls", bridge.prefix);
        bridge.with(format!("routes=[{{match: call.*, when: {{{condition}}}, topics: [\"{topics}\"]}}]"))
    };
    let key = "routes[0].when./data/direction";
    let words = ["routes[0]", "`/data/direction`", "live dialect", "write `direction`"];
    let pointed = routes("/data/direction: inbound");
    for args in [&["--offline"][..], &[]] {
        pointed.check(args).says("pointer of the other dialect", ("warning", key, &words));
    }
    assert_eq!(pointed.check(&["--offline", "--strict"]).code, 1);
    let named = routes("direction: inbound").check(&["--offline", "--strict"]);
    assert_eq!((named.code, named.bad().as_str()), (0, ""));
    let both = routes("/data/call_info/direction: Incoming").with(UNSIGNED).check(&["--offline"]);
    let key = "routes[0].when./data/call_info/direction";
    both.says(
        "pointer of the signed dialect",
        ("warning", key, &["documented dialect", "write `direction`"]),
    );
    let live = routes("/data/call_info/direction: Incoming").check(&["--offline"]);
    assert_eq!(live.bad(), "", "the source takes no other dialect");
}

#[test]
fn offline_asks_nobody_and_exit_codes_tell_settings_from_the_rest() {
    let bridge = Bridge::new(&free_address());
    let offline = bridge.check(&["--offline"]);
    assert_eq!((offline.code, offline.bad().as_str()), (0, ""));
    assert_eq!(bridge.check(&[]).code, 1);
    let warned = bridge.with("server.listen=0.0.0.0:0");
    assert_eq!(warned.check(&["--offline"]).code, 0);
    assert_eq!(warned.check(&["--offline", "--strict"]).code, 1);
    assert_eq!(warned.with("spool.directry=/x").check(&["--offline", "--strict"]).code, 78);
}

#[test]
fn low_limit_on_open_files_is_named() {
    let bridge = Bridge::new(NOBODY).with("server.workers=2");
    let mut args = vec!["check", "--json"];
    args.extend(bridge.settings.iter().flat_map(|setting| ["--set", setting]));
    let mut process = Process::bridge_after("ulimit -n 256", &args, &[]);
    process.wait_exit(WITHIN);
    let report: Value = serde_json::from_str(&process.stdout().concat()).expect("a report");
    let findings = report["findings"].as_array().expect("findings");
    let named = findings.iter().find(|finding| finding["key"] == "open_files").expect("a finding");
    assert_eq!(named["level"], "warning");
    let text = named["text"].as_str().expect("a text");
    assert!(text.contains("limit of 256") && text.contains("54 connections"), "{text}");
    assert!(named["fix"].as_str().is_some_and(|fix| fix.contains("4298")), "{named}");
}
