use super::validation_errors::ValidationErrors;
use crate::config::settings::Settings;
use crate::config::value_types::format_size;
use crate::kafka::properties::DEFAULT_MESSAGE_MAX_BYTES;
use crate::routing::RouteTable;

/// Bytes allowed for a record's key and headers.
const KEY_AND_HEADERS_BYTES: usize = 16 * 1024;

/// Checks that the largest event can be admitted, which is refused forever otherwise. The error has the least
/// value.
pub(in crate::config) fn check_max_in_flight(
    settings: &Settings,
    table: Option<&RouteTable>,
) -> Result<(), String> {
    let body = settings.server.max_body_bytes;
    let records = table.map_or(1, RouteTable::max_records).max(1);
    // A body is in memory beside its records, and beside its compressed form while it is decoded.
    let least = body + records * (body + KEY_AND_HEADERS_BYTES);
    if settings.server.max_in_flight >= least {
        return Ok(());
    }
    let records = match records {
        1 => "its record".into(),
        several => format!("its {several} records, one for each topic"),
    };
    Err(format!(
        "must be at least {least} bytes, to hold one body of `server.max_body_bytes` ({}) and {records}",
        format_size(&body)
    ))
}

pub(super) fn check_message_size(settings: &Settings, errors: &mut ValidationErrors<'_>) {
    let name = "message.max.bytes";
    let value = settings.kafka.properties.get(name);
    if settings.property_files.contains_key(name) && value.is_none() {
        return;
    }
    let key = settings.property_key(name);
    let limit = value.map_or(Ok(DEFAULT_MESSAGE_MAX_BYTES), |text| text.expose().trim().parse());
    let body = settings.server.max_body_bytes;
    match limit {
        // Reported by librdkafka's check.
        Err(_) if errors.keys_from(0).any(|reported| reported == key) => {}
        Err(_) => errors.add(key, "must be a whole number of bytes"),
        Ok(limit) if limit < body + KEY_AND_HEADERS_BYTES => {
            let reason = format!(
                "a body of {} with 16 KiB for its key and headers does not fit `message.max.bytes`, which is {limit}: \
                 lower this, or set `kafka.properties.message.max.bytes` to {} or more (and the topics' `max.message.bytes` with it)",
                format_size(&body),
                body + KEY_AND_HEADERS_BYTES
            );
            errors.add("server.max_body_bytes", reason);
        }
        Ok(_) => {}
    }
}
