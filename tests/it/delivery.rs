mod cluster;
mod failures;
pub(crate) mod faults;
mod late_leader;
mod lifecycle;
mod outage;
mod records;
mod reload;
