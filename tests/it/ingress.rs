//! Requests at the ingress: authentication, limits, invalid bodies, TLS and attacks.

mod attacks;
mod bad_inputs;
mod signatures;
pub(crate) mod tls;
