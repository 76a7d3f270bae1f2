//! Events of the live dialect, typed.
//!
//! JustCall's servers vary the types of fields and omit many. So every field is an `Option`; a value of an
//! unexpected type goes to `other`, like unknown fields, and [`Live`] reads whatever the bridge forwards.
//! Source: JustCall's webhook documentation and the bodies that it sends.

mod appointment;
mod call;
mod contact;
mod message;
mod object;
mod sales_dialer;
mod value;

#[cfg(test)]
mod tests;

pub use appointment::LiveAppointment;
pub use call::{
    CallDuration, CallInfo, IvrInfo, JustcallAi, LiveCall, Queue, QueueCallback, TranscriptSpan,
    TranscriptTurn,
};
pub use contact::{ContactNote, ContactStatus, LiveContact, OtherNumber};
pub use message::{Attachment, LiveSms, LiveWhatsapp, SmsInfo, WhatsappInfo};
#[cfg(feature = "schema")]
pub(crate) use object::{Holds, Shape, ShapeField};
pub use sales_dialer::{Campaign, LiveSalesDialerCall};
pub use value::{Json, Scalar};

use crate::json::Value;
use crate::{EventType, Family, Text};
use object::{Object, read_fields, read_object};
use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use value::Read;

/// Event of the live dialect, borrowed from a record's value.
///
/// ```
/// use justcall_events::{Live, LiveData};
///
/// let value = br#"{"request_id":"01KNKKKV1FMX0XM5GNMD0DMNG5","type":"call.completed",
///     "data":{"id":"58120733","call_sid":"CA5e21","call_info":{"direction":"Incoming","rating":4}}}"#;
/// let event = Live::from_slice(value)?;
/// let LiveData::Call(call) = event.data else { panic!("another family") };
/// let info = call.call_info.expect("a call has call_info");
/// assert_eq!(call.id.and_then(|id| id.as_u64()), Some(58_120_733));
/// assert_eq!(info.direction.as_deref(), Some("Incoming"));
/// assert_eq!(info.rating.map(|rating| rating.text().to_owned()).as_deref(), Some("4"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Live<'a> {
    /// Type of the event.
    pub event_type: EventType<'a>,
    /// ULID of the webhook request.
    pub request_id: Option<Text<'a>>,
    /// URL that JustCall sent it to.
    pub webhook_url: Option<Text<'a>>,
    /// JustCall's id of that URL.
    pub url_id: Option<Scalar<'a>>,
    /// Event's own fields.
    pub data: LiveData<'a>,
    /// Facts of the request.
    pub metadata: Option<Json<'a>>,
    /// Other fields of the envelope.
    pub other: BTreeMap<String, Json<'a>>,
}

/// `data`, by kind of event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LiveData<'a> {
    /// `call.*` and `jc.call_*`
    Call(Box<LiveCall<'a>>),
    /// `sms.*`
    Sms(Box<LiveSms<'a>>),
    /// `whatsapp.*`
    Whatsapp(Box<LiveWhatsapp<'a>>),
    /// `jc.contact_*`
    Contact(Box<LiveContact<'a>>),
    /// `appointment.*`
    Appointment(Box<LiveAppointment<'a>>),
    /// `sd.*`
    SalesDialerCall(Box<LiveSalesDialerCall<'a>>),
    /// Type without a family.
    Unknown(BTreeMap<String, Json<'a>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LiveKind {
    Call,
    Sms,
    Whatsapp,
    Contact,
    Appointment,
    SalesDialerCall,
}

impl LiveKind {
    /// New types have the shape of their family.
    fn of(event_type: &EventType<'_>) -> Option<Self> {
        let listed = event_type.known().and_then(|known| known.live_kind());
        listed.or_else(|| {
            event_type.family().map(|family| match family {
                Family::Call if event_type.name().starts_with("sd.") => Self::SalesDialerCall,
                Family::Call => Self::Call,
                Family::Sms => Self::Sms,
                Family::Whatsapp => Self::Whatsapp,
                Family::Contact => Self::Contact,
                Family::Appointment => Self::Appointment,
            })
        })
    }

    #[cfg(feature = "schema")]
    pub(crate) const fn shape(self) -> &'static Shape {
        match self {
            Self::Call => &LiveCall::SHAPE,
            Self::Sms => &LiveSms::SHAPE,
            Self::Whatsapp => &LiveWhatsapp::SHAPE,
            Self::Contact => &LiveContact::SHAPE,
            Self::Appointment => &LiveAppointment::SHAPE,
            Self::SalesDialerCall => &LiveSalesDialerCall::SHAPE,
        }
    }
}

impl<'a> Live<'a> {
    /// Reads a record's value. Its header `ce_dialect` names the dialect.
    ///
    /// # Errors
    /// Not JSON, or not an object with a string `type` and an object `data`.
    pub fn from_slice(value: &'a [u8]) -> Result<Self, serde_json::Error> {
        let text = str::from_utf8(value).map_err(serde_json::Error::custom)?;
        let mut fields = read_fields(text)?;
        let event_type = take::<Text<'a>>(&mut fields, "type").ok_or_else(not_live)?;
        let event_type = EventType::from_name(event_type.into_cow());
        let data = fields.remove("data").filter(Json::is_object).ok_or_else(not_live)?;
        Ok(Self {
            request_id: take(&mut fields, "request_id"),
            webhook_url: take(&mut fields, "webhook_url"),
            url_id: take(&mut fields, "url_id"),
            metadata: take(&mut fields, "metadata"),
            data: LiveData::read(LiveKind::of(&event_type), data.get())?,
            event_type,
            other: fields,
        })
    }
}

fn take<'a, T: Read<'a>>(fields: &mut BTreeMap<String, Json<'a>>, name: &str) -> Option<T> {
    let value = T::read(Value::from(*fields.get(name)?))?;
    fields.remove(name);
    Some(value)
}

fn not_live() -> serde_json::Error {
    serde_json::Error::custom("not an event of the live dialect")
}

impl<'a> LiveData<'a> {
    fn read(kind: Option<LiveKind>, data: &'a str) -> Result<Self, serde_json::Error> {
        fn boxed<'a, T: Object<'a>>(data: &'a str) -> Result<Box<T>, serde_json::Error> {
            read_object(data).map(Box::new)
        }
        match kind {
            Some(LiveKind::Call) => boxed(data).map(Self::Call),
            Some(LiveKind::Sms) => boxed(data).map(Self::Sms),
            Some(LiveKind::Whatsapp) => boxed(data).map(Self::Whatsapp),
            Some(LiveKind::Contact) => boxed(data).map(Self::Contact),
            Some(LiveKind::Appointment) => boxed(data).map(Self::Appointment),
            Some(LiveKind::SalesDialerCall) => boxed(data).map(Self::SalesDialerCall),
            None => read_fields(data).map(Self::Unknown),
        }
    }
}

/// Numbers keep their digits only with serde_json's serializer.
impl Serialize for Live<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut event = serializer.serialize_map(None)?;
        object::entry(&mut event, "request_id", &self.request_id)?;
        object::entry(&mut event, "webhook_url", &self.webhook_url)?;
        object::entry(&mut event, "url_id", &self.url_id)?;
        object::entry(&mut event, "metadata", &self.metadata)?;
        event.serialize_entry("type", self.event_type.name())?;
        event.serialize_entry("data", &self.data)?;
        object::entries(&mut event, &self.other)?;
        event.end()
    }
}

impl Serialize for LiveData<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Call(data) => data.serialize(serializer),
            Self::Sms(data) => data.serialize(serializer),
            Self::Whatsapp(data) => data.serialize(serializer),
            Self::Contact(data) => data.serialize(serializer),
            Self::Appointment(data) => data.serialize(serializer),
            Self::SalesDialerCall(data) => data.serialize(serializer),
            Self::Unknown(data) => data.serialize(serializer),
        }
    }
}
