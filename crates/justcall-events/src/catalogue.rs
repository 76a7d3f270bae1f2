//! Event types that JustCall documents in either dialect.
//!
//! One declaration for each type: its name, its family and, by dialect, the fields of `data`. To add a type,
//! add its declaration here and a sample with its name in `samples/documented` or `samples/live`.
//!
//! Sources: JustCall's webhook events reference (documented dialect) and the bodies that it sends (live
//! dialect).

use crate::declare::event_types;

event_types! {
    /// A call ended normally.
    CallCompleted = "call.completed", Call {
        documented: CallCompleted {
            /// The call. Its other events carry the same.
            call_id: Identity;
            /// `inbound` or `outbound`.
            direction: Text,
            /// The caller's number, E.164.
            from: Phone,
            /// The called number, E.164.
            to: Phone,
            /// The agent who was on the call.
            agent_id: Integer,
            /// That agent's name.
            agent_name: Text,
            /// How long the call took, in seconds.
            duration: Count,
            /// How the call ended, such as `completed`.
            status: Text,
            /// Where the recording can be fetched.
            recording_url: Url,
            /// What the agent wrote down.
            notes: Text,
            /// What the agent filed the call under.
            disposition: Text,
        }
        live: Call
    }
    /// A call went unanswered; in the live dialect, without a voicemail.
    CallMissed = "call.missed", Call {
        documented: CallMissed {
            /// The call.
            call_id: Identity;
            /// `inbound`.
            direction: Text,
            /// The caller's number, E.164.
            from: Phone,
            /// The called number, E.164.
            to: Phone,
            /// How long it rang, in seconds.
            ring_duration: Count,
            /// `missed`.
            status: Text,
            ;
            /// The agent it rang for, null where it rang for nobody in particular.
            agent_id: Integer,
        }
        live: Call
    }
    /// An agent picked up.
    CallAnswered = "call.answered", Call {
        documented: CallAnswered {
            /// The call.
            call_id: Identity;
            /// `inbound`.
            direction: Text,
            /// The caller's number, E.164.
            from: Phone,
            /// The called number, E.164.
            to: Phone,
            /// The agent who picked up.
            agent_id: Integer,
            /// That agent's name.
            agent_name: Text,
            /// How the call stands, such as `in-progress`.
            status: Text,
        }
        live: Call
    }
    /// A text message arrived.
    SmsReceived = "sms.received", Sms {
        documented: SmsReceived {
            /// The message.
            message_id: Identity;
            /// `inbound`.
            direction: Text,
            /// The sender's number, E.164.
            from: Phone,
            /// The receiving number, E.164.
            to: Phone,
            /// What the message says.
            body: Text,
            ;
            /// Where the attachment can be fetched, null without one.
            media_url: Url,
        }
        live: Sms
    }
    /// A text message was sent.
    SmsSent = "sms.sent", Sms {
        documented: SmsSent {
            /// The message. Its `sms.delivered` carries the same.
            message_id: Identity;
            /// `outbound`.
            direction: Text,
            /// The sending number, E.164.
            from: Phone,
            /// The receiver's number, E.164.
            to: Phone,
            /// What the message says.
            body: Text,
            /// The agent who sent it.
            agent_id: Integer,
            ;
            /// Where the attachment can be fetched, null without one.
            media_url: Url,
        }
        live: Sms
    }
    /// The carrier confirmed a sent text message.
    SmsDelivered = "sms.delivered", Sms {
        documented: SmsDelivered {
            /// The message, as its `sms.sent` had it.
            message_id: Identity;
            /// `outbound`.
            direction: Text,
            /// The sending number, E.164.
            from: Phone,
            /// The receiver's number, E.164.
            to: Phone,
            /// `delivered`.
            status: Text,
            /// When the carrier delivered it, RFC 3339 in UTC.
            delivered_at: Time,
        }
    }
    /// A caller left a voicemail. Carries the `call_id` of the missed call.
    VoicemailReceived = "voicemail.received", Call, Inbound {
        documented: VoicemailReceived {
            /// The missed call that it was left in.
            call_id: Identity;
            /// The caller's number, E.164.
            from: Phone,
            /// The called number, E.164.
            to: Phone,
            /// The agent whose voicemail it is.
            agent_id: Integer,
            /// How long it is, in seconds.
            duration: Count,
            /// Where the recording can be fetched.
            recording_url: Url,
            /// What was said, as a machine heard it.
            transcription: Text,
        }
    }
    /// A contact was added.
    ContactCreated = "contact.created", Contact {
        documented: ContactCreated {
            /// The contact.
            contact_id: ContactIdentity;
            /// Given name.
            first_name: Text,
            /// Family name.
            last_name: Text,
            /// Phone number, E.164.
            phone: Phone,
            /// E-mail address.
            email: Text,
            /// Where the contact works.
            company: Text,
            /// What added it, such as `api` or `ui`.
            source: Text,
        }
    }
    /// A contact was changed.
    ContactUpdated = "contact.updated", Contact {
        documented: ContactUpdated {
            /// The contact.
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
            /// Where the contact works.
            company: Text,
            /// What changed it, such as `api` or `ui`.
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
