use super::project;
use super::tools::{CHART, both, helms};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

const NAME: &str = "bridge-justcall-kafka-bridge";

/// The server runs until the test process ends.
fn api_server(objects: Vec<(String, Value)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let objects = objects.clone();
            thread::spawn(move || serve(stream, &objects));
        }
    });
    format!("http://{address}")
}

fn serve(mut stream: TcpStream, objects: &[(String, Value)]) {
    let mut lines = BufReader::new(stream.try_clone().expect("a second handle")).lines();
    while let Some(Ok(request)) = lines.next() {
        let target = request.split(' ').nth(1).unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        let found = discovery(path)
            .or_else(|| objects.iter().find(|(object, _)| object == path).map(|(_, object)| object.clone()));
        let missing = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404});
        let status = if found.is_some() { "200 OK" } else { "404 Not Found" };
        let body = found.unwrap_or(missing).to_string();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if stream.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

fn discovery(path: &str) -> Option<Value> {
    let group = |name: &str, version: &str| {
        let version = json!({"groupVersion": format!("{name}/{version}"), "version": version});
        json!({"name": name, "versions": [version], "preferredVersion": version})
    };
    let resources = |version: &str, kinds: &[(&str, &str)]| {
        let resources: Vec<_> = kinds
            .iter()
            .map(|(name, kind)| json!({"name": name, "kind": kind, "namespaced": true, "verbs": ["get", "list"]}))
            .collect();
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources})
    };
    Some(match path {
        "/version" => json!({"major": "1", "minor": "34", "gitVersion": "v1.34.0"}),
        "/api" => json!({"kind": "APIVersions", "versions": ["v1"]}),
        "/apis" => {
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [group("apps", "v1"), group("autoscaling", "v2"), group("policy", "v1")]})
        }
        "/api/v1" => resources(
            "v1",
            &[("serviceaccounts", "ServiceAccount"), ("configmaps", "ConfigMap"), ("services", "Service")],
        ),
        "/apis/policy/v1" => resources("policy/v1", &[("poddisruptionbudgets", "PodDisruptionBudget")]),
        "/apis/apps/v1" => {
            resources("apps/v1", &[("statefulsets", "StatefulSet"), ("deployments", "Deployment")])
        }
        "/apis/autoscaling/v2" => {
            resources("autoscaling/v2", &[("horizontalpodautoscalers", "HorizontalPodAutoscaler")])
        }
        _ => return None,
    })
}

fn stateful_set(replicas: u32) -> (String, Value) {
    let claim =
        json!({"metadata": {"name": "spool"}, "spec": {"resources": {"requests": {"storage": "8Gi"}}}});
    let object = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": NAME, "namespace": "webhooks"},
        "spec": {"replicas": replicas, "volumeClaimTemplates": [claim]},
    });
    (format!("/apis/apps/v1/namespaces/webhooks/statefulsets/{NAME}"), object)
}

fn deployment() -> (String, Value) {
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": NAME, "namespace": "webhooks"},
        "spec": {"replicas": 2},
    });
    (format!("/apis/apps/v1/namespaces/webhooks/deployments/{NAME}"), object)
}

fn autoscaler() -> (String, Value) {
    let object = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": NAME, "namespace": "webhooks"},
    });
    (format!("/apis/autoscaling/v2/namespaces/webhooks/horizontalpodautoscalers/{NAME}"), object)
}

fn upgrade(helm: &Path, objects: Vec<(String, Value)>, settings: &[&str]) -> Output {
    let mut command = Command::new(helm);
    command.args([
        "template",
        "bridge",
        CHART,
        "--namespace",
        "webhooks",
        "--is-upgrade",
        "--dry-run=server",
    ]);
    command.args(["--disable-openapi-validation", "--kube-apiserver", &api_server(objects)]);
    command.arg("--values").arg(project(CHART).join("ci/least-values.yaml"));
    command.args(settings.iter().flat_map(|setting| ["--set", setting])).current_dir(project(""));
    command.env("KUBECONFIG", "/dev/null").output().expect("Helm starts")
}

fn replicas(output: &Output) -> Option<u32> {
    assert!(output.status.success(), "{}", both(output));
    let manifests = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = manifests.lines().find_map(|line| line.strip_prefix("  replicas: "))?;
    line.parse().ok()
}

#[test]
fn autoscaling_keeps_the_running_pods() {
    for helm in helms() {
        let on = |objects| replicas(&upgrade(helm, objects, &["autoscaling.enabled=true"]));
        assert_eq!(on(vec![stateful_set(5)]), Some(5));
        assert_eq!(on(vec![stateful_set(1)]), Some(2), "minReplicas");
        assert_eq!(on(vec![]), Some(2), "the first installation");
    }
}

#[test]
fn disabling_autoscaling_keeps_the_running_pods() {
    for helm in helms() {
        let off = |count: &str| {
            upgrade(helm, vec![stateful_set(5), autoscaler()], &["autoscaling.enabled=false", count])
        };
        let refused = off("replicaCount=2");
        assert!(!refused.status.success(), "{}", both(&refused));
        assert!(both(&refused).contains("--set replicaCount=5"), "{}", both(&refused));
        assert_eq!(replicas(&off("replicaCount=5")), Some(5));
        let deliberate = upgrade(helm, vec![stateful_set(3)], &["replicaCount=2"]);
        assert_eq!(replicas(&deliberate), Some(2), "without an autoscaler the value sets the replicas");
    }
}

#[test]
fn changed_volume_size_is_refused_before_anything_is_applied() {
    for helm in helms() {
        let refused = upgrade(helm, vec![stateful_set(2)], &["persistence.size=32Gi"]);
        assert!(!refused.status.success(), "{}", both(&refused));
        for part in ["persistence.size", "8Gi", "32Gi", "helm rollback bridge"] {
            assert!(both(&refused).contains(part), "{part}: {}", both(&refused));
        }
        assert_eq!(replicas(&upgrade(helm, vec![stateful_set(2)], &["persistence.size=8Gi"])), Some(2));
    }
}

#[test]
fn disabling_persistence_of_existing_spools_is_refused() {
    for helm in helms() {
        let off = |objects, settings: &[&str]| {
            upgrade(helm, objects, &[&["persistence.enabled=false"], settings].concat())
        };
        let refused = off(vec![stateful_set(3)], &[]);
        assert!(!refused.status.success(), "{}", both(&refused));
        for part in ["persistence.enabled", "spool status", "persistence.discardSpools=true", "3 pods"] {
            assert!(both(&refused).contains(part), "{part}: {}", both(&refused));
        }
        let meant = off(vec![stateful_set(3)], &["persistence.discardSpools=true"]);
        assert!(meant.status.success(), "{}", both(&meant));
        let idle = off(vec![stateful_set(0)], &[]);
        assert!(!idle.status.success(), "volumes may hold events without pods: {}", both(&idle));
        assert_eq!(replicas(&off(vec![deployment()], &[])), Some(2));
    }
}
