//! Errors in the settings of the routes.

use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteError {
    /// Setting, such as `routes[2].topics[0]`.
    pub at: String,
    pub reason: String,
    pub others: Vec<String>,
}

impl RouteError {
    pub(super) fn new(at: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { at: at.into(), reason: reason.into(), others: Vec::new() }
    }
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.reason)
    }
}

impl std::error::Error for RouteError {}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidRoutes(pub Vec<RouteError>);

impl fmt::Display for InvalidRoutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        write!(f, "invalid routes: {}", errors.join("; "))
    }
}

impl std::error::Error for InvalidRoutes {}
