//! Producer on librdkafka's C interface.
//!
//! Own code, because rdkafka's producers settle acknowledgements from a polled queue and flush without
//! waiting. Here an interceptor runs on librdkafka's broker thread (docs/explanation/performance.md,
//! Effective changes).
//!
//! All unsafe calls of the crate are here. `.ci/memcheck` runs them under valgrind.

#![expect(unsafe_code, reason = "rdkafka offers neither interceptors nor a flush that waits")]

use super::context::ProducerContext;
use super::delivery_reports::DeliveryReports;
use crate::kafka::admin;
use crate::record::{Headers, Record};
use rdkafka::bindings as c;
use rdkafka::bindings::rd_kafka_vtype_t as tag;
use rdkafka::client::{Client, ClientContext as _};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel as Level};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::types::{RDKafkaRespErr, RDKafkaType};
use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

const NO_ERROR: RDKafkaRespErr = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;

pub(super) struct FfiProducer {
    client: Client<ProducerContext>,
    /// Dropped after the client, because the interceptor has its address.
    reports: Arc<DeliveryReports>,
}

impl FfiProducer {
    pub(super) fn open(
        settings: &ClientConfig,
        context: ProducerContext,
        reports: Arc<DeliveryReports>,
    ) -> Result<Self, KafkaError> {
        let mut settings = settings.clone();
        // A flush serves no callbacks if reports are events. The interceptor receives failures too.
        settings.set("delivery.report.only.error", "true");
        let config = settings.create_native_config()?;
        let events = c::RD_KAFKA_EVENT_DR | c::RD_KAFKA_EVENT_STATS | c::RD_KAFKA_EVENT_ERROR;
        // SAFETY: `config` is a valid configuration with a single owner.
        unsafe { c::rd_kafka_conf_set_events(config.ptr(), events) };
        let address = Arc::as_ptr(&reports).cast_mut().cast();
        // SAFETY: as above. The name is copied; `install_interceptor` only passes the address on.
        let added = unsafe {
            c::rd_kafka_conf_interceptor_add_on_new(
                config.ptr(),
                INTERCEPTOR_NAME.as_ptr(),
                Some(install_interceptor),
                address,
            )
        };
        if added != NO_ERROR {
            return Err(KafkaError::ClientCreation("it accepts no interceptor".into()));
        }
        let client = Client::new(&settings, config, RDKafkaType::RD_KAFKA_PRODUCER, context)?;
        Ok(Self { client, reports })
    }

    /// librdkafka takes the answer over; otherwise it refuses records for new partitions for minutes. Blocks.
    pub(super) fn partitions(&self, topic: &str, timeout: Duration) -> Option<u32> {
        let metadata = self.client.fetch_metadata(Some(topic), timeout).ok()?;
        let topic = metadata.topics().first().filter(|topic| topic.error().is_none())?;
        Some(admin::partitions(topic)).filter(|partitions| *partitions > 0)
    }

    pub(super) fn context(&self) -> &ProducerContext {
        self.client.context()
    }

    pub(super) fn reports(&self) -> &DeliveryReports {
        &self.reports
    }

    /// Unless this returns an error, the report is settled by the ticket, from any thread.
    pub(super) fn produce(&self, record: &Record, partition: Option<u32>, ticket: usize) -> Result<(), Code> {
        let partition = partition.and_then(|partition| i32::try_from(partition).ok()).unwrap_or(UNASSIGNED);
        let topic = CString::new(&*record.topic).map_err(|_| Code::InvalidTopic)?;
        let headers = headers(&record.headers);
        let (key, key_len) = record.key.as_ref().map_or((ptr::null(), 0), |key| (key.as_ptr(), key.len()));
        CURRENT_TICKET.set(Some(ticket));
        // SAFETY: each tag is followed by its documented arguments, in C's types. librdkafka copies topic,
        // key and value, owns the headers if it accepts the record, and never dereferences the ticket.
        let answer = unsafe {
            c::rd_kafka_producev(
                self.client.native_ptr(),
                tag::RD_KAFKA_VTYPE_TOPIC,
                topic.as_ptr(),
                tag::RD_KAFKA_VTYPE_PARTITION,
                partition,
                tag::RD_KAFKA_VTYPE_MSGFLAGS,
                c::RD_KAFKA_MSG_F_COPY,
                tag::RD_KAFKA_VTYPE_VALUE,
                record.value.as_ptr(),
                record.value.len(),
                tag::RD_KAFKA_VTYPE_KEY,
                key,
                key_len,
                tag::RD_KAFKA_VTYPE_OPAQUE,
                ptr::without_provenance_mut::<c_void>(ticket),
                tag::RD_KAFKA_VTYPE_TIMESTAMP,
                record.timestamp,
                tag::RD_KAFKA_VTYPE_HEADERS,
                headers,
                tag::RD_KAFKA_VTYPE_END,
            )
        };
        let ended = CURRENT_TICKET.take().is_none();
        if answer == NO_ERROR {
            if ended {
                // Accepted, and dropped at once.
                self.reports.settle(ticket, Err(Code::Unknown));
            }
            return Ok(());
        }
        // SAFETY: librdkafka has not taken the headers.
        unsafe { c::rd_kafka_headers_destroy(headers) };
        Err(answer.into())
    }

    /// Waits up to `timeout` for the first event, and not for others.
    pub(super) fn poll(&self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        let queue = EventQueue::main(&self.client);
        let mut wait = millis(timeout);
        while let Some(event) = queue.poll(wait) {
            event.dispatch(self.context());
            if Instant::now() >= deadline {
                return;
            }
            wait = 0;
        }
    }

    /// Sends queued records at once and waits for their reports. Another thread must poll meanwhile.
    pub(super) fn flush(&self, timeout: Duration) {
        // SAFETY: the client lives as long as `self`. librdkafka allows concurrent flushes from any thread.
        let _ = unsafe { c::rd_kafka_flush(self.client.native_ptr(), millis(timeout)) };
    }

    /// Does not wait for librdkafka's broker threads, which may wait for DNS.
    pub(super) fn purge(&self) {
        let everything =
            c::RD_KAFKA_PURGE_F_QUEUE | c::RD_KAFKA_PURGE_F_INFLIGHT | c::RD_KAFKA_PURGE_F_NON_BLOCKING;
        // SAFETY: the client lives as long as `self`. librdkafka allows a purge from any thread.
        let _ = unsafe { c::rd_kafka_purge(self.client.native_ptr(), everything) };
    }

    /// Counts events not yet polled, too.
    pub(super) fn unreported(&self) -> usize {
        // SAFETY: the client lives as long as `self`. librdkafka counts under its own lock.
        let count = unsafe { c::rd_kafka_outq_len(self.client.native_ptr()) };
        usize::try_from(count).unwrap_or(0)
    }

    /// Returns the error after which librdkafka sends nothing.
    pub(super) fn fatal_error(&self) -> Option<String> {
        self.client.fatal_error().map(|(_, reason)| reason)
    }
}

/// Lets librdkafka choose the partition.
const UNASSIGNED: i32 = -1;

const INTERCEPTOR_NAME: &CStr = c"reports";

thread_local! {
    /// Ticket being sent. librdkafka calls the interceptor for a refused record before the call returns; then
    /// the returned error counts.
    static CURRENT_TICKET: Cell<Option<usize>> = const { Cell::new(None) };
}

unsafe extern "C" fn install_interceptor(
    client: *mut c::rd_kafka_t,
    _: *const c::rd_kafka_conf_t,
    reports: *mut c_void,
    _: *mut c_char,
    _: usize,
) -> RDKafkaRespErr {
    // SAFETY: the only call allowed here. The client's destruction waits for the threads that call
    // `on_acknowledgement`, and ends before its reports are dropped.
    unsafe {
        c::rd_kafka_interceptor_add_on_acknowledgement(
            client,
            INTERCEPTOR_NAME.as_ptr(),
            Some(on_acknowledgement),
            reports,
        )
    }
}

/// Called once for each record, on a thread of librdkafka, a purging or a sending thread. Must neither wait
/// nor call librdkafka. Not called for records left at destruction; their reports settle when dropped.
unsafe extern "C" fn on_acknowledgement(
    _: *mut c::rd_kafka_t,
    message: *mut c::rd_kafka_message_t,
    reports: *mut c_void,
) -> RDKafkaRespErr {
    // SAFETY: librdkafka lends the message for this call. A broker's error may be any number, so it is read
    // as an integer of the enumeration's size.
    let (ticket, error, offset) = unsafe {
        ((*message)._private.addr(), (&raw const (*message).err).cast::<i32>().read(), (*message).offset)
    };
    if CURRENT_TICKET.get() == Some(ticket) {
        CURRENT_TICKET.set(None);
        return NO_ERROR;
    }
    // SAFETY: the address is that of the client's reports, see `install_interceptor`.
    let reports = unsafe { &*reports.cast_const().cast::<DeliveryReports>() };
    let end = match RDKafkaRespErr::try_from(error) {
        Ok(NO_ERROR) => Ok(offset),
        Ok(known) => Err(known.into()),
        Err(_) => Err(Code::Unknown),
    };
    reports.settle(ticket, end);
    NO_ERROR
}

/// A successful send takes ownership of the returned list.
fn headers(headers: &Headers) -> *mut c::rd_kafka_headers_t {
    // SAFETY: names and values are passed with their lengths and copied. Only a read-only list refuses them.
    unsafe {
        let list = c::rd_kafka_headers_new(HEADERS_CAPACITY);
        for (name, value) in headers.iter_bytes() {
            let (name, name_len) = (name.as_ptr().cast(), name.len().cast_signed());
            let (value, value_len) = (value.as_ptr().cast(), value.len().cast_signed());
            let _ = c::rd_kafka_header_add(list, name, name_len, value, value_len);
        }
        list
    }
}

const HEADERS_CAPACITY: usize = 12;

fn millis(time: Duration) -> c_int {
    c_int::try_from(time.as_millis()).unwrap_or(c_int::MAX)
}

struct EventQueue(*mut c::rd_kafka_queue_t);

impl EventQueue {
    fn main(client: &Client<ProducerContext>) -> Self {
        // SAFETY: the client lives. The call takes a reference, which is released on drop.
        Self(unsafe { c::rd_kafka_queue_get_main(client.native_ptr()) })
    }

    fn poll(&self, millis: c_int) -> Option<FfiEvent> {
        // SAFETY: the queue is referenced.
        let event = unsafe { c::rd_kafka_queue_poll(self.0, millis) };
        (!event.is_null()).then_some(FfiEvent(event))
    }
}

impl Drop for EventQueue {
    fn drop(&mut self) {
        // SAFETY: referenced, and not used afterwards.
        unsafe { c::rd_kafka_queue_destroy(self.0) };
    }
}

struct FfiEvent(*mut c::rd_kafka_event_t);

impl FfiEvent {
    fn dispatch(&self, context: &ProducerContext) {
        // SAFETY: the event lives, and so do its texts, which exist for its type. They end with a zero or are
        // null.
        unsafe {
            match c::rd_kafka_event_type(self.0) {
                c::RD_KAFKA_EVENT_LOG => {
                    let (mut facility, mut line, mut level) = (ptr::null(), ptr::null(), 0);
                    c::rd_kafka_event_log(self.0, &raw mut facility, &raw mut line, &raw mut level);
                    context.log(level_of(level), text(facility).trim(), text(line).trim());
                }
                c::RD_KAFKA_EVENT_STATS => {
                    context.stats_raw(text(c::rd_kafka_event_stats(self.0)).as_bytes());
                }
                c::RD_KAFKA_EVENT_ERROR => {
                    let error = KafkaError::Global(c::rd_kafka_event_error(self.0).into());
                    context.error(error, text(c::rd_kafka_event_error_string(self.0)).trim());
                }
                _ => {}
            }
        }
    }
}

impl Drop for FfiEvent {
    fn drop(&mut self) {
        // SAFETY: owned, and not used afterwards.
        unsafe { c::rd_kafka_event_destroy(self.0) };
    }
}

/// # Safety
///
/// The text ends with a zero and lives as long as the returned value.
unsafe fn text<'a>(text: *const c_char) -> std::borrow::Cow<'a, str> {
    if text.is_null() {
        return "".into();
    }
    // SAFETY: as above.
    unsafe { CStr::from_ptr(text) }.to_string_lossy()
}

/// Maps syslog levels.
fn level_of(number: c_int) -> Level {
    match number {
        0 => Level::Emerg,
        1 => Level::Alert,
        2 => Level::Critical,
        3 => Level::Error,
        4 => Level::Warning,
        5 => Level::Notice,
        6 => Level::Info,
        _ => Level::Debug,
    }
}
