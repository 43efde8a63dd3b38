//! One line per case: a fixture in, a snapshot out.

use super::Telegram;
use crate::harness::cases;

cases! {
    Telegram, inbound:
    album,
    animation,
    audio,
    blocked,
    business_message,
    button,
    channel_post,
    document,
    edited,
    group,
    location,
    other_contact,
    own_contact,
    photo_with_caption,
    poll,
    poll_answer_empty,
    poll_answer_with_a_bad_one,
    reaction,
    reaction_removed,
    reply,
    service_message,
    start_payload,
    sticker,
    text,
    unblocked,
    unknown_message,
    unknown_update,
    venue,
    video_note,
    voice,
}

cases! {
    Telegram, outbound:
    button_too_long,
    buttons,
    document_with_caption,
    empty,
    image,
    location,
    no_preview,
    own_server,
    reaction,
    reaction_removed,
    reply,
    text,
}

cases! {
    Telegram, responses:
    accepted,
    blocked,
    chat_not_found,
    markup,
    migrated,
    no_answer,
    not_modified,
    not_sent,
    reacted,
    restart,
    retry_after,
    success_cut_off,
    token_in_the_error,
    too_many,
    unauthorized,
    unmarked_503,
    unreadable_success,
}
