//! What tells Messenger's items from Instagram's: `meta::messaging` reads both (channel facts, 3a).

use everthread_core::event::AddressKind;

use crate::meta::messaging::Product;

/// Messenger. A Page's items come in `messaging`; `changes` tell of the Page itself.
pub(crate) const PRODUCT: Product = Product {
    name: "messenger",
    address: AddressKind::Messenger,
    fields: &[
        "messages",
        "message_deliveries",
        "message_echoes",
        "message_edits",
        "message_reactions",
        "message_reads",
        "messaging_handovers",
        "messaging_optins",
        "messaging_policy_enforcement",
        "messaging_postbacks",
        "messaging_referrals",
        "response_feedback",
        "standby",
    ],
    other_fields: &["feed", "mention", "messenger_template_status_update", "ratings"],
};
