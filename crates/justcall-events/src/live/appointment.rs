//! Appointments.

use super::object::live_object;

live_object! {
    /// Appointment that a customer booked.
    LiveAppointment {
        /// Id of the appointment, a number or its string.
        id: Scalar,
        /// Id of the calendar.
        calendar_id: Scalar,
        /// Duration, in minutes.
        slot_duration: Scalar,
        /// Name of the customer.
        customer_name: Text,
        /// E-mail address of the customer.
        customer_email: Text,
        /// Number of the customer, often without `+`.
        customer_phone: Text,
        /// IP address that the customer booked from.
        customer_ip_address: Text,
        /// Kind of the appointment, such as `Video`.
        kind = "type": Text,
        /// Time of the booking, `YYYY-MM-DD HH:MM:SS`.
        created_at: Text,
    }
}
