//! What settings that are right leave open, for whoever asks.

use super::kinds::show_time;
use super::settings::Settings;
use super::tree;
use crate::http::{certificate_expires, certificate_fault};
use crate::ingest::{SignatureMode, SourceConfig};
use crate::kafka::properties::parse_bool;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// A door that the settings leave open: allowed, and worth knowing of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenDoor {
    /// The setting that would shut it.
    pub key: String,
    /// Who can do what.
    pub reason: String,
    /// How to stop them.
    pub fix: String,
}

/// JustCall goes on retrying for 6 minutes, perhaps with the time that it signed first; some slack.
const RETRIED_FOR: Duration = Duration::from_secs(10 * 60);

/// Beyond it a signed request that somebody caught is of use for too long.
const LONG_TOLERANCE: Duration = Duration::from_secs(60 * 60);

/// Permission of every user to read a file.
const READ_BY_OTHERS: u32 = 0o004;

/// Permission of the group, or of every user, to write to a file.
const WRITTEN_BY_OTHERS: u32 = 0o022;

impl Settings {
    /// Returns every door that these settings leave open, those of the sources first. Looks at the
    /// permissions of the settings file and of the files that the settings name.
    pub fn open_doors(&self, file: Option<&Path>) -> Vec<OpenDoor> {
        let mut doors = Doors(Vec::new());
        for source in &self.ingest.sources {
            doors.source(source);
            doors.replay(source, self.ingest.deduplication.window);
        }
        file.into_iter().for_each(|file| doors.settings_file(file));
        doors.files(self);
        doors.listeners(self);
        doors.kafka(self);
        doors.traces(self);
        doors.0
    }

    /// The files with secrets that these settings name, each with its setting.
    pub fn secret_files(&self) -> Vec<(String, &Path)> {
        let of_sources = self.ingest.sources.iter().flat_map(|source| {
            let at = format!("sources.{}", source.name);
            [
                (format!("{at}.signature.secrets_file"), source.signature.secrets_file.as_deref()),
                (format!("{at}.token_file"), source.token_file.as_deref()),
            ]
        });
        let properties = self
            .property_files
            .iter()
            .map(|(name, path)| (format!("kafka.properties_files.{name}"), Some(Path::new(path))));
        let headers = self
            .telemetry
            .otlp
            .header_files
            .iter()
            .map(|(name, path)| (format!("telemetry.otlp_headers_files.{name}"), Some(Path::new(path))));
        let key = ("server.tls.key".to_owned(), self.server.tls.key.as_deref());
        let all = of_sources.chain(properties).chain(headers).chain([key]);
        all.filter_map(|(setting, path)| Some((setting, path?))).collect()
    }

    /// When the certificate that is served expires, in seconds since 1970; `None` without one.
    pub fn certificate_expires(&self) -> Option<u64> {
        certificate_expires(&self.server.tls)
    }
}

struct Doors(Vec<OpenDoor>);

impl Doors {
    fn add(&mut self, key: impl Into<String>, reason: impl Into<String>, fix: impl Into<String>) {
        self.0.push(OpenDoor { key: key.into(), reason: reason.into(), fix: fix.into() });
    }

    /// Who can send events.
    fn source(&mut self, source: &SourceConfig) {
        let at = format!("sources.{}", source.name);
        let signature = &source.signature;
        match (signature.is_required(), source.takes_token()) {
            (true, _) => {}
            (false, false) => self.add(
                format!("{at}.signature.required"),
                format!("whoever finds `{}` can send events, and fill the dead-letter topic", source.path),
                "set a secret, or at least a token",
            ),
            (false, true) => self.add(
                format!("{at}.signature.required"),
                "events need the token alone: whoever sees one request can send events",
                "set a secret, so that JustCall's signature is verified",
            ),
        }
        if signature.is_required() && signature.mode == SignatureMode::Monitor {
            let reason = "signatures are verified and counted, and nothing is turned away";
            let fix = "set `enforce` once signatures_total shows none but valid ones";
            self.add(format!("{at}.signature.mode"), reason, fix);
        }
        if signature.is_required() && signature.urls.is_empty() {
            let reason = "what JustCall signed for any other endpoint of the same account passes here too";
            self.add(format!("{at}.signature.urls"), reason, "list this endpoint's URL");
        }
    }

    /// How long a signed request is of use to who caught it.
    fn replay(&mut self, source: &SourceConfig, remembered: Duration) {
        let (name, tolerance) = (&source.name, source.signature.tolerance);
        if !source.signature.is_required() {
            return;
        }
        if tolerance < RETRIED_FOR {
            let reason = "shorter than JustCall retries, perhaps with the time that it signed first: retries could be refused as stale";
            self.add(format!("sources.{name}.signature.tolerance"), reason, "10m is enough");
        }
        if tolerance > LONG_TOLERANCE {
            let reason =
                "for so long a signed request that somebody caught can be sent again with other data";
            self.add(format!("sources.{name}.signature.tolerance"), reason, "15m is enough");
        }
        if remembered < 2 * tolerance {
            let reason = format!(
                "shorter than twice `sources.{name}.signature.tolerance`: a request that somebody caught can be sent again and is written again"
            );
            let fix = format!("set it to {} or more", show_time(&(2 * tolerance)));
            self.add("deduplication.window", reason, fix);
        }
    }

    /// Adds a settings file that others can change, or whose secrets they can read.
    fn settings_file(&mut self, path: &Path) {
        let mode = mode(path);
        if mode & WRITTEN_BY_OTHERS != 0 {
            let reason =
                "other users of this machine can change these settings, also whose events are accepted";
            self.add(path.display().to_string(), reason, "chmod go-w,o-r");
        } else if mode & READ_BY_OTHERS != 0
            && let Some(key) = tree::secret_in_file(path)
        {
            let reason = format!("every user of this machine can read this secret in {}", path.display());
            self.add(key, reason, "chmod o-r, or put the secret into a file of its own");
        }
    }

    /// Who on this machine can read the secrets.
    fn files(&mut self, settings: &Settings) {
        for (setting, path) in settings.secret_files() {
            let mode = mode(path);
            if mode & WRITTEN_BY_OTHERS != 0 {
                let reason = format!("other users of this machine can replace what is in {}", path.display());
                self.add(setting, reason, "chmod go-w,o-r");
            } else if mode & READ_BY_OTHERS != 0 {
                let reason = format!("every user of this machine can read {}", path.display());
                self.add(setting, reason, "chmod o-r");
            }
        }
    }

    /// Who can listen in on the way here.
    fn listeners(&mut self, settings: &Settings) {
        let (server, admin) = (settings.server.listen, settings.admin.listen);
        if settings.server.tls.certificate.is_none() && !is_local(server) {
            let reason = "webhooks arrive as plain HTTP: personal data and tokens can be read on the way unless a proxy in front ends TLS";
            self.add(
                "server.tls",
                reason,
                "set `server.tls.certificate` and `server.tls.key`, or put a proxy in front",
            );
        }
        if let Some(fault) = certificate_fault(&settings.server.tls) {
            let fix = "until then nobody is likely to connect";
            self.add("server.tls.certificate", fault, fix);
        }
        if admin.ip().is_unspecified() {
            let reason = format!("probes and metrics answer whoever reaches port {}", admin.port());
            self.add("admin.listen", reason, "keep the port inside");
        }
    }

    /// Credentials for the collector of traces that cross the network unencrypted.
    fn traces(&mut self, settings: &Settings) {
        let otlp = &settings.telemetry.otlp;
        let server = otlp.endpoint.as_deref().and_then(|url| url.strip_prefix("http://"));
        let server = server.and_then(|rest| rest.split('/').next());
        if !otlp.headers.is_empty() && server.is_some_and(|server| !is_local_server(server)) {
            let reason = "`otlp_headers` cross the network to the collector unencrypted";
            self.add("telemetry.otlp_endpoint", reason, "use an https URL");
        }
    }

    /// Who can listen in on the way to Kafka, or pass for it.
    fn kafka(&mut self, settings: &Settings) {
        let property =
            |name: &str| settings.kafka.properties.get(name).map_or("", |value| value.expose().trim());
        let protocol = property("security.protocol").to_ascii_lowercase();
        let encrypts = matches!(protocol.as_str(), "ssl" | "sasl_ssl");
        if !encrypts && !settings.kafka.bootstrap_servers.split(',').all(is_local_server) {
            let reason = "events cross the network to Kafka unencrypted";
            self.add("kafka.properties.security.protocol", reason, "set SSL or SASL_SSL");
        }
        if !encrypts
            && protocol == "sasl_plaintext"
            && property("sasl.mechanism").eq_ignore_ascii_case("plain")
        {
            let reason = "PLAIN sends the password itself, here unencrypted";
            self.add("kafka.properties.sasl.mechanism", reason, "set SASL_SSL");
        }
        let certificate = "enable.ssl.certificate.verification";
        let name = "ssl.endpoint.identification.algorithm";
        let checks = [
            (
                certificate,
                parse_bool(property(certificate)) == Some(false),
                "anybody on the way can pass for Kafka: certificates are not verified",
            ),
            (
                name,
                property(name).eq_ignore_ascii_case("none"),
                "whoever has any certificate of the same authority can pass for Kafka: its name is not verified",
            ),
        ];
        for (name, is_open, reason) in checks {
            if encrypts && is_open {
                self.add(format!("kafka.properties.{name}"), reason, format!("leave `{name}` out"));
            }
        }
    }
}

/// Returns a file's permissions, none where they cannot be read.
fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).map_or(0, |file| file.permissions().mode())
}

fn is_local(address: SocketAddr) -> bool {
    address.ip().is_loopback()
}

fn is_local_server(server: &str) -> bool {
    let host = server.trim().rsplit_once(':').map_or(server, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
