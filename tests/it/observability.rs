mod dashboards;
mod logs;
pub(crate) mod secrecy;
mod traces;
