//! Text and WhatsApp messages.

use super::object::live_object;

live_object! {
    /// Text message.
    LiveSms {
        /// Id of the message.
        id: Scalar,
        /// Number of the contact, often without `+`.
        contact_number: Text,
        /// Name of the contact.
        contact_name: Text,
        /// E-mail address of the contact.
        contact_email: Text,
        /// Number of the account, often without `+`.
        justcall_number: Text,
        /// Name of the account's line.
        justcall_line_name: Text,
        /// Id of the agent.
        agent_id: Scalar,
        /// Name of the agent.
        agent_name: Text,
        /// E-mail address of the agent.
        agent_email: Text,
        /// Date of the message in UTC, `YYYY-MM-DD`.
        sms_date: Text,
        /// Time of the message in UTC, `HH:MM:SS`.
        sms_time: Text,
        /// Date of the message in the time zone of the account.
        sms_user_date: Text,
        /// Time of the message in the time zone of the account.
        sms_user_time: Text,
        /// `Incoming` or `Outgoing`, in any case.
        direction: Text,
        /// Cost of the message.
        cost_incurred: Scalar,
        /// Text and attachments.
        sms_info: Object<SmsInfo>,
        /// Status of the delivery, such as `delivered`.
        delivery_status: Text,
        /// True if the message was deleted: a boolean, 0 or 1, or a string of these.
        is_deleted: Scalar,
        /// Program that sent the message.
        medium: Text,
    }
}

live_object! {
    /// Text and attachments of a text message.
    SmsInfo {
        /// Text.
        body: Text,
        /// True if the message has attachments: a boolean, or a string of one.
        is_mms: Scalar,
        /// Attachments.
        mms: Objects<Attachment>,
    }
}

live_object! {
    /// Attachment of a message.
    Attachment {
        /// URL of the file.
        media_url: Text,
        /// Media type of the file.
        content_type: Text,
    }
}

live_object! {
    /// WhatsApp message.
    LiveWhatsapp {
        /// Id of the message.
        id: Scalar,
        /// Number of the contact, often without `+`.
        contact_number: Text,
        /// Name of the contact.
        contact_name: Text,
        /// E-mail address of the contact.
        contact_email: Text,
        /// Number of the account, often without `+`.
        justcall_number: Text,
        /// Name of the account's line.
        justcall_line_name: Text,
        /// Id of the agent.
        agent_id: Scalar,
        /// Name of the agent.
        agent_name: Text,
        /// E-mail address of the agent.
        agent_email: Text,
        /// Date of the message in UTC, `YYYY-MM-DD`.
        message_date: Text,
        /// Time of the message in UTC, `HH:MM:SS`.
        message_time: Text,
        /// `Incoming` or `Outgoing`, in any case.
        direction: Text,
        /// Emoji of a reaction.
        reaction_emoji: Text,
        /// Message that a reaction is about.
        reaction_to: Scalar,
        /// Status of the delivery, such as `read`.
        delivery_status: Text,
        /// Date of the delivery.
        delivery_date: Text,
        /// Time of the delivery.
        delivery_time: Text,
        /// Date at which the message was read.
        read_date: Text,
        /// Time at which the message was read.
        read_time: Text,
        /// Reason why the delivery failed.
        failure_reason: Text,
        /// Program that sent the message.
        message_origin: Text,
        /// Text and attachments.
        message_info: Object<WhatsappInfo>,
    }
}

live_object! {
    /// Text and attachments of a WhatsApp message.
    WhatsappInfo {
        /// Text.
        body: Text,
        /// True if the message has attachments: a boolean, or a string of one.
        is_mms: Scalar,
        /// Attachments.
        mms: Objects<Attachment>,
        /// True if a template made the message.
        is_template: Scalar,
        /// Template that the message was made from.
        template: Json,
    }
}
