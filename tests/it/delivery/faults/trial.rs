use super::proxied_cluster::ProxiedCluster;
use crate::kit::bridge::{Bridge, until};
use crate::kit::load::{self, Answer, Load, Sent, Shape, Try};
use crate::kit::rng::SeededRng;
use crate::kit::topic_name;
use crate::kit::verdict::{self, Verdict, Waiver};
use std::fs;
use std::io::Write;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Grows if more than four processes wait for each processor, because an answer passes through several threads.
fn delay_tolerance() -> Duration {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').take(2).filter_map(|it| it.parse::<f64>().ok()).fold(0.0, f64::max);
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let processors = u32::try_from(processors).map_or(1.0, f64::from);
    Duration::from_secs(5).mul_f64((load / processors / 4.0).clamp(1.0, 6.0))
}

/// A long fault can need a minute, a busy machine more.
const TIMEOUT: Duration = Duration::from_secs(240);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Early,
    Steady,
}

#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) spool: bool,
    /// A full or failing disk prevents prompt answers.
    pub(crate) is_prompt: bool,
    pub(crate) shape: Shape,
    pub(crate) settings: Vec<String>,
    pub(crate) environment: Vec<(&'static str, String)>,
    pub(crate) directory: Option<PathBuf>,
}

impl Default for Plan {
    fn default() -> Self {
        let shape = Shape { senders: 6, pause: Duration::from_millis(40), body_bytes: 600 };
        Self {
            spool: std::env::var_os("FAULT_WITHOUT_SPOOL").is_none(),
            is_prompt: true,
            shape,
            settings: Vec::new(),
            environment: Vec::new(),
            directory: None,
        }
    }
}

pub(crate) struct Trial<'a> {
    pub(crate) cluster: &'a ProxiedCluster,
    pub(crate) rng: SeededRng,
    pub(crate) load: Load,
    pub(crate) note: String,
    deadline: Duration,
    plan: Plan,
    prefix: String,
    folder: TempDir,
    bridge: Option<Bridge>,
    former: Vec<Vec<String>>,
    waivers: Vec<Waiver>,
}

impl<'a> Trial<'a> {
    pub(crate) fn begin(
        cluster: &'a ProxiedCluster,
        plan: Plan,
        moment: Moment,
        seed: u64,
        is_long: bool,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let prefix = format!("{}.", topic_name("fault"));
        let deadline = Duration::from_secs(if is_long { 2 } else { 1 });
        let bridge = launch(cluster, &plan, &prefix, folder.path(), deadline);
        bridge.wait_ready(true);
        let load = Load::start(bridge.ingress, plan.shape);
        let (bridge, former, waivers, note) = (Some(bridge), Vec::new(), Vec::new(), String::new());
        // Different for each moment, or both would select the same pair of faults.
        let rng = SeededRng::from_seed(seed.wrapping_mul(2).wrapping_add(moment as u64));
        let mut trial =
            Self { cluster, rng, load, note, deadline, plan, prefix, folder, bridge, former, waivers };
        match moment {
            Moment::Early => std::thread::sleep(trial.rng.millis(50, 600)),
            Moment::Steady => {
                trial.until("a steady load", |trial| trial.load.answered(Answer::Acked) > 150);
                std::thread::sleep(trial.rng.millis(0, 1_000));
            }
        }
        trial
    }

    pub(crate) fn bridge(&self) -> &Bridge {
        self.bridge.as_ref().expect("a bridge that is running")
    }

    pub(crate) fn has_spool(&self) -> bool {
        self.plan.spool
    }

    pub(crate) fn is_running(&self) -> bool {
        self.bridge.is_some()
    }

    pub(crate) fn topic(&self, kind: &str) -> String {
        format!("{}{kind}", self.prefix)
    }

    pub(crate) fn spool_file(&self, name: &str) -> PathBuf {
        directory(&self.plan, self.folder.path()).join(name)
    }

    pub(crate) fn pass(&self, time: Duration) {
        std::thread::sleep(time);
    }

    pub(crate) fn until(&self, what: &str, reached: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + TIMEOUT;
        while !reached(self) {
            assert!(Instant::now() < deadline, "{what}: not within {TIMEOUT:?}\n{}", self.last_log_lines());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn last_log_lines(&self) -> String {
        last_log_lines(&self.former, self.bridge.as_ref())
    }

    pub(crate) fn until_more(&self, answer: Answer, more: usize) {
        let wanted = self.load.answered(answer) + more;
        self.until(&format!("{more} more {answer:?}"), |trial| trial.load.answered(answer) >= wanted);
    }

    /// Without a spool, waits for a refused event.
    pub(crate) fn until_spooling(&self, more: usize) {
        let (answer, more) = if self.plan.spool { (Answer::Spooled, more) } else { (Answer::Refused, 1) };
        self.until_more(answer, more);
    }

    /// Includes a second more, because an answer follows its acknowledgement.
    pub(crate) fn waive(&mut self, kind: Option<&'static str>) {
        self.waivers.push(Waiver { kind, until: self.load.now() + Duration::from_secs(1) });
    }

    pub(crate) fn kill_bridge(&mut self) {
        let mut bridge = self.bridge.take().expect("a bridge that is running");
        self.load.set_target(None);
        bridge.process.signal("KILL");
        bridge.process.wait_exit(Duration::from_secs(30));
        self.former.push(bridge.process.stderr());
    }

    pub(crate) fn stop_bridge(&mut self) {
        let mut bridge = self.bridge.take().expect("a bridge that is running");
        bridge.process.signal("TERM");
        let status = bridge.process.wait_exit(Duration::from_secs(60));
        self.former.push(bridge.process.stderr());
        self.load.set_target(None);
        assert!(status.success() || !self.plan.spool, "the stop left events undelivered: {status}");
    }

    pub(crate) fn start_bridge(&mut self) {
        let bridge = launch(self.cluster, &self.plan, &self.prefix, self.folder.path(), self.deadline);
        self.load.set_target(Some(bridge.ingress));
        self.bridge = Some(bridge);
    }

    pub(crate) fn try_start_bridge(&mut self) -> bool {
        let started = catch_unwind(AssertUnwindSafe(|| self.start_bridge()));
        started.is_ok()
    }

    pub(crate) fn end(self, row: &str) {
        let lifted = self.load.now();
        self.until_more(Answer::Acked, 60);
        let bridge = self.bridge.expect("a bridge that is running");
        let (mut sent, clock) = self.load.finish();
        sent.push(post_fresh_event(&bridge, clock));
        let kafka = self.cluster.kafka.bootstrap();
        let contents = verdict::await_contents(kafka, &self.prefix, &sent, &self.waivers);
        let verdict = verdict::judge(&sent, &contents, &self.waivers, lifted);
        let damaged = bridge.metric_sum("spool_damaged_total");
        let note = if damaged > 0.0 { format!("{} damaged {damaged}", self.note) } else { self.note };
        print_line(&format!("| {row}{note} {verdict}"));
        let problems =
            problems(&verdict, damaged, (self.plan.spool && self.plan.is_prompt).then_some(self.deadline));
        let logs = last_log_lines(&self.former, Some(&bridge));
        assert!(problems.is_empty(), "{problems:#?}\n{logs}");
        let status = bridge.stop();
        assert!(status.success(), "with everything delivered the bridge ended with {status}; {logs}");
    }
}

fn problems(verdict: &Verdict, damaged: f64, deadline: Option<Duration>) -> Vec<String> {
    let mut problems = Vec::new();
    #[expect(clippy::cast_precision_loss, reason = "there are not that many")]
    if verdict.lost.len() as f64 > damaged {
        problems.push(format!("lost: {:?}", verdict.lost));
    }
    if !verdict.reordered.is_empty() {
        problems.push(format!("answered before the other was sent, yet behind it: {:?}", verdict.reordered));
    }
    if verdict.obligations == 0 {
        problems.push("nothing was promised, so nothing was proved".into());
    }
    if deadline.is_some_and(|deadline| {
        verdict.longest_answer > deadline + Duration::from_secs(1) + delay_tolerance()
    }) {
        problems.push(format!("an answer took {:?}", verdict.longest_answer));
    }
    problems
}

fn post_fresh_event(bridge: &Bridge, load_began: Instant) -> Sent {
    let body = load::body("sms.sent", "message_id", "key-0", usize::MAX, 200);
    // Not earlier, because events in flight until now may precede it in the log.
    let sent = load_began.elapsed();
    until("a fresh event to be taken", || bridge.post(&body).status == 200);
    let last = Try { sent, answered: load_began.elapsed(), answer: Answer::Acked };
    Sent { kind: "sms.sent", key: "key-0".into(), body, tries: vec![last] }
}

fn launch(cluster: &ProxiedCluster, plan: &Plan, prefix: &str, folder: &Path, deadline: Duration) -> Bridge {
    let mut settings = vec![
        format!("topics.prefix={prefix}"),
        format!("topics.replication_factor={}", cluster.brokers()),
        format!("kafka.ack_deadline={}ms", deadline.as_millis()),
        "shutdown.timeout=4s".into(),
        // The default of ten seconds would delay every case.
        "kafka.properties.reconnect.backoff.max.ms=500".into(),
    ];
    if plan.spool {
        let directory = directory(plan, folder);
        let _ = fs::create_dir(&directory);
        settings.push(format!("spool.directory={}", directory.display()));
    }
    let fits = |setting: &&String| plan.spool || !setting.starts_with("spool.");
    settings.extend(plan.settings.iter().filter(fits).cloned());
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let environment: Vec<_> = plan.environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Bridge::start_with(&cluster.bootstrap(), &settings, &environment)
}

fn directory(plan: &Plan, folder: &Path) -> PathBuf {
    plan.directory.clone().unwrap_or_else(|| folder.join("spool"))
}

fn last_log_lines(former: &[Vec<String>], running: Option<&Bridge>) -> String {
    let running = running.map(|bridge| bridge.process.stderr());
    let logs: Vec<_> = former.iter().chain(&running).map(|log| tail(log)).collect();
    format!("logs of this trial's bridges:\n{}", logs.join("\n--- and the next one:\n"))
}

/// Omits lines that repeat for each event or attempt.
fn tail(log: &[String]) -> String {
    let is_chatter = |line: &&String| line.contains("event refused") || line.contains("METADATAUPDATE");
    let lines: Vec<_> = log.iter().filter(|line| !is_chatter(line)).map(String::as_str).collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

pub(crate) fn print_line(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
