//! One line per case: a fixture in, a snapshot out.

use super::Instagram;
use crate::harness::cases;

cases! {
    Instagram, inbound:
    ad_referral,
    attachments,
    batch_of_two_accounts,
    comment,
    dashboard_test,
    echo,
    edit,
    edit_without_number,
    empty_message,
    handover,
    image,
    inline_reply,
    link_referral,
    no_sender,
    other_login_id,
    own_reaction,
    postback,
    postback_without_mid,
    quick_reply,
    reaction,
    reaction_named,
    reaction_removed,
    seen,
    self_test,
    standby,
    story_mention,
    story_reply,
    text,
    text_in_changes,
    text_seconds,
    unknown_field,
    unknown_item,
    unsend,
    unsupported,
}

cases! {
    Instagram, outbound:
    by_page,
    caption,
    empty,
    human_agent,
    image,
    link_button,
    quick_replies,
    reaction,
    reaction_removed,
    text,
    too_long,
}

cases! {
    Instagram, responses:
    accepted,
    access_off,
    blocked,
    no_answer,
    not_sent,
    reacted,
    sent_though_error,
    success_cut_off,
    throttled,
    too_many,
    unmarked_503,
    unreadable_success,
    window_closed,
    wrong_parameter,
}
