use super::events::{documented, live};
use super::markers::{contains_marker, marker};
use super::trace_level_logs::{FORMATS, VerboseBridge};
use crate::kit::kafka::Kafka;
use chrono::Utc;
use justcall_events::signature::{SIGNATURE, TIMESTAMP, VERSION, sign};
use std::fs;
use std::path::{Path, PathBuf};

const SIGNED: &str = "/hooks/signed";
const BY_TOKEN: &str = "/hooks/token";

struct Secrets {
    inline: String,
    environment: String,
    file: String,
    token: String,
    token_from_file: String,
    url: String,
    secrets_file: PathBuf,
    token_file: PathBuf,
}

impl Secrets {
    fn write(folder: &Path) -> Self {
        let secrets = Self {
            inline: marker("inline"),
            environment: marker("environment"),
            file: marker("file"),
            token: marker("token"),
            token_from_file: marker("tokenfile"),
            url: format!("https://x.example/{}", marker("allowed")),
            secrets_file: folder.join("secrets"),
            token_file: folder.join("tokens"),
        };
        fs::write(&secrets.secrets_file, format!("{}\n", secrets.file)).expect("a file");
        fs::write(&secrets.token_file, format!("{}\n", secrets.token_from_file)).expect("a file");
        secrets
    }

    fn start(&self, format: &str) -> VerboseBridge {
        let settings = [
            format!("sources.signed.path={SIGNED}"),
            format!("sources.signed.signature.secrets=[\"{}\"]", self.inline),
            format!("sources.signed.signature.secrets_file={}", self.secrets_file.display()),
            format!("sources.signed.signature.urls={}", self.url),
            format!("sources.from-env.path={SIGNED}/env"),
            format!("sources.bearer.path={BY_TOKEN}"),
            format!("sources.bearer.token={}", self.token),
            format!("sources.bearer.token_file={}", self.token_file.display()),
            "sources.bearer.signature.required=false".into(),
            format!("sources.watching.path={SIGNED}/monitor"),
            format!("sources.watching.signature.secrets={}", self.inline),
            "sources.watching.signature.mode=monitor".into(),
        ];
        let settings: Vec<_> = settings.iter().map(String::as_str).collect();
        let env = ("JUSTCALL_BRIDGE__SOURCES__FROM_ENV__SIGNATURE__SECRETS", self.environment.as_str());
        VerboseBridge::start(format, Kafka::shared().bootstrap(), &settings, &[env])
    }
}

fn signed(bridge: &VerboseBridge, path: &str, secret: &str, url: &str, at: &str, body: &[u8]) -> String {
    let signature = sign(secret, url, "call.completed", at);
    bridge.post_with(path, &[(SIGNATURE, &signature), (VERSION, "v1"), (TIMESTAMP, at)], body)
}

#[test]
fn secrets_tokens_and_signatures_are_never_shown() {
    for format in FORMATS {
        let folder = tempfile::tempdir().expect("a folder");
        let secrets = Secrets::write(folder.path());
        let bridge = secrets.start(format);
        bridge.wait_ready(true);
        signatures(&bridge, &secrets);
        tokens(&bridge, &secrets);
        changed_files(&bridge, &secrets);
        let records = bridge.records("call.completed", 9);
        assert!(records.iter().all(|read| contains_marker(&read.value)), "the topic lacks a sent event");
        bridge.finish();
    }
}

fn signatures(bridge: &VerboseBridge, secrets: &Secrets) {
    let now = Utc::now().format("%Y-%m-%d %H:%M:%S").to_string();
    let (now, url) = (now.as_str(), secrets.url.as_str());
    for secret in [&secrets.inline, &secrets.file] {
        assert_eq!(signed(bridge, SIGNED, secret, url, now, &live(url)), "200 acked");
    }
    let from_env = format!("{SIGNED}/env");
    assert_eq!(signed(bridge, &from_env, &secrets.environment, url, now, &live(url)), "200 acked");
    let wrong = |secret: &str, url: &str, at: &str| signed(bridge, SIGNED, secret, url, at, &live(url));
    assert_eq!(wrong(&marker("othersecret"), url, now), "503 signature_mismatch");
    assert_eq!(wrong(&secrets.inline, url, "2024-03-21 17:08:22"), "503 signature_stale");
    assert_eq!(wrong(&secrets.inline, &super::events::url(), now), "401 signature_url");
    assert_eq!(wrong(&secrets.inline, url, &marker("time")), "401 signature_malformed");
    let shown = |signature: &str, version: &str, body: &[u8]| {
        bridge.post_with(SIGNED, &[(SIGNATURE, signature), (VERSION, version), (TIMESTAMP, now)], body)
    };
    assert_eq!(shown(&marker("signature"), "v1", &live(url)), "401 signature_malformed");
    assert_eq!(shown(&marker("signature"), &marker("version"), &live(url)), "401 signature_version");
    assert_eq!(shown(&"0".repeat(64), "v1", &documented()), "401 signature_no_url");
    assert_eq!(bridge.post_with(SIGNED, &[], &live(url)), "401 signature_missing");
    assert_eq!(shown(&"0".repeat(64), "v1", marker("broken").as_bytes()), "401 unverifiable");
    let watched = format!("{SIGNED}/monitor");
    assert_eq!(signed(bridge, &watched, &marker("othersecret"), url, now, &live(url)), "200 acked");
    assert_eq!(bridge.post_with(&watched, &[(VERSION, &marker("version"))], &live(url)), "200 acked");
}

fn tokens(bridge: &VerboseBridge, secrets: &Secrets) {
    for token in [&secrets.token, &secrets.token_from_file] {
        let bearer = format!("Bearer {token}");
        let behind = format!("{BY_TOKEN}/{token}?{}", marker("query"));
        assert_eq!(bridge.post_with(BY_TOKEN, &[("authorization", &bearer)], &documented()), "200 acked");
        assert_eq!(bridge.post_with(&behind, &[], &documented()), "200 acked");
    }
    let bearer = format!("Bearer {}", marker("wrongtoken"));
    assert_eq!(bridge.post_with(BY_TOKEN, &[("authorization", &bearer)], &documented()), "401 token");
    let basic = format!("Basic {}", marker("credentials"));
    assert_eq!(bridge.post_with(BY_TOKEN, &[("authorization", &basic)], &documented()), "401 token");
    let behind = format!("{BY_TOKEN}/{}", marker("wrongtoken"));
    assert_eq!(bridge.post_with(&behind, &[], &documented()), "401 token");
    let deeper = format!("{BY_TOKEN}/{}/{}", secrets.token, marker("deeper"));
    assert_eq!(bridge.post_with(&deeper, &[], &documented()), "404 unknown_path");
}

fn changed_files(bridge: &VerboseBridge, secrets: &Secrets) {
    fs::write(&secrets.secrets_file, marker("rotated")).expect("a file");
    bridge.wait_for_line("file changed; the new content is in force");
    fs::write(&secrets.secrets_file, [marker("notext").as_bytes(), b"\xff"].concat()).expect("a file");
    fs::write(&secrets.token_file, format!("{} with spaces", marker("badtoken"))).expect("a file");
    bridge.wait_for_line("the file is not UTF-8 text");
    bridge.wait_for_line("a token is 16 or more");
}
