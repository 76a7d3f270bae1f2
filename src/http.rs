//! HTTP: the ingress for webhooks, and the admin listener for probes and metrics.

mod admin;
mod chunks;
mod config;
mod connection_count;
mod content_encoding;
mod descriptors;
mod detached;
mod evictable;
mod guarded_stream;
mod headers;
mod ingress;
mod listener;
mod path;
mod problem;
mod read_gate;
mod request_body;
mod request_head;
mod response;
mod response_catalog;
mod server;
mod shutdown_gate;
mod tls;

pub(crate) use admin::AdminListener;
pub(crate) use config::{AdminConfig, Config, TlsConfig};
pub(crate) use descriptors::DescriptorLimit;
pub(crate) use ingress::Ingress;
pub(crate) use ingress::REQUEST_OVERHEAD;
pub(crate) use response_catalog::{ExampleResponse, example_responses, readiness_at_start};
pub(crate) use tls::{certificate_expires, certificate_fault, check_tls, check_tls_pair};
