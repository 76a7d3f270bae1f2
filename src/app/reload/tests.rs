use super::{RefreshResult, Reloader};
use crate::app::block_on;
use crate::config::{Settings, SettingsFile, SettingsInput};
use crate::delivery::{self, Delivery};
use crate::health::Readiness;
use crate::ingest::{Evaluator, Ingest};
use crate::kafka::Producer;
use crate::routing::RouteTable;
use crate::telemetry::Metrics;
use crate::watch::Refresh;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Handle;

fn sources(file: &Path) -> SettingsInput {
    let flags =
        vec!["sources.main.signature.required=false".into(), "kafka.bootstrap_servers=127.0.0.1:1".into()];
    SettingsInput { file: SettingsFile::At(file.into()), flags, ..SettingsInput::default() }
}

/// Returns a reloader of a bridge that started with `settings`.
fn reloader(settings: Settings, file: &Path) -> Reloader {
    let (metrics, readiness) = (Arc::new(Metrics::new()), Arc::new(Readiness::default()));
    let producer = Arc::new(Producer::start(&settings.kafka, &readiness, &metrics).unwrap());
    let table = RouteTable::compile(&settings.routing).unwrap();
    let parts = delivery::Parts {
        sink: Arc::clone(&producer) as _,
        spool: None,
        topics: table.topics().cloned().collect(),
        dead_letter_topic: settings.ingest.dead_letter.topic.as_str().into(),
        queue: (1000, 1_000_000),
        runtime: Handle::current(),
        readiness,
        metrics: Arc::clone(&metrics),
        tracer: crate::telemetry::Tracer::off(),
    };
    let delivery = Delivery::start(settings.delivery.clone(), parts);
    let evaluator = Evaluator::new(&settings.ingest, table);
    let ingest =
        Ingest::new(&settings.ingest, evaluator, Arc::clone(&delivery), Arc::clone(&metrics), 0).unwrap();
    Reloader::new(sources(file), settings, Arc::new(ingest), delivery, producer, metrics)
}

fn topics(reloader: &Reloader) -> Vec<String> {
    reloader.state.lock().settings.routing.routes.iter().flat_map(|route| route.topics.clone()).collect()
}

fn to(topic: &str) -> String {
    format!("routes: [{{ match: call.*, topics: {topic} }}]\n")
}

#[test]
fn file_that_changed_during_the_start_is_loaded_at_the_first_look() {
    block_on(async {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), to("old")).unwrap();
        let settings = Settings::load_to_serve(&sources(file.path())).unwrap();
        fs::write(file.path(), to("new")).unwrap();
        let reloader = reloader(settings, file.path());
        assert_eq!(reloader.refresh(), RefreshResult::Unsettled);
        assert_eq!((reloader.refresh(), topics(&reloader)), (RefreshResult::Changed, vec!["new".to_owned()]));
        assert_eq!(reloader.refresh(), RefreshResult::Unchanged);
    });
}

/// As when a secret is mounted some seconds after the settings that name it.
#[test]
fn settings_that_need_a_missing_file_are_loaded_once_it_exists() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let (file, secret) = (folder.path().join("bridge.yaml"), folder.path().join("secret"));
        fs::write(&file, to("old")).unwrap();
        let reloader = reloader(Settings::load_to_serve(&sources(&file)).unwrap(), &file);
        assert_eq!(reloader.refresh(), RefreshResult::Unchanged);
        let named =
            format!("sources: {{ main: {{ signature: {{ secrets_file: {} }} }} }}\n", secret.display());
        fs::write(&file, to("new") + &named).unwrap();
        assert_eq!(reloader.refresh(), RefreshResult::Unsettled);
        assert!(
            matches!(reloader.refresh(), RefreshResult::Failed(reason) if reason.contains("secrets_file"))
        );
        assert_eq!(
            (reloader.refresh(), topics(&reloader)),
            (RefreshResult::StillFailed, vec!["old".to_owned()])
        );
        reloader.handle().request();
        assert!(matches!(reloader.refresh(), RefreshResult::Failed(_)), "a request reports the error again");
        fs::write(&secret, "a-secret").unwrap();
        assert_eq!((reloader.refresh(), topics(&reloader)), (RefreshResult::Changed, vec!["new".to_owned()]));
        assert_eq!(reloader.refresh(), RefreshResult::Unchanged);
        assert_eq!(reloader.metrics.config_pending_restart.get(), 1, "the secret");
    });
}

/// As a plain copy, which truncates the file and writes it in pieces.
#[test]
fn file_written_in_pieces_is_loaded_only_as_a_whole() {
    block_on(async {
        let file = tempfile::NamedTempFile::new().unwrap();
        let route = |topic: &str| format!("  - {{ match: call.*, continue: true, topics: {topic} }}\n");
        fs::write(file.path(), to("old")).unwrap();
        let reloader = reloader(Settings::load_to_serve(&sources(file.path())).unwrap(), file.path());
        assert_eq!(reloader.refresh(), RefreshResult::Unchanged);
        let whole = format!("routes:\n{}{}{}", route("a"), route("b"), route("c"));
        let ends = (0..whole.len()).step_by(7);
        for end in ends {
            fs::write(file.path(), &whole[..end]).unwrap();
            assert_eq!(
                (reloader.refresh(), topics(&reloader)),
                (RefreshResult::Unsettled, vec!["old".to_owned()])
            );
        }
        fs::write(file.path(), &whole).unwrap();
        assert_eq!(reloader.refresh(), RefreshResult::Unsettled);
        assert_eq!(reloader.refresh(), RefreshResult::Changed);
        assert_eq!(topics(&reloader), ["a", "b", "c"]);
    });
}

#[test]
fn empty_file_keeps_the_settings_in_force() {
    block_on(async {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), to("old")).unwrap();
        let reloader = reloader(Settings::load_to_serve(&sources(file.path())).unwrap(), file.path());
        fs::write(file.path(), "\n").unwrap();
        assert_eq!(reloader.refresh(), RefreshResult::Unsettled);
        assert!(matches!(reloader.refresh(), RefreshResult::Failed(reason) if reason.contains("is empty")));
        assert_eq!(topics(&reloader), ["old"]);
        fs::write(file.path(), to("old")).unwrap();
        assert_eq!(reloader.refresh(), RefreshResult::Unsettled);
        assert_eq!(
            (reloader.refresh(), topics(&reloader)),
            (RefreshResult::Unchanged, vec!["old".to_owned()])
        );
    });
}
