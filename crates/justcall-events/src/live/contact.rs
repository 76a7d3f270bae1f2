//! Contacts.

use super::object::live_object;

live_object! {
    /// Contact whose status changed.
    LiveContact {
        /// Id of the contact.
        id: Scalar,
        /// Name of the contact.
        name: Text,
        /// Number of the contact, often without `+`.
        contact_number: Text,
        /// Further numbers.
        other_numbers: Objects<OtherNumber>,
        /// E-mail address.
        email: Text,
        /// Extension of the number.
        extension: Scalar,
        /// Company of the contact.
        company: Text,
        /// Postal address.
        address: Text,
        /// Notes.
        notes: Objects<ContactNote>,
        /// Status of the contact.
        status: Object<ContactStatus>,
        /// Time of the change of status in UTC, `YYYY-MM-DD HH:MM:SS`.
        status_updated_at: Text,
        /// Time at which the contact was added.
        created_at: Text,
        /// Time of the last change.
        last_updated_at: Text,
        /// Id of the agent.
        agent_id: Scalar,
    }
}

live_object! {
    /// Further number of a contact.
    OtherNumber {
        /// Label.
        label: Text,
        /// Number, often without `+`.
        number: Text,
    }
}

live_object! {
    /// Note on a contact.
    ContactNote {
        /// Text.
        description: Text,
        /// Time at which the note was added.
        added_at: Text,
    }
}

live_object! {
    /// Status of a contact.
    ContactStatus {
        /// True if the contact is blocked.
        blacklist: Scalar,
        /// Do not disturb: the contact must not be called.
        dnd: Scalar,
        /// Do not message: the contact must not be texted.
        dnm: Scalar,
    }
}
