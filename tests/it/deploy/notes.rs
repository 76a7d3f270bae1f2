use super::chart::{Rendered, render};
use super::image::can_contain;
use super::pod::Node;
use super::project;
use super::rollout::ports;
use super::tools::{self, CHART};
use crate::ingress::tls::authority::Authority;
use crate::kit::kafka::Kafka;
use crate::kit::topic_name;
use std::path::PathBuf;

const AUTH_MODES: [(&str, &[&str]); 4] = [
    ("least", &["source.urls[0]=https://hooks.example.com/webhooks/justcall"]),
    ("least", &["tls.existingSecret=certificate", "source.urls[0]=https://localhost/webhooks/justcall"]),
    ("documented", &["settings.sources.main.path=/elsewhere"]),
    ("no-volume", &["autoscaling.enabled=false"]),
];

fn values(set: &str) -> PathBuf {
    project(CHART).join(format!("ci/{set}-values.yaml"))
}

fn commands(text: &str) -> Vec<Vec<String>> {
    let whole = text.replace("\\\n", " ");
    let calls = whole.lines().filter_map(|line| line.trim().strip_prefix("kubectl exec "));
    let inner = calls.map(|call| call.split_once(" -- ").expect("a command").1);
    inner.map(|command| command.split_whitespace().map(str::to_owned).collect()).collect()
}

#[test]
fn helm_commands_of_the_documents_work() {
    for document in ["README.md", "docs/how-to/kubernetes.md", "deploy/helm/justcall-kafka-bridge/README.md"]
    {
        let text = std::fs::read_to_string(project(document)).expect("a document");
        let calls = helm_calls(&text);
        assert!(!calls.is_empty(), "{document} has no Helm command");
        for call in calls {
            tools::printed(tools::helm_template().args(call));
        }
    }
    let text = std::fs::read_to_string(project("docs/how-to/kubernetes.md")).expect("a document");
    let (_, rest) = text.split_once("```yaml\n").expect("values for Strimzi");
    let strimzi = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(&strimzi, rest.split_once("```").expect("its end").0).expect("a file");
    let chart = format!("strimzi {CHART} --set source.signature.existingSecret=justcall --values");
    let output = tools::printed(tools::helm_template().args(chart.split(' ')).arg(strimzi.path()));
    assert!(output.contains("sasl.password: /run/secrets/justcall-bridge/kafka/password"), "{output}");
}

fn helm_calls(document: &str) -> Vec<Vec<String>> {
    let whole = document.replace("\\\n", " ");
    let calls = whole.lines().filter_map(|line| {
        let line = line.trim();
        line.strip_prefix("helm install ").or_else(|| line.strip_prefix("helm template "))
    });
    let before_pipe = |call: &str| -> Vec<String> {
        call.split_whitespace().take_while(|word| *word != "|").map(str::to_owned).collect()
    };
    calls.map(before_pipe).collect()
}

#[test]
fn commands_of_the_notes_work() {
    if !can_contain("that the commands of the chart's notes work in its pods") {
        return;
    }
    let node = Node::new();
    let authority = Authority::new();
    let pair = authority.pair();
    node.trust(&authority.certificate);
    let secrets = [
        ("api-secret", "the-secret-of-an-account\n"),
        ("webhook-token", "a-token-of-32-letters-and-more-xx\n"),
    ];
    node.project("justcall", 0o440, &secrets);
    node.project("certificate", 0o440, &[("tls.crt", &pair.certificate), ("tls.key", &pair.key)]);
    let ports = ports();
    for (set, own) in AUTH_MODES {
        let prefix = topic_name("notes");
        let settings = [
            format!("kafka.bootstrapServers={}", Kafka::shared().bootstrap()),
            format!("containerPorts.http={},containerPorts.admin={}", ports[0], ports[1]),
            format!("settings.topics.prefix={prefix}.,settings.topics.partitions=1"),
            "settings.topics.replication_factor=1".to_owned(),
        ];
        let settings: Vec<&str> = settings.iter().map(String::as_str).chain(own.iter().copied()).collect();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let rendered = render(folder.path(), values(set), &settings);
        let notes = tools::notes(&values(set), &settings);
        run_commands(&node, &rendered, &notes);
    }
}

fn run_commands(node: &Node, set: &Rendered, notes: &str) {
    node.configure(set);
    let _pod = node.start(set, 0);
    let typed: Vec<_> = commands(notes)
        .into_iter()
        .map(|command| {
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            (command[1].clone(), node.exec(set, 0, &words))
        })
        .collect();
    let output = |name: &str| {
        let found = typed.iter().find(|(called, _)| called == name);
        &found.unwrap_or_else(|| panic!("no {name} in:\n{notes}")).1
    };
    assert!(!output("check").contains("failure"), "{}", output("check"));
    assert!(output("send").contains("200     acked"), "{}", output("send"));
    assert!(output("tail").contains("call.completed"), "tail does not show the event: {}", output("tail"));
    if set.workload()["kind"] == "StatefulSet" {
        assert!(output("spool").contains("0 records wait"), "{}", output("spool"));
    }
}
