//! Calls.

use super::object::live_object;

live_object! {
    /// Call, with its outcome as far as it is known at the time of the event.
    LiveCall {
        /// JustCall's number of the call. Early events have an empty string or null.
        id: Scalar,
        /// Id of the call. All events of a call have the same.
        call_sid: Text,
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
        /// True if the agent's account is active.
        agent_active: Scalar,
        /// Date of the call in UTC, `YYYY-MM-DD`.
        call_date: Text,
        /// Time of the call in UTC, `HH:MM:SS`. The hour may have one digit.
        call_time: Text,
        /// Date of the call in the time zone of the account.
        call_user_date: Text,
        /// Time of the call in the time zone of the account.
        call_user_time: Text,
        /// Cost of the call.
        cost_incurred: Scalar,
        /// Direction, outcome and notes.
        call_info: Object<CallInfo>,
        /// Durations.
        call_duration: Object<CallDuration>,
        /// Choice in the voice menu.
        ivr_info: Object<IvrInfo>,
        /// Wait in a queue.
        queue: Object<Queue>,
        /// Callback that the caller requested in a queue.
        queue_callback: Object<QueueCallback>,
        /// Results of JustCall's AI.
        justcall_ai: Object<JustcallAi>,
    }
}

live_object! {
    /// Direction, outcome and notes of a call.
    CallInfo {
        /// `Incoming` or `Outgoing`, in any case.
        direction: Text,
        /// Outcome, such as `answered` or `missed`.
        kind = "type": Text,
        /// Reason why the call was missed.
        missed_call_reason: Text,
        /// Status of the call's follow-up.
        status: Text,
        /// Disposition that the agent gave the call.
        disposition: Text,
        /// Notes of the agent.
        notes: Text,
        /// Rating of the call, a number or its string.
        rating: Scalar,
        /// URL of the recording.
        recording: Text,
        /// URL of the recording of the second leg.
        recording_child: Text,
        /// Transcription of the voicemail.
        voicemail_transcription: Text,
        /// Traits of the call: an array of strings, or one string with commas.
        call_traits: Texts,
    }
}

live_object! {
    /// Durations of a call, in seconds.
    CallDuration {
        /// Ringing.
        ring_time: Scalar,
        /// Whole call.
        total_duration: Scalar,
        /// Wait in a queue.
        queue_wait_time: Scalar,
        /// On hold.
        hold_time: Scalar,
        /// Conversation.
        conversation_time: Scalar,
        /// Work after the call.
        wrap_up_time: Scalar,
        /// Conversation and work after the call.
        handle_time: Scalar,
        /// Duration in words, such as `4 min 24 sec`.
        friendly_duration: Text,
    }
}

live_object! {
    /// Choice of a caller in the voice menu.
    IvrInfo {
        /// Key that the caller pressed.
        digit_pressed: Scalar,
        /// Text of the choice.
        content: Text,
    }
}

live_object! {
    /// Wait of a caller in a queue.
    Queue {
        /// Position at which the caller entered, a number or its string.
        entered_at_position: Scalar,
        /// Reason why the caller left.
        exit_reason: Text,
    }
}

live_object! {
    /// Callback that a caller requested in a queue.
    QueueCallback {
        /// Request for a callback, such as `Yes`.
        requested: Scalar,
        /// Number to call back.
        number: Text,
        /// Status of the callback.
        status: Text,
    }
}

live_object! {
    /// Results of JustCall's AI for a call.
    JustcallAi {
        /// Moments that the AI found in the call.
        call_moments: Json,
        /// Sentiment of the customer.
        customer_sentiment: Text,
        /// Score of the call.
        call_score: Scalar,
        /// Parts of the score, by name.
        call_score_parameters: Json,
        /// Tags of the call.
        tags: Texts,
        /// Score that a person gave.
        manual_call_score: Scalar,
        /// Transcription of the conversation.
        call_transcription: Objects<TranscriptTurn>,
        /// Summary of the conversation.
        call_summary: Text,
        /// Tasks that follow from the conversation.
        action_items: Text,
    }
}

live_object! {
    /// Sentence of a transcription.
    TranscriptTurn {
        /// Number of the speaker.
        speaker_id: Scalar,
        /// Name of the speaker.
        speaker_name: Text,
        /// Text.
        sentence: Text,
        /// Position in the recording.
        timestamp: Object<TranscriptSpan>,
    }
}

live_object! {
    /// Position of a sentence in the recording, in seconds.
    TranscriptSpan {
        /// Start.
        starttime: Scalar,
        /// End.
        endtime: Scalar,
    }
}
