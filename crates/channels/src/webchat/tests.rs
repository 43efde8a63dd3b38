//! One line per case: a fixture in, a snapshot out.

use super::Webchat;
use crate::harness::cases;

cases! {
    Webchat, inbound:
    button,
    delivered,
    file,
    foreign_file,
    no_visitor,
    payload_only,
    read,
    text,
    typing,
}

cases! {
    Webchat, outbound:
    buttons,
    empty,
    image,
    text,
}

cases! {
    Webchat, responses:
    accepted,
    no_answer,
    not_sent,
    store_away,
    success_cut_off,
    too_many,
    unreadable_success,
}
