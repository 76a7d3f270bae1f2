//! Sender of sample events: bodies, credentials, requests and counts of answers.

mod credentials;
mod post;
mod summary;
mod template;

pub(crate) use post::SendPlan;
pub(crate) use summary::SendSummary;

use crate::input;
use crate::secret::SecretFileError;
use credentials::RequestCredentials;
use justcall_events::{Dialect, KnownType, samples};
use post::Body;
use reqwest::{Certificate, Url};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use template::Template;

#[derive(Debug)]
pub(crate) struct SendOptions {
    pub(crate) to: BridgeUrl,
    /// Address to connect to instead of that of the URL's host.
    pub(crate) address: Option<IpAddr>,
    /// PEM file with the certificates to trust instead of the system's.
    pub(crate) ca_file: Option<PathBuf>,
    /// Signing secrets, the newest last.
    pub(crate) secrets_file: Option<PathBuf>,
    /// Bearer tokens, the newest last.
    pub(crate) token_file: Option<PathBuf>,
    /// Events of one round.
    pub(crate) events: SentEvents,
    pub(crate) rounds: u64,
    pub(crate) concurrency: usize,
}

#[derive(Debug)]
pub(crate) enum SentEvents {
    /// `-`: standard input.
    File(PathBuf),
    /// Samples of JustCall's reference.
    Samples {
        /// `None`: all of the dialect.
        types: Option<Vec<KnownType>>,
        dialect: Dialect,
        /// Sends the samples unchanged.
        repeat_exactly: bool,
        /// Address in the samples. `None`: the URL to post to.
        webhook_url: Option<String>,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct BridgeUrl(Url);

#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error("the {dialect} dialect has no {event}; --dialect {other} does")]
    OtherDialect { event: KnownType, dialect: Dialect, other: Dialect },
    #[error("cannot read {0}: {1}")]
    File(String, io::Error),
    #[error("--ca-file: {0} holds no certificate in PEM")]
    Authority(String),
    #[error("{option} {}: {reason}", path.display())]
    Credentials { option: &'static str, path: PathBuf, reason: SecretFileError },
    #[error("the documented dialect carries no signature; add --dialect live")]
    Unsigned,
    #[error("--address takes the place of what the host of --to resolves to, and that is an address itself")]
    NoName,
    #[error("the sample of {0} is broken: {1}")]
    Sample(KnownType, serde_json::Error),
    #[error("cannot start: {0}")]
    Runtime(io::Error),
    /// No server listens, or the network rejects the connection. `to` has no credentials.
    #[error("cannot reach {to}: {why}")]
    Unreachable { to: String, why: String },
    #[error("cannot set up the HTTP client: {0}")]
    Client(String),
}

impl SendError {
    pub(crate) const fn is_usage(&self) -> bool {
        matches!(self, Self::OtherDialect { .. } | Self::Unsigned | Self::NoName)
    }
}

impl SendOptions {
    /// Reads the files and prepares the bodies of a run.
    pub(crate) fn plan(self) -> Result<SendPlan, SendError> {
        let credentials = RequestCredentials::read(self.secrets_file.as_deref(), self.token_file.as_deref())?;
        if credentials.signs()
            && matches!(self.events, SentEvents::Samples { dialect: Dialect::Documented, .. })
        {
            return Err(SendError::Unsigned);
        }
        if self.address.is_some() && self.to.0.domain().is_none() {
            return Err(SendError::NoName);
        }
        Ok(SendPlan {
            authorities: self.ca_file.as_deref().map(authorities).transpose()?,
            credentials,
            bodies: self.events.bodies(&self.to.0)?,
            to: self.to.0,
            address: self.address,
            rounds: self.rounds,
            concurrency: self.concurrency,
        })
    }
}

/// Carries out a plan until its end or until `stop` completes. Calls `on_answer` after each event. Fails if
/// the first connection fails; a later failure counts as a missing answer.
pub(crate) fn send(
    plan: SendPlan,
    on_answer: impl Fn() + Send + Sync + 'static,
    stop: impl Future<Output = ()>,
) -> Result<SendSummary, SendError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(SendError::Runtime)?;
    runtime.block_on(post::send(plan, Box::new(on_answer), stop))
}

impl SentEvents {
    fn bodies(&self, to: &Url) -> Result<Vec<Body>, SendError> {
        match self {
            Self::File(file) => {
                let bytes = input::read_argument(file)
                    .map_err(|error| SendError::File(file.display().to_string(), error))?;
                Ok(vec![Body::Exact(bytes.into())])
            }
            Self::Samples { types, dialect, repeat_exactly, webhook_url } => {
                let webhook_url = webhook_url.as_deref().unwrap_or(to.as_str());
                let body = |(event, sample): (KnownType, &'static str)| {
                    if *repeat_exactly {
                        return Ok(Body::Exact(bytes::Bytes::from_static(sample.as_bytes())));
                    }
                    let template = Template::parse(sample, webhook_url);
                    template.map(Body::Fresh).map_err(|error| SendError::Sample(event, error))
                };
                chosen(types.as_deref(), *dialect)?.into_iter().map(body).collect()
            }
        }
    }
}

fn chosen(
    types: Option<&[KnownType]>,
    dialect: Dialect,
) -> Result<Vec<(KnownType, &'static str)>, SendError> {
    let Some(types) = types else { return Ok(samples(dialect).collect()) };
    let other = match dialect {
        Dialect::Documented => Dialect::Live,
        Dialect::Live => Dialect::Documented,
    };
    let sample_of = |event: &KnownType| {
        samples(dialect).find(|(listed, _)| listed == event).ok_or(SendError::OtherDialect {
            event: *event,
            dialect,
            other,
        })
    };
    types.iter().map(sample_of).collect()
}

fn authorities(file: &Path) -> Result<Vec<Certificate>, SendError> {
    let shown = || file.display().to_string();
    let text = input::read(file).map_err(|error| SendError::File(shown(), error))?;
    match Certificate::from_pem_bundle(input::without_mark(&text)) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(SendError::Authority(shown())),
    }
}

impl FromStr for BridgeUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Self(url)),
            _ => Err("expected a URL such as http://127.0.0.1:8080/webhooks/justcall".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(events: SentEvents) -> SendOptions {
        SendOptions {
            to: "http://127.0.0.1:1/webhooks/justcall".parse().unwrap(),
            address: None,
            ca_file: None,
            secrets_file: None,
            token_file: None,
            events,
            rounds: 1,
            concurrency: 1,
        }
    }

    fn call_completed(repeat_exactly: bool) -> SentEvents {
        let (types, dialect) = (Some(vec![KnownType::CallCompleted]), Dialect::Documented);
        SentEvents::Samples { types, dialect, repeat_exactly, webhook_url: None }
    }

    fn bodies(events: SentEvents) -> Result<Vec<Body>, SendError> {
        options(events).plan().map(|plan| plan.bodies)
    }

    #[test]
    fn type_of_the_other_dialect_is_rejected_with_that_dialect() {
        let error = chosen(Some(&[KnownType::CallIncoming]), Dialect::Documented).unwrap_err();
        assert_eq!(error.to_string(), "the documented dialect has no call.incoming; --dialect live does");
        assert!(error.is_usage());
    }

    #[test]
    fn address_option_with_an_ip_url_is_rejected() {
        let address = Some("127.0.0.2".parse().unwrap());
        let options = SendOptions { address, ..options(call_completed(false)) };
        assert!(matches!(options.plan(), Err(SendError::NoName)));
    }

    #[test]
    fn only_http_urls_are_accepted() {
        assert!("http://127.0.0.1:8080/hook".parse::<BridgeUrl>().is_ok());
        for bad in ["localhost:8080", "ftp://host/", "/webhooks", "http://"] {
            assert!(bad.parse::<BridgeUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn file_is_sent_byte_for_byte() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"{ \"a\":1.0 }\n\xff").unwrap();
        let bodies = bodies(SentEvents::File(file.path().to_owned())).unwrap();
        assert!(
            matches!(bodies.as_slice(), [Body::Exact(bytes)] if bytes.as_ref() == b"{ \"a\":1.0 }\n\xff")
        );
    }

    #[test]
    fn missing_file_is_named() {
        let error = bodies(SentEvents::File("/no/such/file.json".into())).unwrap_err();
        assert!(error.to_string().starts_with("cannot read /no/such/file.json: "), "{error}");
    }

    #[test]
    fn samples_repeat_exactly_on_request() {
        let bodies = bodies(call_completed(true)).unwrap();
        let (_, sample) =
            samples(Dialect::Documented).find(|(event, _)| *event == KnownType::CallCompleted).unwrap();
        assert!(matches!(bodies.as_slice(), [Body::Exact(bytes)] if bytes.as_ref() == sample.as_bytes()));
    }
}
