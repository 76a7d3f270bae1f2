use chrono::Utc;

pub(super) fn now_millis() -> i64 {
    Utc::now().timestamp_millis()
}
