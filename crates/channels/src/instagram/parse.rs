//! What tells Instagram's items from Messenger's: `meta::messaging` reads both (channel facts, 2a).

use everthread_core::event::AddressKind;

use crate::meta::messaging::Product;

/// Instagram, whose items also come in `changes`.
pub(crate) const PRODUCT: Product = Product {
    name: "instagram",
    address: AddressKind::Instagram,
    fields: &[
        "messages",
        "message_echoes",
        "message_edit",
        "message_edits",
        "message_reactions",
        "messaging_handover",
        "messaging_handovers",
        "messaging_optins",
        "messaging_postbacks",
        "messaging_referral",
        "messaging_referrals",
        "messaging_seen",
        "standby",
    ],
    other_fields: &[
        "comments",
        "live_comments",
        "mentions",
        "story_insights",
        "follow",
        "creator_marketplace_projects",
    ],
};
