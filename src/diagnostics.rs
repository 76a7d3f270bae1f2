//! Checks of the settings, this machine and the Kafka cluster, for `check`, `serve` and `healthcheck`.
//!
//! Disk and broker checks run on their own threads, because they may never return. At the deadline, the
//! report has the findings so far. Pure functions judge the collected facts.

mod cluster;
mod deadline;
mod disk;
mod fields;
mod files;
mod finding;
mod health_request;
mod new_topic;
mod ports;
mod servers;
mod topic;
mod write_probe;

pub(crate) use finding::{Finding, FindingCounts, print, print_json};
pub(crate) use health_request::request_health;

use crate::config::{AccessExtent, SecurityWarning, SettingError, SettingErrors, Settings, SettingsInput};
use crate::{spool, topics};
use deadline::Work;
use std::future::Future;
use std::io;
use std::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// No file that the settings name, no port, no disk and no cluster.
    Offline,
    /// Also this machine and the cluster.
    Whole {
        /// Sends records that a broker must reject, to check the right to write.
        probe: bool,
    },
}

#[derive(Debug)]
pub(crate) struct Diagnosis {
    pub(crate) findings: Vec<Finding>,
    pub(crate) are_settings_bad: bool,
}

pub(crate) fn check(
    sources: &SettingsInput,
    extent: Extent,
    deadline: Instant,
    on_step: &dyn Fn(&str),
) -> Diagnosis {
    let settings = match Settings::load_to_serve(sources) {
        Ok(settings) => settings,
        Err(problems) => {
            let findings = bad_settings(problems, extent == Extent::Offline);
            return Diagnosis { findings, are_settings_bad: true };
        }
    };
    let access = if extent == Extent::Offline { AccessExtent::Permissions } else { AccessExtent::Owners };
    let warnings = settings.security_warnings(sources.file(), access);
    let findings = match extent {
        Extent::Offline => {
            let text = "valid; their files, this machine and Kafka were not checked";
            of_settings(text, &warnings).into_iter().chain(fields::check(&settings)).collect()
        }
        Extent::Whole { probe } => look_around(settings, warnings, probe, deadline, on_step),
    };
    Diagnosis { findings, are_settings_bad: false }
}

/// Warns of each route setting whose fields no sample of an accepted dialect has.
pub(crate) fn log_fields(settings: &Settings) {
    for Finding { key, text, fix, .. } in fields::check(settings) {
        tracing::warn!(setting = key, "{text}: {}", fix.unwrap_or_default());
    }
}

fn bad_settings(SettingErrors(problems): SettingErrors, is_offline: bool) -> Vec<Finding> {
    let finding = |problem: SettingError| {
        let detail = problem.detail();
        Finding::bad_setting(problem.key, detail)
    };
    let mut findings: Vec<_> = problems.into_iter().map(finding).collect();
    if !is_offline {
        findings.push(Finding::skipped("kafka", "this machine and the cluster: correct the settings first"));
    }
    findings
}

fn of_settings(text: &str, warnings: &[SecurityWarning]) -> Vec<Finding> {
    let open = warnings.iter().map(|SecurityWarning { key, reason, fix }| Finding::warning(key, reason, fix));
    [Finding::ok("settings", text)].into_iter().chain(open).collect()
}

fn look_around(
    settings: Settings,
    warnings: Vec<SecurityWarning>,
    probe: bool,
    deadline: Instant,
    on_step: &dyn Fn(&str),
) -> Vec<Finding> {
    let (of_certificate, open): (Vec<_>, Vec<_>) =
        warnings.into_iter().partition(files::is_about_certificate);
    let mut findings = of_settings("valid", &open);
    findings.extend(fields::check(&settings));
    let plan = plan(&settings, probe);
    let kafka = Work::begin("kafka", move |reporter| {
        let (report, next) = (|finding| reporter.report(finding), |what: &str| reporter.next(what));
        if let Err(error) = block_on(cluster::check(&plan, &report, &next)) {
            let text = format!("the check cannot start: {error}");
            report(Finding::failure("kafka", text, "raise the limits on threads and open files"));
        }
    });
    let machine = Work::begin("machine", move |reporter| {
        let warnings: Vec<_> = of_certificate.into_iter().chain(open).collect();
        let now = u64::try_from(chrono::Utc::now().timestamp()).unwrap_or(0);
        files::check(&settings, &warnings, now).into_iter().for_each(|finding| reporter.report(finding));
        let spool = &settings.spool;
        reporter.next("looking at the spool's disk");
        disk::check(spool.directory.as_deref(), spool.bytes_on_disk(), spool::is_in_use)
            .into_iter()
            .for_each(|finding| reporter.report(finding));
        ports::check(&settings).into_iter().for_each(|finding| reporter.report(finding));
    });
    findings.extend(deadline::finish([machine, kafka], deadline, on_step));
    findings
}

fn plan(settings: &Settings, probe: bool) -> cluster::ClusterExpectations {
    // Contradicting routes are a settings error, which loading rejects.
    let topics = topics::of(settings).unwrap_or_default();
    let body = u64::try_from(settings.server.max_body_bytes).unwrap_or(u64::MAX);
    cluster::ClusterExpectations {
        config: settings.kafka.clone(),
        topics: topics.iter().map(ToString::to_string).collect(),
        dead_letter: settings.ingest.dead_letter.topic.clone(),
        record: body.saturating_add(topic::MAX_KEY_AND_HEADERS_BYTES),
        spool: settings.spool.directory.as_ref().map(|_| settings.spool.max_bytes),
        window: settings.ingest.deduplication.window,
        probe,
    }
}

/// Runs `future` on this thread. Abandons its blocking calls, such as a DNS lookup.
fn block_on(future: impl Future<Output = ()>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(future);
    runtime.shutdown_background();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SettingsInput;

    #[test]
    fn finding_of_a_bad_setting_has_no_sign_of_its_own() {
        let input = SettingsInput::given(&["server.workers=0", "sources.main.token=x", "sever.a=1"]);
        let Err(problems) = Settings::load(&input) else { panic!("nothing wrong was found") };
        let findings = bad_settings(problems, true);
        let mut out = Vec::new();
        print(&findings, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        for expected in [
            "failure  server.workers: 0 (flag --set server.workers): must be from 1 to 512\n",
            "failure  sources.main.token: *** (environment variable JUSTCALL_BRIDGE__SOURCES__MAIN__TOKEN): ",
            "failure  sever: (flag --set sever.a): is not a setting",
        ] {
            assert!(out.contains(expected), "{out}");
        }
    }
}
