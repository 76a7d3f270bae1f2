use super::chart::{Rendered, render};
use super::project;
use super::tools::{self, CHART, both, documents, helms, template};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Output;

fn least() -> PathBuf {
    project(CHART).join("ci/least-values.yaml")
}

fn with_file(helm: &Path, values: &str) -> Output {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let least = std::fs::read_to_string(least()).expect("values");
    std::fs::write(file.path(), format!("{least}\n{values}")).expect("a file");
    template(helm, Some(file.path()), &[])
}

fn rendered(settings: &[&str]) -> Rendered {
    let folder = tempfile::tempdir().expect("a temporary folder");
    render(folder.path(), least(), settings)
}

/// Skips paths that are null by default.
fn paths(value: &Value, prefix: &str, found: &mut Vec<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        if !value.is_null() {
            found.push(path.clone());
            paths(value, &path, found);
        }
    }
}

#[test]
fn every_value_set_to_null_works_or_is_named_in_the_message() {
    let mut all = Vec::new();
    paths(&documents(&project(CHART).join("values.yaml"))[0], "", &mut all);
    let own = ["settings.server", "settings.admin", "settings.kafka", "settings.kafka.properties"];
    let more = ["settings.sources", "settings.sources.main", "settings.topics", "settings.telemetry"];
    let last = ["settings.shutdown", "settings.spool", "settings.sources.main.signature"];
    all.extend(own.iter().chain(&more).chain(&last).map(|path| (*path).to_owned()));
    let mut wrong = Vec::new();
    for path in all {
        let enabled = [
            "ingress.enabled=true,httpRoute.enabled=true,autoscaling.enabled=true",
            "metrics.serviceMonitor.enabled=true,metrics.prometheusRule.enabled=true",
            "networkPolicy.enabled=true,externalSecret.enabled=true",
            "externalSecret.data[0].secretKey=k,externalSecret.data[0].remoteRef.key=k",
            &format!("{path}=null"),
        ];
        let output = template(&helms()[1], Some(&least()), &enabled);
        let printed = both(&output);
        let last = path.rsplit('.').next().expect("a key");
        let is_clear = output.status.success() || printed.contains(last);
        if !is_clear
            || ["nil pointer", "zero Value", "<nil>", "wrong type"].iter().any(|m| printed.contains(m))
        {
            wrong.push(format!("{path}: {printed:.400}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn sections_set_to_null_are_named() {
    for helm in helms() {
        for section in ["kafka", "kafka.tls", "source", "source.token", "persistence", "ingress", "image"] {
            let output = template(helm, Some(&least()), &[&format!("{section}=null")]);
            assert!(!output.status.success(), "{section}");
            let printed = both(&output);
            assert!(printed.contains(&format!("{section} is null")), "{section}: {printed}");
        }
    }
}

#[test]
fn secrets_as_plain_values_are_refused_with_a_remedy() {
    for (values, key, way) in [
        (
            "kafka: {properties: {sasl.password: hush}}",
            "kafka.properties.sasl.password",
            "kafka.secretProperties",
        ),
        (
            "kafka: {properties: {SSL.Key.Password: hush}}",
            "kafka.properties.SSL.Key.Password",
            "kafka.secretProperties",
        ),
        (
            "kafka: {properties: {ssl.key.pem: hush}}",
            "kafka.properties.ssl.key.pem",
            "kafka.secretProperties",
        ),
        (
            "kafka: {properties: {sasl.oauthbearer.client.secret: hush}}",
            "client.secret",
            "kafka.secretProperties",
        ),
        ("kafka: {properties: {sasl.jaas.config: hush}}", "sasl.jaas.config", "kafka.secretProperties"),
        (
            "settings: {kafka: {properties: {sasl.password: hush}}}",
            "settings.kafka.properties.sasl.password",
            "kafka.secretProperties",
        ),
        (
            "settings: {kafka: {properties: {sasl: {password: hush}}}}",
            "settings.kafka.properties.sasl.password",
            "kafka.secretProperties",
        ),
        (
            "settings: {sources: {main: {token: hush}}}",
            "settings.sources.main.token",
            "source.token.existingSecret",
        ),
        (
            "settings: {sources: {main: {signature: {secrets: [hush]}}}}",
            "settings.sources.main.signature.secrets",
            "source.signature.existingSecret",
        ),
        (
            "settings: {sources: {main: {signature: {secrets: hush}}}}",
            "settings.sources.main.signature.secrets",
            "source.signature.existingSecret",
        ),
        (
            "settings: {sources: {two: {path: /two, signature: {required: false}, token: hush}}}",
            "settings.sources.two.token",
            "token_file",
        ),
        (
            "settings: {telemetry: {otlp_headers: {api-key: hush}}}",
            "settings.telemetry.otlp_headers",
            "otlp_headers_files",
        ),
        (
            "extraEnv: [{name: JUSTCALL_BRIDGE__SOURCES__MAIN__TOKEN, value: hush}]",
            "JUSTCALL_BRIDGE__SOURCES__MAIN__TOKEN",
            "valueFrom",
        ),
        (
            "extraEnv: [{name: JUSTCALL_BRIDGE__KAFKA__PROPERTIES__SASL_PASSWORD, value: hush}]",
            "SASL_PASSWORD",
            "valueFrom",
        ),
        (
            r#"extraEnv: [{name: JUSTCALL_BRIDGE__SOURCES__MAIN, value: '{"token": "hush"}'}]"#,
            "JUSTCALL_BRIDGE__SOURCES__MAIN",
            "valueFrom",
        ),
        (
            r#"extraEnv: [{name: JUSTCALL_BRIDGE__KAFKA__PROPERTIES, value: '{"sasl.password": "hush"}'}]"#,
            "JUSTCALL_BRIDGE__KAFKA__PROPERTIES",
            "valueFrom",
        ),
    ] {
        for helm in helms() {
            let output = with_file(helm, values);
            let printed = both(&output);
            assert!(!output.status.success(), "{values}");
            assert!(printed.contains(key) && printed.contains(way), "{values}: {printed}");
            assert!(!printed.contains("hush"), "{values}: {printed}");
        }
    }
    for values in [
        "kafka: {properties: {ssl.key.location: /mnt/key, sasl.kerberos.keytab: /mnt/keytab}}",
        "kafka: {properties: {sasl.oauthbearer.token.endpoint.url: 'https://id.example.com/token'}}",
        "settings: {sources: {main: {token_file: /mnt/token, signature: {secrets: []}}}}",
        "extraEnv: [{name: JUSTCALL_BRIDGE__SOURCES__MAIN__TOKEN, valueFrom: {secretKeyRef: {name: s, key: k}}}]",
        "extraEnv: [{name: JUSTCALL_BRIDGE__SOURCES__MAIN__TOKEN_FILE, value: /mnt/token}]",
    ] {
        let output = with_file(&helms()[1], values);
        assert!(output.status.success(), "{values}: {}", both(&output));
    }
}

#[test]
fn admin_listener_on_loopback_is_refused() {
    for address in
        ["127.0.0.1:8081", "127.9.0.1:8081", "localhost:8081", "[::1]:8081", "[::ffff:127.0.0.1]:8081"]
    {
        for helm in helms() {
            let output = with_file(helm, &format!("settings: {{admin: {{listen: '{address}'}}}}"));
            assert!(!output.status.success(), "{address}");
            let printed = both(&output);
            assert!(
                printed.contains("settings.admin.listen") && printed.contains("loopback"),
                "{address}: {printed}"
            );
        }
    }
    let variable = "extraEnv: [{name: JUSTCALL_BRIDGE__ADMIN__LISTEN, value: '127.0.0.1:8081'}]";
    let printed = both(&with_file(&helms()[1], variable));
    assert!(printed.contains("JUSTCALL_BRIDGE__ADMIN__LISTEN") && printed.contains("loopback"), "{printed}");
    let open = with_file(&helms()[1], "settings: {admin: {listen: '[::]:8081'}}");
    assert!(open.status.success(), "{}", both(&open));
    let ingress = with_file(&helms()[1], "settings: {server: {listen: 'localhost:8080'}}");
    assert!(both(&ingress).contains("settings.server.listen"), "{}", both(&ingress));
}

#[test]
fn unquoted_numbers_and_booleans_are_refused_where_a_string_is_required() {
    for (before, after, key) in [
        ("settings: {topics: {prefix: ", "}}", "prefix"),
        ("settings: {topics: {config: {retention.ms: ", "}}}", "retention.ms"),
        ("kafka: {properties: {sasl.username: ", "}}", "sasl.username"),
        ("settings: {kafka: {properties: {client.id: ", "}}}", "client.id"),
        ("settings: {sources: {main: {token: ", "}}}", "token"),
        ("settings: {sources: {main: {signature: {secrets: [", "]}}}}", "secrets"),
        ("settings: {dead_letter: {topic: ", "}}", "topic"),
        ("settings: {telemetry: {otlp_headers: {a: ", "}}}", "otlp_headers"),
        ("settings: {routes: [{match: call.*, topics: ", "}]}", "topics"),
        ("settings: {routes: [{match: call.*, topics: x, when: {/data/x: ", "}}]}", "when"),
        ("settings: {routes: [{match: call.*, topics: x, headers: {a: ", "}}]}", "headers"),
        ("settings: {route_templates: {a: ", "}}", "route_templates"),
        ("commonLabels: {a: ", "}", "commonLabels"),
        ("podLabels: {a: ", "}", "podLabels"),
        ("podAnnotations: {a: ", "}", "podAnnotations"),
        ("nodeSelector: {a: ", "}", "nodeSelector"),
        ("extraEnv: [{name: A, value: ", "}]", "extraEnv"),
        ("image: {tag: ", "}", "tag"),
        ("nameOverride: ", "", "nameOverride"),
    ] {
        for value in ["0017", "+49", "10.", "1e3", "no", "true"] {
            let values = format!("{before}{value}{after}");
            for helm in helms() {
                let output = with_file(helm, &values);
                let printed = both(&output);
                assert!(!output.status.success(), "{values}");
                assert!(printed.contains(key) && printed.contains("in quotes"), "{values}: {printed}");
            }
        }
    }
    for name in ["0017", "no", "1.5"] {
        let output = with_file(&helms()[1], &format!("settings: {{sources: {{{name}: {{path: /x}}}}}}"));
        assert!(!output.status.success(), "{name}");
        assert!(both(&output).contains("number or a boolean"), "{name}: {}", both(&output));
    }
    let header = with_file(&helms()[1], "settings: {routes: [{match: call.*, topics: x, headers: {no: a}}]}");
    assert!(both(&header).contains("number or a boolean"), "{}", both(&header));
    let quoted =
        "settings: {topics: {prefix: '0017'}, routes: [{match: call.*, topics: '10', continue: true}]}";
    let output = with_file(&helms()[1], quoted);
    assert!(output.status.success(), "{}", both(&output));
    assert!(both(&output).contains("prefix: \"0017\""), "{}", both(&output));
}

#[test]
fn last_log_lines_are_the_termination_message() {
    let set = rendered(&[]);
    let container = &set.pod()["containers"][0];
    assert_eq!(container["terminationMessagePolicy"], "FallbackToLogsOnError");
}

#[test]
fn network_policy_allows_only_the_configured_dns() {
    let dns = |settings: &[&str]| {
        let all: Vec<&str> = [&["networkPolicy.enabled=true"], settings].concat();
        rendered(&all).only(&["NetworkPolicy"])["spec"]["egress"][0].clone()
    };
    let usual = dns(&[]);
    let peer = &usual["to"][0];
    let namespace = json!({"kubernetes.io/metadata.name": "kube-system"});
    assert_eq!(peer["namespaceSelector"]["matchLabels"], namespace);
    assert_eq!(peer["podSelector"]["matchLabels"], json!({"k8s-app": "kube-dns"}));
    assert_eq!(usual["ports"], json!([{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]));
    let own = dns(&["networkPolicy.dnsTo[0].ipBlock.cidr=169.254.20.10/32", "networkPolicy.dnsPorts={5353}"]);
    assert_eq!(own["to"], json!([{"ipBlock": {"cidr": "169.254.20.10/32"}}]));
    assert_eq!(own["ports"], json!([{"port": 5353, "protocol": "UDP"}, {"port": 5353, "protocol": "TCP"}]));
}

#[test]
fn memory_limit_is_above_the_bound_of_the_process() {
    let text = std::fs::read_to_string(project("docs/operations/hardening.md")).expect("a document");
    let bound = text.split_once("cache: **").expect("the bound").1;
    let bound: u64 = bound.split_once(" MiB**").expect("MiB").0.parse().expect("a number");
    let limit = rendered(&[]).pod()["containers"][0]["resources"]["limits"]["memory"].clone();
    let limit: u64 =
        limit.as_str().and_then(|text| text.strip_suffix("Mi")).expect("Mi").parse().expect("a number");
    assert!(limit * 4 >= bound * 5, "a quarter for the kernel's buffers: {limit} of {bound} MiB");
}

#[test]
fn notes_find_the_pod_that_fails_and_trust_a_private_authority() {
    let private = ["tls.existingSecret=certificate,tls.caKey=ca.crt"];
    let notes = tools::notes(&least(), &private);
    let selector = "app.kubernetes.io/instance=release,app.kubernetes.io/name=justcall-kafka-bridge";
    assert!(
        notes.contains(&format!("kubectl get pods --namespace webhooks --selector {selector}\n")),
        "{notes}"
    );
    assert!(notes.contains("{.metadata.name}: {.status.containerStatuses[*].lastState.terminated.message}"));
    assert!(notes.contains("--ca-file /run/secrets/justcall-bridge/tls/ca.crt"), "{notes}");
    assert!(!tools::notes(&least(), &["tls.existingSecret=certificate"]).contains("--ca-file"));
}
