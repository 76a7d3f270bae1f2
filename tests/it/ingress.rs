mod attacks;
mod bad_inputs;
mod signatures;
pub(crate) mod tls;
