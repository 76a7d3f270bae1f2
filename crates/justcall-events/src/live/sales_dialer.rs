//! Calls of the Sales Dialer.

use super::call::{CallDuration, CallInfo, JustcallAi};
use super::object::live_object;

live_object! {
    /// Call of the Sales Dialer. An update may hold the call's id and the changed fields only.
    LiveSalesDialerCall {
        /// Id of the call, instead of `call_id`.
        id: Scalar,
        /// Id of the call.
        call_id: Scalar,
        /// Id of the call. All events of a call have the same.
        call_sid: Text,
        /// Id of the contact, a number or its string.
        contact_id: Scalar,
        /// Campaign of the call.
        campaign: Object<Campaign>,
        /// Number of the contact, often without `+`.
        contact_number: Text,
        /// Name of the contact.
        contact_name: Text,
        /// E-mail address of the contact.
        contact_email: Text,
        /// Number of the account, often without `+`.
        justcall_number: Text,
        /// Id of the agent.
        agent_id: Scalar,
        /// Name of the agent.
        agent_name: Text,
        /// E-mail address of the agent.
        agent_email: Text,
        /// Date of the call in UTC, `YYYY-MM-DD`.
        call_date: Text,
        /// Time of the call in UTC, `HH:MM:SS`. The hour may have one digit.
        call_time: Text,
        /// Direction, outcome and notes.
        call_info: Object<CallInfo>,
        /// Durations.
        call_duration: Object<CallDuration>,
        /// Results of JustCall's AI.
        justcall_ai: Object<JustcallAi>,
    }
}

live_object! {
    /// Campaign of the Sales Dialer.
    Campaign {
        /// Id of the campaign.
        id: Scalar,
        /// Name of the campaign.
        name: Text,
    }
}
