//! Descriptions of events, topics and HTTP for other programs: JSON Schema, AsyncAPI and OpenAPI.

pub(crate) mod asyncapi;
pub(crate) mod events;
pub(crate) mod openapi;
pub(crate) mod yaml;

#[cfg(test)]
mod tests;
