use super::trial::Trial;
use crate::kit::proxy::Proxy;

/// In the order in which two can be combined: a dead broker cannot be frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    Frozen,
    Killed,
    Cut,
    Clogged,
    BridgeKilled,
    BridgeStopped,
}

pub(crate) const ALL: [Fault; 6] =
    [Fault::Frozen, Fault::Killed, Fault::Cut, Fault::Clogged, Fault::BridgeKilled, Fault::BridgeStopped];

impl Fault {
    pub(crate) fn strike(self, trial: &mut Trial<'_>) {
        match self {
            Self::Frozen => trial.cluster.kafka.freeze(),
            Self::Killed => trial.cluster.kafka.kill(),
            Self::Cut => trial.cluster.proxies().iter().for_each(Proxy::close),
            Self::Clogged => trial.cluster.proxies().iter().for_each(Proxy::block),
            Self::BridgeKilled if trial.is_running() => trial.kill_bridge(),
            Self::BridgeStopped if trial.is_running() => trial.stop_bridge(),
            Self::BridgeKilled | Self::BridgeStopped => {}
        }
    }

    pub(crate) fn lift(self, trial: &mut Trial<'_>) {
        match self {
            Self::Frozen => trial.cluster.kafka.thaw(),
            Self::Killed => trial.cluster.restart_dead_brokers(),
            Self::Cut | Self::Clogged => trial.cluster.proxies().iter().for_each(Proxy::pass),
            Self::BridgeKilled | Self::BridgeStopped if trial.is_running() => {}
            Self::BridgeKilled | Self::BridgeStopped => trial.start_bridge(),
        }
    }
}
