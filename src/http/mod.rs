//! The HTTP side: the ingress for webhooks and the admin listener for probes and metrics.

mod admin;
mod answer;
mod answers;
mod body;
mod chunks;
mod coding;
mod config;
mod crowd;
mod descriptors;
mod evictable;
mod gate;
mod head;
mod headers;
mod ingress;
mod listener;
mod paced;
mod path;
mod problem;
mod server;
mod tls;
mod turn;
mod work;

pub use admin::Admin;
pub use answers::{Answer, answers, readiness_at_start};
pub use config::{AdminConfig, Config, TlsConfig};
pub use descriptors::DescriptorLimit;
pub use ingress::Ingress;
pub(crate) use ingress::REQUEST_OVERHEAD;
pub use tls::{TlsProblem, certificate_expires, certificate_fault, check_tls, check_tls_pair};
