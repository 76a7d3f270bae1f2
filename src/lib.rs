//! Bridge from JustCall webhooks to Apache Kafka. Consumers of the topics use the crate `justcall-events`.

// Both panic if the output is closed. `terminal` does not.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod app;
mod backoff;
mod cli;
mod config;
mod delivery;
mod diagnostics;
mod explain;
mod health;
mod http;
mod ingest;
mod input;
mod kafka;
mod masking;
mod private_file;
mod rate_limit;
mod record;
mod replay;
mod routing;
mod schemas;
mod secret;
mod send;
mod spool;
mod telemetry;
mod terminal;
mod topics;
mod watch;
mod yaml;

pub use cli::run;

/// Parts for benchmarks, fuzz targets and integration tests. Not an interface: changes without notice.
#[doc(hidden)]
pub mod internals {
    pub mod config {
        pub use crate::config::{SettingErrors, Settings, SettingsFile, SettingsInput, print_config};
    }
    pub mod delivery {
        pub use crate::delivery::{Delivery, Parts, Report, Sink, TopicFailure};
    }
    pub mod health {
        pub use crate::health::Readiness;
    }
    pub mod ingest {
        pub use crate::ingest::{
            Arrival, Budget, Credentials, Disposition, Evaluated, Evaluator, Ingest, Outcome,
        };
    }
    pub mod kafka {
        pub use crate::kafka::{Cluster, Config, ConfigOrigin, Described, Error, TopicsConfig};
    }
    pub mod record {
        pub use crate::record::Record;
    }
    pub mod routing {
        pub use crate::routing::{
            Config, Decision, HeaderValue, Match, Operator, Predicate, RecordContext, RouteConfig,
            RouteResult, RouteTable, Routed, UnknownEvents,
        };
    }
    pub mod spool {
        pub use crate::spool::{Append, Config, Spool, SpoolEntry};
    }
    pub mod telemetry {
        pub use crate::telemetry::{Metrics, Tracer};
    }
}
