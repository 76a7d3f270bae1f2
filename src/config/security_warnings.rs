//! Warnings about valid settings that are not secure.

use super::settings::Settings;
use super::value_types::format_duration;
use crate::http::{certificate_expires, certificate_fault};
use crate::ingest::{SignatureMode, SourceConfig};
use crate::kafka::properties::{is_secret, names_file, parse_bool};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

mod file_access;

pub(crate) use file_access::{AccessExtent, foreign_owner};

#[cfg(test)]
mod tests;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecurityWarning {
    /// Setting that would remove the risk.
    pub(crate) key: String,
    pub(crate) reason: String,
    pub(crate) fix: String,
}

/// JustCall retries for 6 minutes, perhaps with the time of the first signature.
const MIN_TOLERANCE: Duration = Duration::from_secs(10 * 60);

const MAX_TOLERANCE: Duration = Duration::from_secs(60 * 60);

impl Settings {
    /// Examines `file` and the files that the settings name, to `extent`. Warnings about sources are first.
    pub(crate) fn security_warnings(
        &self,
        file: Option<&Path>,
        extent: AccessExtent,
    ) -> Vec<SecurityWarning> {
        let mut warnings = WarningList(Vec::new());
        for source in &self.ingest.sources {
            warnings.source(source);
            warnings.replay(source, self.ingest.deduplication.window);
        }
        if let Some(file) = file {
            warnings.settings_file(file, extent, self.secret_in_file.as_deref());
        }
        warnings.files(self, extent);
        warnings.listeners(self);
        warnings.kafka(self);
        warnings.traces(self);
        warnings.0
    }

    pub(crate) fn secret_files(&self) -> Vec<(String, &Path)> {
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
        all.filter_map(|(setting, path)| Some((setting, path?))).chain(self.kafka_files(true)).collect()
    }

    fn kafka_files(&self, with_secrets: bool) -> impl Iterator<Item = (String, &Path)> {
        let properties = self.kafka.properties.iter();
        let files = properties.filter(move |(name, path)| {
            names_file(name) && is_secret(name) == with_secrets && !path.expose().is_empty()
        });
        files.map(|(name, path)| (self.property_key(name), Path::new(path.expose())))
    }

    /// Returns seconds since 1970.
    pub(crate) fn certificate_expires(&self) -> Option<u64> {
        certificate_expires(&self.server.tls)
    }
}

struct WarningList(Vec<SecurityWarning>);

impl WarningList {
    fn add(&mut self, key: impl Into<String>, reason: impl Into<String>, fix: impl Into<String>) {
        self.0.push(SecurityWarning { key: key.into(), reason: reason.into(), fix: fix.into() });
    }

    /// Warns of clients that can send events without JustCall's signature.
    fn source(&mut self, source: &SourceConfig) {
        let at = format!("sources.{}", source.name);
        let signature = &source.signature;
        match (signature.is_required(), source.takes_token()) {
            (true, _) => {}
            (false, false) => self.add(
                format!("{at}.signature.required"),
                format!(
                    "any client that knows `{}` can send events and fill the dead-letter topic",
                    source.path
                ),
                "set a secret, or at least a token",
            ),
            (false, true) => self.add(
                format!("{at}.signature.required"),
                "events need only the token: any client that sees one request can send events",
                "set a secret, so that JustCall's signature is verified",
            ),
        }
        if signature.is_required() && signature.mode == SignatureMode::Monitor {
            let reason = "signatures are verified and counted, and no event is rejected";
            let fix = "set `enforce` once signatures_total counts only valid signatures";
            self.add(format!("{at}.signature.mode"), reason, fix);
        }
        if signature.is_required() && signature.urls.is_empty() {
            let reason = "a request that JustCall signed for another endpoint of the account is accepted too";
            self.add(format!("{at}.signature.urls"), reason, "list this endpoint's URL");
        }
    }

    /// Warns of signed requests that a third party can send again.
    fn replay(&mut self, source: &SourceConfig, remembered: Duration) {
        let (name, tolerance) = (&source.name, source.signature.tolerance);
        if !source.signature.is_required() {
            return;
        }
        if tolerance < MIN_TOLERANCE {
            let reason = "shorter than the time for which JustCall retries an event with the same signature: retries could be rejected as stale";
            self.add(format!("sources.{name}.signature.tolerance"), reason, "10m is enough");
        }
        if tolerance > MAX_TOLERANCE {
            let reason = "an intercepted signed request can be sent again with other data for this time";
            self.add(format!("sources.{name}.signature.tolerance"), reason, "15m is enough");
        }
        if remembered < 2 * tolerance {
            let reason = format!(
                "shorter than twice `sources.{name}.signature.tolerance`: an intercepted request can be sent again and is written again"
            );
            let fix = format!("set it to {} or more", format_duration(&(2 * tolerance)));
            self.add("deduplication.window", reason, fix);
        }
    }

    /// Warns of a file that others can change, or whose secret they can read.
    fn settings_file(&mut self, path: &Path, extent: AccessExtent, secret: Option<&str>) {
        let writable = file_access::writable(path, extent);
        let ends_reading = writable.as_ref().is_some_and(|writable| writable.ends_reading);
        if let Some(writable) = writable {
            let reason = format!(
                "other users of this machine can change these settings, such as the secrets that events need: {}",
                writable.reason
            );
            self.add(path.display().to_string(), reason, writable.fix);
        }
        if !ends_reading
            && file_access::is_world_readable(path)
            && let Some(key) = secret
        {
            let reason = format!("every user of this machine can read this secret in {}", path.display());
            self.add(key, reason, "chmod o-r, or put the secret into a file of its own");
        }
    }

    /// Warns of secret files that others can read or replace, and of authorities that they can replace.
    fn files(&mut self, settings: &Settings, extent: AccessExtent) {
        let secret = settings.secret_files().into_iter().map(|(setting, path)| (setting, path, true));
        let public = settings.kafka_files(false).map(|(setting, path)| (setting, path, false));
        for (setting, path, is_secret) in secret.chain(public) {
            let writable = file_access::writable(path, extent);
            let ends_reading = writable.as_ref().is_some_and(|writable| writable.ends_reading);
            if let Some(writable) = writable {
                let reason = format!(
                    "other users of this machine can replace the content of {}: {}",
                    path.display(),
                    writable.reason
                );
                let fix = if is_secret || !ends_reading { writable.fix } else { "chmod go-w".into() };
                self.add(setting.clone(), reason, fix);
            }
            if is_secret && !ends_reading && file_access::is_world_readable(path) {
                let reason = format!("every user of this machine can read {}", path.display());
                self.add(setting, reason, "chmod o-r");
            }
        }
    }

    /// Warns of traffic that can be intercepted, and of probes that are open to the network.
    fn listeners(&mut self, settings: &Settings) {
        let (server, admin) = (settings.server.listen, settings.admin.listen);
        if settings.server.tls.certificate.is_none() && !server.ip().is_loopback() {
            let reason = "webhooks arrive as plain HTTP: personal data and tokens can be read in transit unless a proxy terminates TLS";
            self.add(
                "server.tls",
                reason,
                "set `server.tls.certificate` and `server.tls.key`, or put a proxy in front",
            );
        }
        if let Some(fault) = certificate_fault(&settings.server.tls) {
            let fix = "replace it: clients are likely to refuse the connection";
            self.add("server.tls.certificate", fault, fix);
        }
        if admin.ip().is_unspecified() {
            let reason = format!("any client that reaches port {} can read probes and metrics", admin.port());
            self.add("admin.listen", reason, "do not publish the port");
        }
    }

    /// Warns of credentials that cross the network unencrypted.
    fn traces(&mut self, settings: &Settings) {
        let otlp = &settings.telemetry.otlp;
        let url = otlp.endpoint.as_deref().and_then(|url| url.split_once("://"));
        let server = url.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("http"));
        let server = server.and_then(|(_, rest)| rest.split('/').next());
        if !otlp.headers.is_empty() && server.is_some_and(|server| !is_local_server(server)) {
            let reason = "`otlp_headers` cross the network to the collector unencrypted";
            self.add("telemetry.otlp_endpoint", reason, "use an https URL");
        }
    }

    /// Warns of connections that can be intercepted, or answered by another server.
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
            let reason = "PLAIN sends the password, here unencrypted";
            self.add("kafka.properties.sasl.mechanism", reason, "set SASL_SSL");
        }
        let certificate = "enable.ssl.certificate.verification";
        if encrypts && parse_bool(property(certificate)) == Some(false) {
            let reason = "a server on the network path can impersonate Kafka: certificates are not verified";
            self.add(format!("kafka.properties.{certificate}"), reason, format!("remove `{certificate}`"));
        }
        let name = "ssl.endpoint.identification.algorithm";
        if encrypts && property(name).eq_ignore_ascii_case("none") {
            let reason = "a server with any certificate of the same authority can impersonate Kafka: its name is not verified";
            self.add(format!("kafka.properties.{name}"), reason, format!("remove `{name}`"));
        }
    }
}

fn is_local_server(server: &str) -> bool {
    let host = server.trim().rsplit_once(':').map_or(server, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
