use super::*;
use crate::kafka::tests::forgetful::ForgetfulBroker;
use std::collections::BTreeMap;

const REPLACE_TIMEOUT: Duration = Duration::from_secs(60);
const WITHIN: Duration = Duration::from_secs(1);

fn config(bootstrap_servers: String) -> Config {
    let (partitions, replication_factor, config) = (None, None, BTreeMap::new());
    let topics = TopicsConfig { create_missing: false, partitions, replication_factor, config };
    Config { bootstrap_servers, properties: BTreeMap::new(), topics }
}

fn await_answer(admin: &Admin) {
    let deadline = Instant::now() + REPLACE_TIMEOUT;
    while !admin.is_cluster_answering(WITHIN) {
        assert!(Instant::now() < deadline, "not answered");
    }
}

#[test]
fn client_without_known_brokers_finds_them_again() {
    let broker = ForgetfulBroker::start();
    let admin = Admin::with_replace_timeout(&config(broker.address()), Duration::from_secs(2)).unwrap();
    await_answer(&admin);
    broker.forget();
    await_answer(&admin);
    assert!(broker.has_forgotten());
    await_answer(&admin);
}

#[test]
fn client_is_replaced_after_its_timeout_without_an_answer() {
    let broker = ForgetfulBroker::start();
    let shared = Admin::with_replace_timeout(&config(broker.address()), WITHIN).unwrap().0;
    let long_ago = Instant::now().checked_sub(WITHIN).unwrap();
    assert!(!shared.is_to_be_replaced(Instant::now(), false));
    assert!(!shared.is_to_be_replaced(long_ago, false), "only the first of several questions counts");
    assert!(!shared.is_to_be_replaced(long_ago, true));
    assert!(shared.is_to_be_replaced(long_ago, false));
    assert!(!shared.is_to_be_replaced(Instant::now(), false), "the next client has its own time");
}
