//! Event types that JustCall documents in either dialect.
//!
//! To add a type, declare it here and add a sample in `samples/documented` or `samples/live`.
//! Sources: JustCall's webhook events reference (documented), the bodies that it sends (live).

use crate::declare::event_types;

event_types! {
    /// A call ended normally.
    CallCompleted = "call.completed", Call {
        documented: CallCompleted {
            /// Call. Its other events have the same id.
            call_id: Identity;
            /// `inbound` or `outbound`.
            direction: Text,
            /// Number of the caller, E.164.
            from: Phone,
            /// Number that was called, E.164.
            to: Phone,
            /// Agent on the call.
            agent_id: Integer,
            /// Name of the agent.
            agent_name: Text,
            /// Duration of the call, in seconds.
            duration: Count,
            /// Outcome of the call, such as `completed`.
            status: Text,
            /// URL of the recording.
            recording_url: Url,
            /// Notes of the agent.
            notes: Text,
            /// Disposition that the agent gave the call.
            disposition: Text,
        }
        live: Call
    }
    /// A call went unanswered; in the live dialect, without a voicemail.
    CallMissed = "call.missed", Call {
        documented: CallMissed {
            /// Call.
            call_id: Identity;
            /// `inbound`.
            direction: Text,
            /// Number of the caller, E.164.
            from: Phone,
            /// Number that was called, E.164.
            to: Phone,
            /// Time that the call rang, in seconds.
            ring_duration: Count,
            /// `missed`.
            status: Text,
            ;
            /// Agent that the call rang for. Null: no particular agent.
            agent_id: Integer,
        }
        live: Call
    }
    /// An agent picked up.
    CallAnswered = "call.answered", Call {
        documented: CallAnswered {
            /// Call.
            call_id: Identity;
            /// `inbound`.
            direction: Text,
            /// Number of the caller, E.164.
            from: Phone,
            /// Number that was called, E.164.
            to: Phone,
            /// Agent who answered.
            agent_id: Integer,
            /// Name of the agent.
            agent_name: Text,
            /// State of the call, such as `in-progress`.
            status: Text,
        }
        live: Call
    }
    /// A text message arrived.
    SmsReceived = "sms.received", Sms {
        documented: SmsReceived {
            /// Message.
            message_id: Identity;
            /// `inbound`.
            direction: Text,
            /// Number of the sender, E.164.
            from: Phone,
            /// Number that received the message, E.164.
            to: Phone,
            /// Text of the message.
            body: Text,
            ;
            /// URL of the attachment. Null: no attachment.
            media_url: Url,
        }
        live: Sms
    }
    /// A text message was sent.
    SmsSent = "sms.sent", Sms {
        documented: SmsSent {
            /// Message. Its `sms.delivered` has the same id.
            message_id: Identity;
            /// `outbound`.
            direction: Text,
            /// Number that sent the message, E.164.
            from: Phone,
            /// Number of the receiver, E.164.
            to: Phone,
            /// Text of the message.
            body: Text,
            /// Agent who sent the message.
            agent_id: Integer,
            ;
            /// URL of the attachment. Null: no attachment.
            media_url: Url,
        }
        live: Sms
    }
    /// The carrier confirmed a sent text message.
    SmsDelivered = "sms.delivered", Sms {
        documented: SmsDelivered {
            /// Message. Its `sms.sent` had the same id.
            message_id: Identity;
            /// `outbound`.
            direction: Text,
            /// Number that sent the message, E.164.
            from: Phone,
            /// Number of the receiver, E.164.
            to: Phone,
            /// `delivered`.
            status: Text,
            /// Time of the delivery by the carrier, RFC 3339 in UTC.
            delivered_at: Time,
        }
    }
    /// A caller left a voicemail. Carries the `call_id` of the missed call.
    VoicemailReceived = "voicemail.received", Call, Inbound {
        documented: VoicemailReceived {
            /// Missed call that the voicemail belongs to.
            call_id: Identity;
            /// Number of the caller, E.164.
            from: Phone,
            /// Number that was called, E.164.
            to: Phone,
            /// Agent whose voicemail it is.
            agent_id: Integer,
            /// Duration of the voicemail, in seconds.
            duration: Count,
            /// URL of the recording.
            recording_url: Url,
            /// Transcription of the voicemail.
            transcription: Text,
        }
    }
    /// A contact was added.
    ContactCreated = "contact.created", Contact {
        documented: ContactCreated {
            /// Contact.
            contact_id: ContactIdentity;
            /// Given name.
            first_name: Text,
            /// Family name.
            last_name: Text,
            /// Phone number, E.164.
            phone: Phone,
            /// E-mail address.
            email: Text,
            /// Company of the contact.
            company: Text,
            /// Origin of the contact, such as `api` or `ui`.
            source: Text,
        }
    }
    /// A contact was changed.
    ContactUpdated = "contact.updated", Contact {
        documented: ContactUpdated {
            /// Contact.
            contact_id: ContactIdentity;
            /// Names of the fields that changed.
            changed_fields: Texts,
            /// Given name.
            first_name: Text,
            /// Family name.
            last_name: Text,
            /// Phone number, E.164.
            phone: Phone,
            /// E-mail address.
            email: Text,
            /// Company of the contact.
            company: Text,
            /// Origin of the change, such as `api` or `ui`.
            source: Text,
        }
    }
    /// A call rings in.
    CallIncoming = "call.incoming", Call {
        live: Call
    }
    /// A call was placed.
    CallInitiated = "call.initiated", Call {
        live: Call
    }
    /// A missed call with a voicemail.
    CallVoicemail = "call.voicemail", Call {
        live: Call
    }
    /// A caller entered a queue.
    CallEntersQueue = "call.enters_queue", Call {
        live: Call
    }
    /// A caller left a queue.
    CallExitsQueue = "call.exits_queue", Call {
        live: Call
    }
    /// Something about a call changed. Repeats for one call.
    CallUpdated = "call.updated", Call {
        live: Call
    }
    /// JustCall's voice agent took a call.
    CallAiVoiceAgent = "call.ai_voice_agent", Call {
        live: Call
    }
    /// The AI report on a call is ready.
    JcCallAiGenerated = "jc.call_ai_generated", Call {
        live: Call
    }
    /// A text message went either way.
    SmsSentReceived = "sms.sent_received", Sms {
        live: Sms
    }
    /// A text message's delivery status changed.
    SmsStatusUpdated = "sms.status_updated", Sms {
        live: Sms
    }
    /// A WhatsApp message was sent.
    WhatsappMessageSent = "whatsapp.message_sent", Whatsapp {
        live: Whatsapp
    }
    /// A WhatsApp message arrived.
    WhatsappMessageReceived = "whatsapp.message_received", Whatsapp {
        live: Whatsapp
    }
    /// A WhatsApp message's delivery status changed.
    WhatsappMessageStatusUpdated = "whatsapp.message_status_updated", Whatsapp {
        live: Whatsapp
    }
    /// A contact was blocked, unblocked or marked do-not-disturb.
    JcContactStatusUpdated = "jc.contact_status_updated", Contact {
        live: Contact
    }
    /// An appointment was booked.
    AppointmentScheduled = "appointment.scheduled", Appointment {
        live: Appointment
    }
    /// A Sales Dialer call ended.
    SdCallCompleted = "sd.call_completed", Call {
        live: SalesDialerCall
    }
    /// Something about a Sales Dialer call changed.
    SdCallUpdated = "sd.call_updated", Call {
        live: SalesDialerCall
    }
    /// The AI report on a Sales Dialer call is ready.
    SdCallAiGenerated = "sd.call_ai_generated", Call {
        live: SalesDialerCall
    }
}

#[cfg(test)]
mod tests;
