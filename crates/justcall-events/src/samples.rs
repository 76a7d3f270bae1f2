//! A body of every listed type in every dialect, with invented values.

use super::{Dialect, KnownType};

macro_rules! sample {
    ($folder:literal, $($variant:ident = $name:literal),* $(,)?) => {
        &[$((KnownType::$variant, include_str!(concat!("samples/", $folder, "/", $name, ".json"))),)*]
    };
}

const DOCUMENTED: &[(KnownType, &str)] = sample!(
    "documented",
    CallCompleted = "call.completed",
    CallMissed = "call.missed",
    CallAnswered = "call.answered",
    SmsReceived = "sms.received",
    SmsSent = "sms.sent",
    SmsDelivered = "sms.delivered",
    VoicemailReceived = "voicemail.received",
    ContactCreated = "contact.created",
    ContactUpdated = "contact.updated",
);

const LIVE: &[(KnownType, &str)] = sample!(
    "live",
    CallCompleted = "call.completed",
    CallMissed = "call.missed",
    CallAnswered = "call.answered",
    SmsReceived = "sms.received",
    SmsSent = "sms.sent",
    CallIncoming = "call.incoming",
    CallInitiated = "call.initiated",
    CallVoicemail = "call.voicemail",
    CallEntersQueue = "call.enters_queue",
    CallExitsQueue = "call.exits_queue",
    CallUpdated = "call.updated",
    CallAiVoiceAgent = "call.ai_voice_agent",
    JcCallAiGenerated = "jc.call_ai_generated",
    SmsSentReceived = "sms.sent_received",
    SmsStatusUpdated = "sms.status_updated",
    WhatsappMessageSent = "whatsapp.message_sent",
    WhatsappMessageReceived = "whatsapp.message_received",
    WhatsappMessageStatusUpdated = "whatsapp.message_status_updated",
    JcContactStatusUpdated = "jc.contact_status_updated",
    AppointmentScheduled = "appointment.scheduled",
    SdCallCompleted = "sd.call_completed",
    SdCallUpdated = "sd.call_updated",
    SdCallAiGenerated = "sd.call_ai_generated",
);

/// A body for every type that JustCall lists in that dialect, in the order of [`KnownType::ALL`].
/// The documented ones pass [`Validation::Strict`](super::Validation::Strict).
pub fn samples(dialect: Dialect) -> impl Iterator<Item = (KnownType, &'static str)> {
    let all = match dialect {
        Dialect::Documented => DOCUMENTED,
        Dialect::Live => LIVE,
    };
    all.iter().copied()
}

#[cfg(test)]
mod tests;
