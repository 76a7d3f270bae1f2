//! Rate limits: a token bucket, and a throttle for log lines on top of it.

mod log_throttle;
mod token_bucket;

pub(crate) use log_throttle::LogThrottle;
pub(crate) use token_bucket::TokenBucket;
