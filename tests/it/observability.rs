//! Logs, metrics, traces, dashboards and alerts, and the absence of personal data in them.

mod dashboards;
mod logs;
pub(crate) mod secrecy;
mod traces;
