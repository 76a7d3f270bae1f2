mod log_throttle;
mod token_bucket;

pub(crate) use log_throttle::LogThrottle;
pub(crate) use token_bucket::TokenBucket;
