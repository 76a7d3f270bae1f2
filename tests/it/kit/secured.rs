use super::java::{java, run};
use super::kafka::{Kafka, Options};
use rdkafka::ClientConfig;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

pub(crate) struct User {
    pub(crate) mechanism: &'static str,
    pub(crate) name: &'static str,
    pub(crate) password: &'static str,
}

pub(crate) const PLAIN: User = User { mechanism: "PLAIN", name: "paul", password: "plain-as-day" };
pub(crate) const SCRAM: User =
    User { mechanism: "SCRAM-SHA-256", name: "sheila", password: "salted-and-hashed" };

pub(crate) struct Secured {
    /// Its own `bootstrap()` is the listener without security.
    pub(crate) kafka: Kafka,
    pub(crate) sasl: String,
    pub(crate) tls: String,
    pub(crate) sasl_tls: String,
    /// Requires a client certificate.
    pub(crate) mutual_tls: String,
    pub(crate) ca: PathBuf,
    _folder: TempDir,
}

impl Kafka {
    /// Creates the users [`PLAIN`] and [`SCRAM`].
    pub(crate) fn start_secured() -> Secured {
        Self::start_secured_with(|options| options)
    }

    /// At first no user has rights; anonymous clients have all.
    pub(crate) fn start_guarded() -> Secured {
        Self::start_secured_with(|options| {
            options
                .property("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer")
                .property("super.users", "User:ANONYMOUS")
        })
    }

    fn start_secured_with(further: impl FnOnce(Options) -> Options) -> Secured {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let keystore = folder.path().join("broker.p12");
        let ca = folder.path().join("ca.pem");
        make_certificate(&keystore, &ca);
        let kafka = Self::start(further(options(&keystore)));
        Secured {
            sasl: kafka.listener("SASL"),
            tls: kafka.listener("TLS"),
            sasl_tls: kafka.listener("SASLTLS"),
            mutual_tls: kafka.listener("MUTUALTLS"),
            kafka,
            ca,
            _folder: folder,
        }
    }
}

/// Operation, resource type and resource name, as Kafka calls them.
pub(crate) type Right<'a> = (&'a str, &'a str, &'a str);

impl Secured {
    /// Applies after a short delay.
    pub(crate) fn grant(&self, user: &User, rights: &[Right<'_>]) {
        let mut command = java(&["-Xmx128m", "-XX:TieredStopAtLevel=1"], "KitAcls");
        command.arg(self.kafka.bootstrap()).arg(user.name);
        for (operation, resource, name) in rights {
            command.args([operation, resource, name]);
        }
        run(&mut command);
    }

    pub(crate) fn sasl_client(&self, user: &User) -> ClientConfig {
        client(&self.sasl, "sasl_plaintext", Some(user), None)
    }

    pub(crate) fn tls_client(&self) -> ClientConfig {
        client(&self.tls, "ssl", None, Some(&self.ca))
    }

    pub(crate) fn sasl_tls_client(&self, user: &User) -> ClientConfig {
        client(&self.sasl_tls, "sasl_ssl", Some(user), Some(&self.ca))
    }
}

fn client(bootstrap: &str, protocol: &str, user: Option<&User>, ca: Option<&Path>) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("security.protocol", protocol);
    if let Some(user) = user {
        config.set("sasl.mechanism", user.mechanism);
        config.set("sasl.username", user.name).set("sasl.password", user.password);
    }
    if let Some(ca) = ca {
        config.set("ssl.ca.location", ca.display().to_string());
    }
    config
}

fn options(keystore: &Path) -> Options {
    let mut options = Options {
        listeners: vec![
            ("SASL", "SASL_PLAINTEXT"),
            ("TLS", "SSL"),
            ("SASLTLS", "SASL_SSL"),
            ("MUTUALTLS", "SSL"),
        ],
        format: vec![
            "--add-scram".to_owned(),
            format!("{}=[name={},password={}]", SCRAM.mechanism, SCRAM.name, SCRAM.password),
        ],
        ..Options::default()
    }
    .property("ssl.keystore.location", &keystore.display().to_string())
    .property("ssl.keystore.type", "PKCS12")
    .property("ssl.keystore.password", STORE_PASSWORD)
    .property("listener.name.mutualtls.ssl.client.auth", "required")
    .property("sasl.enabled.mechanisms", &format!("{},{}", PLAIN.mechanism, SCRAM.mechanism));
    let security = "org.apache.kafka.common.security";
    for listener in ["sasl", "sasltls"] {
        options = options
            .property(
                &format!("listener.name.{listener}.plain.sasl.jaas.config"),
                &format!(
                    "{security}.plain.PlainLoginModule required user_{}=\"{}\";",
                    PLAIN.name, PLAIN.password
                ),
            )
            .property(
                &format!("listener.name.{listener}.scram-sha-256.sasl.jaas.config"),
                &format!("{security}.scram.ScramLoginModule required;"),
            );
    }
    options
}

const STORE_PASSWORD: &str = "for-a-test-run-only";

fn make_certificate(keystore: &Path, ca: &Path) {
    let keytool = || {
        let mut command = Command::new("keytool");
        command.arg("-keystore").arg(keystore).args(["-storetype", "PKCS12"]);
        command.args(["-storepass", STORE_PASSWORD, "-alias", "broker"]);
        command
    };
    run(keytool()
        .args(["-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "30"])
        .args(["-dname", "CN=127.0.0.1", "-ext", "bc:c", "-ext", "san=ip:127.0.0.1"]));
    run(keytool().args(["-exportcert", "-rfc", "-file"]).arg(ca));
}
