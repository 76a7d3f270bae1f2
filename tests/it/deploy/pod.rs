//! Pods of the chart as processes of this machine.

use super::chart::Rendered;
use super::image::{Image, Mount, USER};
use super::kubelet::{Probe, Watch, address};
use super::tools::printed;
use crate::kit::bridge::{metric_name, until};
use crate::kit::http;
use crate::kit::process::Process;
use serde_json::Value;
use std::cell::Cell;
use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;
use tempfile::TempDir;

/// Image, and the objects that manifests refer to.
pub(super) struct Node {
    image: Image,
    folder: TempDir,
    changes: Cell<u32>,
}

pub(super) struct Pod {
    process: Process,
    liveness: Option<Watch>,
    readiness: Probe,
    grace: Duration,
    pub(super) ingress: SocketAddr,
    pub(super) admin: SocketAddr,
}

impl Node {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // The pods' user must be able to traverse it.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("its own folder");
        Self { image: Image::assemble(), folder, changes: Cell::new(0) }
    }

    /// Swaps one link as a node does, so all files change at once.
    pub(super) fn project(&self, name: &str, mode: u32, files: &[(&str, &str)]) {
        self.changes.set(self.changes.get() + 1);
        let folder = self.projected(name);
        let version = format!("..{}", self.changes.get());
        fs::create_dir_all(folder.join(&version)).expect("a folder");
        for (file, text) in files {
            let path = folder.join(&version).join(file);
            fs::write(&path, text).expect("a file");
            set_group(&path, mode);
            if fs::symlink_metadata(folder.join(file)).is_err() {
                symlink(format!("..data/{file}"), folder.join(file)).expect("a link");
            }
        }
        symlink(&version, folder.join("..data_tmp")).expect("a link");
        fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("a swap");
    }

    pub(super) fn trust(&self, authority: &str) {
        self.image.trust(authority);
    }

    pub(super) fn configure(&self, set: &Rendered) {
        let map = set.only(&["ConfigMap"]);
        self.project(
            map["metadata"]["name"].as_str().expect("a name"),
            0o644,
            &[("bridge.yaml", set.settings())],
        );
    }

    fn projected(&self, name: &str) -> PathBuf {
        self.folder.path().join("projected").join(name)
    }

    /// Outlives the claim's pods.
    fn claimed(&self, claim: &str) -> PathBuf {
        let volume = self.folder.path().join("volumes").join(claim);
        if !volume.exists() {
            fs::create_dir_all(volume.join("lost+found")).expect("a volume");
            set_group(&volume, 0o2775);
        }
        volume
    }

    fn mounts(&self, set: &Rendered, ordinal: usize) -> Vec<Mount> {
        let name = |value: &Value| value.as_str().expect("a name").to_owned();
        let volumes = set.pod()["volumes"].as_array().expect("volumes");
        let from = |wanted: &Value| match volumes.iter().find(|volume| volume["name"] == *wanted) {
            Some(volume) if volume.get("secret").is_some() => {
                self.projected(&name(&volume["secret"]["secretName"]))
            }
            Some(volume) => self.projected(&name(&volume["configMap"]["name"])),
            None => self.claimed(&format!("{}-{ordinal}", name(wanted))),
        };
        let mounts = set.pod()["containers"][0]["volumeMounts"].as_array().expect("mounts");
        let mount = |mount: &Value| Mount {
            from: from(&mount["name"]),
            to: name(&mount["mountPath"]),
            read_only: mount["readOnly"] == true,
        };
        mounts.iter().map(mount).collect()
    }

    fn command(&self, set: &Rendered, ordinal: usize, program: &[&str]) -> Command {
        let (pod, container) = (set.pod(), &set.pod()["containers"][0]);
        let security = &container["securityContext"];
        assert_eq!(format!("{}:{}", security["runAsUser"], security["runAsGroup"]), USER);
        assert_eq!(security["readOnlyRootFilesystem"], true, "it is started so");
        let words = |key: &str| container[key].as_array().into_iter().flatten().filter_map(Value::as_str);
        let own: Vec<_> = words("command").chain(words("args")).collect();
        let program = if program.is_empty() { own.as_slice() } else { program };
        let groups = pod["securityContext"]["fsGroup"].to_string();
        let mut command = self.image.command(&groups, &self.mounts(set, ordinal), program);
        command.env("HOSTNAME", format!("bridge-{ordinal}")).env("KUBERNETES_SERVICE_HOST", "10.96.0.1");
        for variable in container["env"].as_array().into_iter().flatten() {
            command.env(
                variable["name"].as_str().expect("a name"),
                variable["value"].as_str().expect("a value"),
            );
        }
        command
    }

    /// Uses a container beside the pod's own.
    pub(super) fn exec(&self, set: &Rendered, ordinal: usize, program: &[&str]) -> String {
        printed(&mut self.command(set, ordinal, program))
    }

    pub(super) fn start(&self, set: &Rendered, ordinal: usize) -> Pod {
        let container = &set.pod()["containers"][0];
        let process = Process::start(&mut self.command(set, ordinal, &[]));
        if let Err(why) = Probe::of(container, "startupProbe").await_success() {
            panic!("{why}:\n{:#?}", process.stderr());
        }
        let grace = set.pod()["terminationGracePeriodSeconds"].as_u64().expect("seconds");
        let pod = Pod {
            process,
            liveness: Some(Watch::start(Probe::of(container, "livenessProbe"))),
            readiness: Probe::of(container, "readinessProbe"),
            grace: Duration::from_secs(grace),
            ingress: address(container, "http"),
            admin: address(container, "admin"),
        };
        until("readiness", || pod.is_ready());
        pod
    }
}

impl Pod {
    pub(super) fn is_ready(&self) -> bool {
        self.readiness.succeeds()
    }

    pub(super) fn terminate(&mut self) {
        let restarted = self.liveness.take().is_some_and(Watch::end);
        assert!(!restarted, "the kubelet would have restarted the pod");
        self.process.signal("TERM");
    }

    pub(super) fn wait_end(mut self) -> ExitStatus {
        self.process.wait_exit(self.grace)
    }

    pub(super) fn metric(&self, name: &str) -> Option<u64> {
        let text = http::get(self.admin, "/metrics").ok()?.text().to_owned();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{} ", metric_name(name))))?;
        line.parse().ok()
    }
}

/// As the node does for `fsGroup`.
fn set_group(path: &Path, mode: u32) {
    let group = USER.split(':').nth(1).and_then(|group| group.parse().ok());
    chown(path, Some(0), group).expect("tests run as root");
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("tests run as root");
}
