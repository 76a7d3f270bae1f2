//! What settings that are right leave open, for whoever asks.

use super::settings::Settings;
use crate::http::certificate_fault;
use crate::ingest::SourceConfig;
use crate::signature::Mode;
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
    /// Who can do what, and how to stop them.
    pub reason: String,
}

/// JustCall goes on retrying for 6 minutes, perhaps with the time that it signed first; some slack.
const RETRIED_FOR: Duration = Duration::from_secs(10 * 60);

/// Beyond it a signed request that somebody caught is of use for too long.
const LONG_TOLERANCE: Duration = Duration::from_secs(60 * 60);

impl Settings {
    /// Every door that these settings leave open, those of the sources first. Looks at the permissions
    /// of the files that are named.
    pub fn open_doors(&self) -> Vec<OpenDoor> {
        let mut doors = Doors(Vec::new());
        for source in &self.ingest.sources {
            doors.source(source);
            doors.replay(source, self.ingest.deduplication.window);
        }
        doors.files(self);
        doors.listeners(self);
        doors.kafka(self);
        doors.0
    }
}

struct Doors(Vec<OpenDoor>);

impl Doors {
    fn add(&mut self, key: impl Into<String>, reason: impl Into<String>) {
        self.0.push(OpenDoor { key: key.into(), reason: reason.into() });
    }

    /// Who can send events.
    fn source(&mut self, source: &SourceConfig) {
        let at = format!("sources.{}", source.name);
        let signature = &source.signature;
        match (signature.is_required(), source.takes_token()) {
            (true, _) => {}
            (false, false) => self.add(
                format!("{at}.signature.required"),
                format!(
                    "whoever finds `{}` can send events, and fill the dead-letter topic: set a secret, or at least a token",
                    source.path
                ),
            ),
            (false, true) => self.add(
                format!("{at}.signature.required"),
                "events need the token alone: whoever sees one request can send events",
            ),
        }
        if signature.is_required() && signature.mode == Mode::Monitor {
            let reason = "signatures are verified and counted, and nothing is turned away: \
                          set `enforce` once signatures_total shows none but valid ones";
            self.add(format!("{at}.signature.mode"), reason);
        }
        if signature.is_required() && signature.urls.is_empty() {
            let reason = "what JustCall signed for any other endpoint of the same account passes here too: list this endpoint's URL";
            self.add(format!("{at}.signature.urls"), reason);
        }
    }

    /// How long a signed request is of use to who caught it.
    fn replay(&mut self, source: &SourceConfig, remembered: Duration) {
        let (name, tolerance) = (&source.name, source.signature.tolerance);
        if !source.signature.is_required() {
            return;
        }
        if tolerance < RETRIED_FOR {
            let reason = "shorter than JustCall retries, perhaps with the time that it signed first: retries could be refused as stale; 10m is enough";
            self.add(format!("sources.{name}.signature.tolerance"), reason);
        }
        if tolerance > LONG_TOLERANCE {
            let reason = "for so long a signed request that somebody caught can be sent again with other data: 15m is enough";
            self.add(format!("sources.{name}.signature.tolerance"), reason);
        }
        if remembered < 2 * tolerance {
            let reason = format!(
                "shorter than twice `sources.{name}.signature.tolerance`: a request that somebody caught can be sent again and is written again"
            );
            self.add("deduplication.window", reason);
        }
    }

    /// Who on this machine can read the secrets.
    fn files(&mut self, settings: &Settings) {
        let tls = &settings.server.tls;
        let of_sources = settings.ingest.sources.iter().flat_map(|source| {
            let at = format!("sources.{}", source.name);
            [
                (format!("{at}.signature.secrets_file"), source.signature.secrets_file.as_deref()),
                (format!("{at}.token_file"), source.token_file.as_deref()),
            ]
        });
        let properties = settings
            .property_files
            .iter()
            .map(|(name, path)| (format!("kafka.properties_files.{name}"), Some(Path::new(path))));
        let key = ("server.tls.key".to_owned(), tls.key.as_deref());
        for (setting, path) in of_sources.chain(properties).chain([key]) {
            if let Some(path) = path.filter(|path| is_open_to_all(path)) {
                self.add(
                    setting,
                    format!("every user of this machine can read {}: chmod o-r", path.display()),
                );
            }
        }
    }

    /// Who can listen in on the way here.
    fn listeners(&mut self, settings: &Settings) {
        let (server, admin) = (settings.server.listen, settings.admin.listen);
        if settings.server.tls.certificate.is_none() && !is_local(server) {
            let reason = "webhooks arrive as plain HTTP: personal data and tokens can be read on the way unless a proxy in front ends TLS";
            self.add("server.tls", reason);
        }
        if let Some(fault) = certificate_fault(&settings.server.tls) {
            self.add("server.tls.certificate", format!("{fault}: until then nobody is likely to connect"));
        }
        if admin.ip().is_unspecified() {
            let reason =
                format!("probes and metrics answer whoever reaches port {}: keep it inside", admin.port());
            self.add("admin.listen", reason);
        }
    }

    /// Who can listen in on the way to Kafka, or pass for it.
    fn kafka(&mut self, settings: &Settings) {
        let property =
            |name: &str| settings.kafka.properties.get(name).map_or("", |value| value.expose().trim());
        let protocol = property("security.protocol").to_ascii_lowercase();
        let encrypts = matches!(protocol.as_str(), "ssl" | "sasl_ssl");
        if !encrypts && !settings.kafka.bootstrap_servers.split(',').all(is_local_server) {
            let reason = "events cross the network to Kafka unencrypted: set SSL or SASL_SSL";
            self.add("kafka.properties.security.protocol", reason);
        }
        if !encrypts
            && protocol == "sasl_plaintext"
            && property("sasl.mechanism").eq_ignore_ascii_case("plain")
        {
            let reason = "PLAIN sends the password itself, here unencrypted: set SASL_SSL";
            self.add("kafka.properties.sasl.mechanism", reason);
        }
        for (name, off, reason) in [
            (
                "enable.ssl.certificate.verification",
                "false",
                "anybody on the way can pass for Kafka: certificates are not verified",
            ),
            (
                "ssl.endpoint.identification.algorithm",
                "none",
                "whoever has any certificate of the same authority can pass for Kafka: its name is not verified",
            ),
        ] {
            if encrypts && property(name).eq_ignore_ascii_case(off) {
                self.add(format!("kafka.properties.{name}"), reason);
            }
        }
    }
}

fn is_open_to_all(path: &Path) -> bool {
    const READ_BY_OTHERS: u32 = 0o004;
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & READ_BY_OTHERS != 0)
}

fn is_local(address: SocketAddr) -> bool {
    address.ip().is_loopback()
}

fn is_local_server(server: &str) -> bool {
    let host = server.trim().rsplit_once(':').map_or(server, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
