use super::project;
use super::tools::{self, CHART, both, documents, helms, template};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

pub(super) struct Rendered {
    pub(super) name: String,
    pub(super) values: PathBuf,
    pub(super) file: PathBuf,
    pub(super) documents: Vec<Value>,
}

impl Rendered {
    pub(super) fn only(&self, kinds: &[&str]) -> &Value {
        let mut found =
            self.documents.iter().filter(|document| kinds.iter().any(|kind| document["kind"] == *kind));
        let first = found.next().unwrap_or_else(|| panic!("{}: none of {kinds:?}", self.name));
        assert!(found.next().is_none(), "{}: several of {kinds:?}", self.name);
        first
    }

    pub(super) fn has(&self, kind: &str) -> bool {
        self.documents.iter().any(|document| document["kind"] == kind)
    }

    pub(super) fn workload(&self) -> &Value {
        self.only(&["StatefulSet", "Deployment"])
    }

    pub(super) fn pod(&self) -> &Value {
        &self.workload()["spec"]["template"]["spec"]
    }

    pub(super) fn settings(&self) -> &str {
        self.only(&["ConfigMap"])["data"]["bridge.yaml"].as_str().expect("settings")
    }
}

/// Uses the newest Helm.
pub(super) fn sets() -> &'static [Rendered] {
    static SETS: OnceLock<(TempDir, Vec<Rendered>)> = OnceLock::new();
    &SETS
        .get_or_init(|| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let mut files: Vec<_> = fs::read_dir(project(CHART).join("ci"))
                .expect("sets of values")
                .map(|entry| entry.expect("an entry").path())
                .collect();
            files.sort();
            let sets = files.into_iter().map(|values| render(folder.path(), values, &[])).collect();
            (folder, sets)
        })
        .1
}

pub(super) fn render(folder: &Path, values: PathBuf, settings: &[&str]) -> Rendered {
    let name = values.file_stem().expect("a name").to_string_lossy().into_owned();
    let output = template(&helms()[1], Some(&values), settings);
    assert!(output.status.success(), "{name}: {}", both(&output));
    let file = folder.join(format!("{name}.yaml"));
    fs::write(&file, output.stdout).expect("a file");
    Rendered { documents: documents(&file), name, values, file }
}

fn with(settings: &[&str]) -> Rendered {
    let folder = tempfile::tempdir().expect("a temporary folder");
    render(folder.path(), project(CHART).join("ci/least-values.yaml"), settings)
}

fn set(name: &str) -> &'static Rendered {
    let name = format!("{name}-values");
    sets().iter().find(|set| set.name == name).unwrap_or_else(|| panic!("no set {name}"))
}

#[test]
fn default_values_render_only_the_default_resources() {
    let kinds: Vec<&str> =
        set("least").documents.iter().map(|document| document["kind"].as_str().expect("a kind")).collect();
    assert_eq!(
        kinds,
        ["PodDisruptionBudget", "ServiceAccount", "ConfigMap", "Service", "Service", "StatefulSet"]
    );
    let workload = set("least").workload();
    assert_eq!(workload["spec"]["replicas"], 2);
    assert_eq!(workload["spec"]["podManagementPolicy"], "Parallel");
    let retained = &workload["spec"]["persistentVolumeClaimRetentionPolicy"];
    assert_eq!((&retained["whenScaled"], &retained["whenDeleted"]), (&"Retain".into(), &"Retain".into()));
    assert!(!set("one").has("PodDisruptionBudget"), "the budget would forbid every eviction");
}

#[test]
fn pods_are_restricted_and_have_no_access_to_the_cluster() {
    for set in sets() {
        let (pod, container) = (set.pod(), &set.pod()["containers"][0]);
        assert_eq!(pod["automountServiceAccountToken"], false, "{}", set.name);
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{}", set.name);
        assert_eq!(pod["securityContext"]["fsGroup"], 65532, "{}", set.name);
        let security = &container["securityContext"];
        assert_eq!(security["runAsNonRoot"], true, "{}", set.name);
        assert_eq!(security["allowPrivilegeEscalation"], false, "{}", set.name);
        assert_eq!(security["readOnlyRootFilesystem"], true, "{}", set.name);
        assert_eq!(security["capabilities"]["drop"][0], "ALL", "{}", set.name);
        for mount in container["volumeMounts"].as_array().expect("mounts") {
            assert!(mount.get("subPath").is_none(), "{}: pods would never be updated", set.name);
        }
    }
}

#[test]
fn grace_period_covers_the_configured_stop() {
    let grace = |settings: &[&str]| with(settings).pod()["terminationGracePeriodSeconds"].as_u64();
    assert_eq!(grace(&[]), Some(10 + 20 + 10));
    assert_eq!(grace(&["settings.shutdown.delay=500ms", "settings.shutdown.timeout=2m"]), Some(1 + 120 + 10));
    assert_eq!(set("mapping").pod()["terminationGracePeriodSeconds"], 90 + 3 + 10);
    assert_eq!(set("placed").pod()["terminationGracePeriodSeconds"], 300, "a person's value overrides");
}

#[test]
fn spool_uses_four_fifths_of_the_volume() {
    for (size, bytes) in [("10Gi", "8589934592 B"), ("1000k", "800000 B"), ("5G", "4000000000 B")] {
        let settings = with(&[&format!("persistence.size={size}")]).settings().to_owned();
        assert!(settings.contains(&format!("max_bytes: {bytes}\n")), "{size}: {settings}");
    }
    assert!(!set("no-volume").settings().contains("spool"), "a Deployment has none");
    assert_eq!(set("no-volume").workload()["kind"], "Deployment");
}

#[test]
fn only_settings_that_need_a_restart_roll_the_pods() {
    let sum = |settings: &[&str]| {
        let set = with(settings);
        let sum = &set.workload()["spec"]["template"]["metadata"]["annotations"]["checksum/settings"];
        sum.as_str().expect("a checksum").to_owned()
    };
    let before = sum(&[]);
    for live in [
        "settings.routes[0].match=call.*,settings.routes[0].topics=calls",
        "settings.unknown_events=dead_letter",
        "settings.topics.partitions=12",
        "settings.topics.create_missing=false",
        "settings.sources.main.validation=strict",
        "replicaCount=7",
    ] {
        assert_eq!(sum(&[live]), before, "{live}");
    }
    for fixed in [
        "settings.server.workers=3",
        "kafka.bootstrapServers=k:9",
        "settings.sources.main.path=/x",
        // Contained in the name of the dead-letter topic, which changes at a restart only.
        "settings.topics.prefix=x.",
    ] {
        assert_ne!(sum(&[fixed]), before, "{fixed}");
    }
}

#[test]
fn pods_that_may_have_a_backlog_are_not_scaled_down_automatically() {
    let behavior =
        |set: &Rendered| set.only(&["HorizontalPodAutoscaler"])["spec"]["behavior"]["scaleDown"].clone();
    assert_eq!(behavior(set("autoscaled"))["selectPolicy"], "Disabled");
    assert_eq!(behavior(set("no-volume"))["policies"][0]["value"], 1);
    // Without a number, the default is 1.
    assert_eq!(set("autoscaled").workload()["spec"]["replicas"], 3);
}

fn selects(selector: &Value, labels: &Value) -> bool {
    let asked = selector.as_object().unwrap_or_else(|| panic!("no selector: {selector}"));
    !asked.is_empty() && asked.iter().all(|(key, value)| labels[key] == *value)
}

#[test]
fn every_selector_matches_the_pods_and_every_port_name_exists() {
    for set in sets() {
        let pod = &set.workload()["spec"]["template"];
        let labels = &pod["metadata"]["labels"];
        let ports = pod["spec"]["containers"][0]["ports"].as_array().expect("ports");
        let is_port = |name: &Value| ports.iter().any(|port| port["name"] == *name);
        let finds = |selector: &Value| assert!(selects(selector, labels), "{}: {selector}", set.name);
        for document in &set.documents {
            let spec = &document["spec"];
            match document["kind"].as_str().expect("a kind") {
                "StatefulSet" | "Deployment" | "PodDisruptionBudget" => {
                    finds(&spec["selector"]["matchLabels"])
                }
                "NetworkPolicy" => finds(&spec["podSelector"]["matchLabels"]),
                "Service" => {
                    finds(&spec["selector"]);
                    let mut targets = spec["ports"].as_array().expect("ports").iter();
                    assert!(targets.all(|port| is_port(&port["targetPort"])), "{}: {spec}", set.name);
                }
                "ServiceMonitor" => {
                    let monitored = set.documents.iter().filter(|other| other["kind"] == "Service");
                    let found: Vec<_> = monitored
                        .filter(|other| {
                            selects(&spec["selector"]["matchLabels"], &other["metadata"]["labels"])
                        })
                        .collect();
                    assert_eq!(found.len(), 1, "{}: each pod is scraped once", set.name);
                    assert_eq!(found[0]["spec"]["ports"][0]["name"], spec["endpoints"][0]["port"]);
                }
                _ => {}
            }
        }
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            assert_eq!(pod["spec"]["containers"][0][probe]["httpGet"]["port"], "admin", "{}", set.name);
        }
        for spread in pod["spec"]["topologySpreadConstraints"].as_array().expect("zones") {
            finds(&spread["labelSelector"]["matchLabels"]);
        }
    }
}

#[test]
fn anti_affinity_follows_the_preset() {
    let apart = |name: &str| set(name).pod()["affinity"]["podAntiAffinity"].clone();
    let soft = &apart("least")["preferredDuringSchedulingIgnoredDuringExecution"][0]["podAffinityTerm"];
    let hard = &apart("hardened")["requiredDuringSchedulingIgnoredDuringExecution"][0];
    for term in [soft, hard] {
        assert_eq!(term["topologyKey"], "kubernetes.io/hostname");
        let labels = &set("least").workload()["spec"]["template"]["metadata"]["labels"];
        assert!(selects(&term["labelSelector"]["matchLabels"], labels), "{term}");
    }
    assert!(set("placed").pod().get("affinity").is_none());
}

#[test]
fn secret_created_by_an_operator_is_mounted() {
    let set = set("gateway");
    let made = &set.only(&["ExternalSecret"])["spec"]["target"]["name"];
    let volumes = set.pod()["volumes"].as_array().expect("volumes").iter();
    let mounted: Vec<_> = volumes.filter_map(|volume| volume.get("secret")).collect();
    assert_eq!(mounted.len(), 2, "JustCall's and Kafka's");
    assert!(mounted.iter().all(|secret| secret["secretName"] == *made), "{mounted:?}");
}

#[test]
fn every_secret_property_has_a_key_in_a_secret() {
    let gateway = project(CHART).join("ci/gateway-values.yaml");
    let output =
        template(&helms()[1], Some(&gateway), &["kafka.secretProperties.ssl\\.key\\.password=key-password"]);
    assert!(!output.status.success(), "no pod would start");
    assert!(
        both(&output).contains(r#"ssl.key.password names the key "key-password", which no Secret has"#),
        "{}",
        both(&output)
    );
}

#[test]
fn ingress_and_http_route_have_the_path_of_every_source() {
    let values = project(CHART).join("ci/mapping-values.yaml");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let set = render(folder.path(), values, &["ingress.enabled=true,httpRoute.enabled=true"]);
    let paths = |list: &Value, pointer: &str| -> Vec<Value> {
        let each = list.as_array().expect("a list").iter();
        each.map(|entry| entry.pointer(pointer).expect("a path").clone()).collect()
    };
    let ingress = &set.only(&["Ingress"])["spec"]["rules"][0]["http"]["paths"];
    assert_eq!(paths(ingress, "/path"), ["/hooks/main", "/hooks/second"]);
    let route = &set.only(&["HTTPRoute"])["spec"]["rules"][0]["matches"];
    assert_eq!(paths(route, "/path/value"), ["/hooks/main", "/hooks/second"]);
}

#[test]
fn network_policy_allows_dns_brokers_the_collector_and_both_ports() {
    let shut = with(&[
        "networkPolicy.enabled=true,kafka.bootstrapServers=k1:9094\\,k2:9095",
        "settings.telemetry.otlp_endpoint=https://collector.example.com/v1",
    ]);
    let policy = &shut.only(&["NetworkPolicy"])["spec"];
    let ports = |way: &str| -> Vec<String> {
        let rules = policy[way].as_array().expect("rules").iter();
        rules
            .flat_map(|rule| rule["ports"].as_array().expect("ports"))
            .map(|port| port["port"].to_string())
            .collect()
    };
    assert_eq!(ports("egress"), ["53", "53", "9094", "9095", "443"]);
    assert_eq!(ports("ingress"), [r#""http""#, r#""admin""#]);
    assert_eq!(policy["policyTypes"], serde_json::json!(["Ingress", "Egress"]));
    assert!(policy["ingress"][0].get("from").is_none(), "webhooks come from outside the cluster");
    assert!(policy["ingress"][1]["from"][0]["podSelector"].is_object(), "metrics do not leave the cluster");
    let hardened = set("hardened").only(&["NetworkPolicy"])["spec"]["egress"].to_string();
    assert!(hardened.contains("4318"), "{hardened}");
}

#[test]
fn storage_class_of_a_single_dash_is_empty() {
    let claim = |settings: &[&str]| {
        with(settings).workload()["spec"]["volumeClaimTemplates"][0]["spec"]["storageClassName"].clone()
    };
    assert_eq!(claim(&[]), Value::Null, "the cluster's default");
    assert_eq!(claim(&["persistence.storageClass=-"]), "");
    assert_eq!(claim(&["persistence.storageClass=fast"]), "fast");
}

#[test]
fn chart_and_image_have_the_version_of_the_crate() {
    let chart = &documents(&project(CHART).join("Chart.yaml"))[0];
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!((&chart["version"], &chart["appVersion"]), (&version.into(), &version.into()));
    let image = set("least").pod()["containers"][0]["image"].clone();
    assert_eq!(image, format!("justcall-bridge:{version}"));
    let text = fs::read_to_string(project("docs/how-to/kubernetes.md")).expect("a document");
    assert!(
        text.contains(&format!("/justcall-bridge:{version} ")),
        "docs/how-to/kubernetes.md has another version"
    );
}

#[test]
fn invalid_values_are_refused_with_a_helpful_message() {
    let least = project(CHART).join("ci/least-values.yaml");
    for (wrong, message) in [
        ("replicas=3", "replicas"),
        ("persistence.size=8.5Gi", "persistence"),
        ("settings.shutdown.delay=5", "delay"),
        ("containerPorts.http=80", "containerPorts"),
        ("persistence.accessModes[0]=ReadWriteMany", "accessModes"),
        ("kafka.bootstrapServers=kafka", "bootstrapServers"),
        ("kafka.secretProperties.sasl\\.password=password", "kafka.existingSecret"),
        ("source.signature.existingSecret=", "source.signature.required=false"),
        ("settings.sources.other.path=/x", "sources.other"),
        ("settings.admin.listen=0.0.0.0:9081", "containerPorts"),
        ("terminationGracePeriodSeconds=29", "30 s together"),
        ("autoscaling.enabled=true,autoscaling.minReplicas=7", "autoscaling.maxReplicas"),
        ("externalSecret.enabled=true", "externalSecret"),
        ("kafka.tls.existingSecret=ca", "security\\.protocol"),
        ("readinessProbe.failureTreshold=3", "failureTreshold"),
        ("resources.limits.memory=512MB", "memory"),
    ] {
        for helm in helms() {
            let output = template(helm, Some(&least), &[wrong]);
            assert!(!output.status.success(), "{wrong} was taken");
            assert!(both(&output).contains(message), "{wrong}: {}", both(&output));
        }
    }
}

#[test]
fn chart_has_the_tested_alerts() {
    let rules = |path: &str| fs::read_to_string(project(path)).expect("rules");
    assert_eq!(
        rules(&format!("{CHART}/files/rules.yaml")),
        rules("deploy/prometheus/rules.yaml"),
        "copy deploy/prometheus/rules.yaml into the chart"
    );
    let expected = documents(&project("deploy/prometheus/rules.yaml"));
    assert_eq!(
        set("gateway").only(&["PrometheusRule"])["spec"],
        expected[0],
        "the rules contain template syntax"
    );
    let served = with(&[
        "metrics.prometheusRule.enabled=true",
        "metrics.prometheusRule.runbook=https://wiki.example.com/bridge",
    ]);
    let served = &served.only(&["PrometheusRule"])["spec"]["groups"];
    let annotation = &served[1]["rules"][0]["annotations"]["runbook_url"];
    assert_eq!(annotation, "https://wiki.example.com/bridge#justcallbridgeabsent");
}

#[test]
fn readme_is_generated_from_the_values() {
    let mut docs = tools::helm_docs();
    docs.args(["--log-level", "warning", "--dry-run", "--chart-search-root"]).arg(project(CHART));
    let made = tools::printed(&mut docs);
    let file = project(CHART).join("README.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &made).expect("README.md");
    }
    let there = fs::read_to_string(&file).unwrap_or_default();
    assert!(there == made, "UPDATE_GOLDEN=1 rewrites {}", file.display());
}
