//! Wall clock.

use chrono::Utc;

/// Returns the present time in milliseconds since 1970.
pub(super) fn now_millis() -> i64 {
    Utc::now().timestamp_millis()
}
