//! One line per case: a fixture in, a snapshot out.

use super::Twilio;
use crate::harness::cases;

cases! {
    Twilio, inbound:
    by_messaging_service,
    call,
    empty,
    mms,
    start,
    status_canceled,
    status_delivered,
    status_opted_out,
    status_sent,
    status_undelivered,
    status_unknown,
    stop,
    text,
    whatsapp_by_twilio,
}

cases! {
    Twilio, outbound:
    by_messaging_service,
    empty,
    image,
    reaction,
    text,
    text_and_image,
}

cases! {
    Twilio, responses:
    accepted,
    bad_token,
    created_failed,
    internal_500,
    no_answer,
    not_sent,
    opted_out,
    success_cut_off,
    too_many,
    too_many_calls,
    unmarked_503,
    unreadable_success,
}
