//! Text messages in the documented dialect.

use super::field::contract;

contract! {
    /// `sms.received`: a text message arrived.
    SmsReceived {
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
}

contract! {
    /// `sms.sent`: a text message was sent.
    SmsSent {
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
}

contract! {
    /// `sms.delivered`: the carrier confirmed a sent text message.
    SmsDelivered {
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
