//! Voicemails in the documented dialect.

use super::field::contract;

contract! {
    /// `voicemail.received`: a caller left a voicemail.
    VoicemailReceived {
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
