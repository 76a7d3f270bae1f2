//! Calls in the documented dialect. Durations are whole seconds.

use super::field::contract;

contract! {
    /// `call.completed`: a call ended normally.
    CallCompleted {
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
}

contract! {
    /// `call.missed`: nobody answered an incoming call. A voicemail left in it follows as
    /// `voicemail.received` with the same `call_id`.
    CallMissed {
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
}

contract! {
    /// `call.answered`: an agent picked up.
    CallAnswered {
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
}
