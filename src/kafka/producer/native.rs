//! The library's producer, by its C interface.
//!
//! rdkafka's producers learn of acknowledgements from events that somebody polls for: the thread that
//! talks to a broker hands each over to a polling thread, and wakes it up. Here an interceptor is told on
//! the broker's thread itself: docs/PERFORMANCE.md, What was worth it. And rdkafka flushes with a timeout
//! of zero, which is over before the library's threads have looked; here a flush waits.
//!
//! All unsafe code of the crate is here. `.ci/memcheck` runs it under valgrind.

#![expect(unsafe_code, reason = "rdkafka offers neither interceptors nor a flush that waits")]

use super::generation::Context;
use super::reports::Reports;
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

/// A producer of the library, which settles what it is handed over at the [`Reports`].
pub(super) struct Native {
    client: Client<Context>,
    /// Behind the client, and so dropped after it: the interceptor has its address, and of some records the
    /// library says nothing more once it is destroyed.
    reports: Arc<Reports>,
}

impl Native {
    /// # Errors
    /// When the library refuses a property.
    pub(super) fn open(
        settings: &ClientConfig,
        context: Context,
        reports: Arc<Reports>,
    ) -> Result<Self, KafkaError> {
        let mut settings = settings.clone();
        // Flushes serve no callbacks where reports are events. But the interceptor is told of failures and
        // successes: of the first these events say nothing new, and of the others there are none.
        settings.set("delivery.report.only.error", "true");
        let config = settings.create_native_config()?;
        let events = c::RD_KAFKA_EVENT_DR | c::RD_KAFKA_EVENT_STATS | c::RD_KAFKA_EVENT_ERROR;
        // SAFETY: `config` is a configuration, and nobody else has it.
        unsafe { c::rd_kafka_conf_set_events(config.ptr(), events) };
        let address = Arc::as_ptr(&reports).cast_mut().cast();
        // SAFETY: the same. The name is copied. `intercept` only passes the address on, see there.
        let added = unsafe {
            c::rd_kafka_conf_interceptor_add_on_new(config.ptr(), NAME.as_ptr(), Some(intercept), address)
        };
        if added != NO_ERROR {
            return Err(KafkaError::ClientCreation("it takes no interceptor".into()));
        }
        let client = Client::new(&settings, config, RDKafkaType::RD_KAFKA_PRODUCER, context)?;
        Ok(Self { client, reports })
    }

    pub(super) fn context(&self) -> &Context {
        self.client.context()
    }

    pub(super) fn reports(&self) -> &Reports {
        &self.reports
    }

    /// Hands a record over. Its report is settled by the ticket, from any thread, unless this is an error.
    pub(super) fn produce(&self, record: &Record, partition: Option<u32>, ticket: usize) -> Result<(), Code> {
        let partition = partition.and_then(|partition| i32::try_from(partition).ok()).unwrap_or(UNASSIGNED);
        let topic = CString::new(&*record.topic).map_err(|_| Code::InvalidTopic)?;
        let headers = headers(&record.headers);
        let (key, key_len) = record.key.as_ref().map_or((ptr::null(), 0), |key| (key.as_ptr(), key.len()));
        IN_HAND.set(Some(ticket));
        // SAFETY: each tag is followed by what the library's documentation wants behind it, in C's types.
        // The library copies topic, key and value before it returns, and takes the headers if it takes
        // the record. The ticket is no address, and nobody takes it for one.
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
        let ended = IN_HAND.take().is_none();
        if answer == NO_ERROR {
            if ended {
                // The library took it and lost it at once.
                self.reports.settle(ticket, Err(Code::Unknown));
            }
            return Ok(());
        }
        // SAFETY: the library has not taken them.
        unsafe { c::rd_kafka_headers_destroy(headers) };
        Err(answer.into())
    }

    /// Serves the library's events for at most `timeout`: waits for one, and for none behind it.
    pub(super) fn poll(&self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        let queue = Queue::main(&self.client);
        let mut wait = millis(timeout);
        while let Some(event) = queue.poll(wait) {
            event.tell(self.context());
            if Instant::now() >= deadline {
                return;
            }
            wait = 0;
        }
    }

    /// Has what is queued sent at once, and what comes meanwhile. Waits until nothing is out, at most for
    /// `timeout`. Somebody must poll meanwhile.
    pub(super) fn flush(&self, timeout: Duration) {
        // SAFETY: the client lives as long as `self`. The library takes flushes from any thread, several
        // at a time; where reports are events, they call nothing back.
        let _ = unsafe { c::rd_kafka_flush(self.client.native_ptr(), millis(timeout)) };
    }

    /// Has everything fail that was handed over. Does not wait for librdkafka's broker threads, which may
    /// wait for DNS.
    pub(super) fn purge(&self) {
        let everything =
            c::RD_KAFKA_PURGE_F_QUEUE | c::RD_KAFKA_PURGE_F_INFLIGHT | c::RD_KAFKA_PURGE_F_NON_BLOCKING;
        // SAFETY: the client lives as long as `self`. The library takes this from any thread.
        let _ = unsafe { c::rd_kafka_purge(self.client.native_ptr(), everything) };
    }

    /// Records whose report is out, and events that nobody polled for yet.
    pub(super) fn unreported(&self) -> usize {
        // SAFETY: the client lives as long as `self`. The library counts under a lock of its own.
        let count = unsafe { c::rd_kafka_outq_len(self.client.native_ptr()) };
        usize::try_from(count).unwrap_or(0)
    }

    /// Why the library sends nothing any more, if so.
    pub(super) fn fatal_error(&self) -> Option<String> {
        self.client.fatal_error().map(|(_, reason)| reason)
    }
}

/// The partition of a record whose partition is the library's to choose.
const UNASSIGNED: i32 = -1;

const NAME: &CStr = c"reports";

thread_local! {
    /// The ticket that this thread hands over, until the library says how its record ended. It says so
    /// before the call returns where it refuses the record, and then the call's own word counts.
    static IN_HAND: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Called once for a client, before it works.
unsafe extern "C" fn intercept(
    client: *mut c::rd_kafka_t,
    _: *const c::rd_kafka_conf_t,
    reports: *mut c_void,
    _: *mut c_char,
    _: usize,
) -> RDKafkaRespErr {
    // SAFETY: the one thing that may be done here with a client. Destroying it, which is done before its
    // reports are dropped, waits for the threads that call `reported`.
    unsafe { c::rd_kafka_interceptor_add_on_acknowledgement(client, NAME.as_ptr(), Some(reported), reports) }
}

/// Called once for each record, however it ended: by a thread of the library, by one that purges, or by one
/// that hands over this record or another. Not for what is left when a client is destroyed, whose reports
/// settle as they are dropped. It must not wait, nor call the library.
unsafe extern "C" fn reported(
    _: *mut c::rd_kafka_t,
    message: *mut c::rd_kafka_message_t,
    reports: *mut c_void,
) -> RDKafkaRespErr {
    // SAFETY: the library lends the message for this call. Its error may be any number that a broker sends,
    // and so more than the enumeration has; it is as large as that.
    let (ticket, error, offset) = unsafe {
        ((*message)._private.addr(), (&raw const (*message).err).cast::<i32>().read(), (*message).offset)
    };
    if IN_HAND.get() == Some(ticket) {
        IN_HAND.set(None);
        return NO_ERROR;
    }
    // SAFETY: the address is that of the client's reports, see `intercept`.
    let reports = unsafe { &*reports.cast_const().cast::<Reports>() };
    let end = match RDKafkaRespErr::try_from(error) {
        Ok(NO_ERROR) => Ok(offset),
        Ok(known) => Err(known.into()),
        Err(_) => Err(Code::Unknown),
    };
    reports.settle(ticket, end);
    NO_ERROR
}

/// The library's own list of them. Whoever hands it over does not own it any more.
fn headers(headers: &Headers) -> *mut c::rd_kafka_headers_t {
    // SAFETY: these are the list that was just made, and names and values with their lengths, which it
    // copies. It refuses only where a list cannot be written.
    unsafe {
        let list = c::rd_kafka_headers_new(USUAL);
        for (name, value) in headers.iter_bytes() {
            let (name, name_len) = (name.as_ptr().cast(), name.len().cast_signed());
            let (value, value_len) = (value.as_ptr().cast(), value.len().cast_signed());
            let _ = c::rd_kafka_header_add(list, name, name_len, value, value_len);
        }
        list
    }
}

/// Headers that a list has room for at first.
const USUAL: usize = 12;

fn millis(time: Duration) -> c_int {
    c_int::try_from(time.as_millis()).unwrap_or(c_int::MAX)
}

/// The queue of a client's events.
struct Queue(*mut c::rd_kafka_queue_t);

impl Queue {
    fn main(client: &Client<Context>) -> Self {
        // SAFETY: the client lives. This counts a reference, which is given back when it is dropped.
        Self(unsafe { c::rd_kafka_queue_get_main(client.native_ptr()) })
    }

    fn poll(&self, millis: c_int) -> Option<Event> {
        // SAFETY: the queue is held.
        let event = unsafe { c::rd_kafka_queue_poll(self.0, millis) };
        (!event.is_null()).then_some(Event(event))
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: it is held, and not used any more.
        unsafe { c::rd_kafka_queue_destroy(self.0) };
    }
}

/// Something that the library has to say.
struct Event(*mut c::rd_kafka_event_t);

impl Event {
    fn tell(&self, context: &Context) {
        // SAFETY: the event is held, and so are the texts that are asked for, which are those of an event
        // of that type. They end with a zero; where there is none, the pointer is null.
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

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: it is held, and not used any more.
        unsafe { c::rd_kafka_event_destroy(self.0) };
    }
}

/// # Safety
/// What is pointed to ends with a zero and lives as long as what is returned is used.
unsafe fn text<'a>(text: *const c_char) -> std::borrow::Cow<'a, str> {
    if text.is_null() {
        return "".into();
    }
    // SAFETY: as above.
    unsafe { CStr::from_ptr(text) }.to_string_lossy()
}

/// Syslog's numbers.
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
