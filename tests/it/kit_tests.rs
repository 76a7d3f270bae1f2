mod verdict;
mod with_kafka;
mod without_kafka;
