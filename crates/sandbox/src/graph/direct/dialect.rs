//! What tells Instagram and Messenger apart where they speak the same protocol.

use serde_json::{Value, json};

use crate::account::{AccountView, Platform};
use crate::graph::errors::refuse;
use crate::people::Person;
use crate::wire::Reply;

/// One of the two.
pub(crate) struct Dialect {
    pub(super) platform: Platform,
    /// `object` of its webhooks.
    pub(super) object: &'static str,
    /// How ids of messages and of conversations begin.
    pub(super) mid: &'static str,
    pub(super) thread: &'static str,
    /// Longest text, and whether it is counted in bytes of UTF-8 (else in characters).
    pub(super) text_max: usize,
    pub(super) text_bytes: bool,
    /// Sends of an account in a second.
    pub(super) sends_per_s: f64,
    /// Kinds of attachment that are sent without a file, besides templates.
    pub(super) bare: &'static [&'static str],
    /// Kinds of quick reply.
    pub(super) quick_replies: &'static [&'static str],
    /// What `messaging_type` may be; empty where it is not looked at.
    pub(super) messaging_types: &'static [&'static str],
    /// The business can react, the customer can take a message back.
    pub(super) reacts: bool,
    pub(super) unsends: bool,
}

/// Instagram, section 2 of its documentation.
const INSTAGRAM: Dialect = Dialect {
    platform: Platform::Instagram,
    object: "instagram",
    mid: "aWdfZAG1faXRlbTo",
    thread: "aWdfZAG06MTpJR01lc3NhZA2VUaHJlYWQ6",
    text_max: 1_000,
    text_bytes: true,
    sends_per_s: 100.0,
    bare: &["like_heart", "MEDIA_SHARE"],
    quick_replies: &["text"],
    messaging_types: &[],
    reacts: true,
    unsends: true,
};

/// A Page on Messenger.
const MESSENGER: Dialect = Dialect {
    platform: Platform::Messenger,
    object: "page",
    mid: "m_",
    thread: "t_",
    text_max: 2_000,
    text_bytes: false,
    sends_per_s: 300.0,
    bare: &[],
    quick_replies: &["text", "user_phone_number", "user_email"],
    messaging_types: &["RESPONSE", "UPDATE", "MESSAGE_TAG"],
    reacts: false,
    unsends: false,
};

impl Dialect {
    pub(crate) fn of(platform: Platform) -> &'static Self {
        if platform == Platform::Messenger { &MESSENGER } else { &INSTAGRAM }
    }

    pub(crate) fn is_messenger(&self) -> bool {
        self.platform == Platform::Messenger
    }

    /// The id under which webhooks name the account.
    pub(crate) fn own<'a>(&self, view: &'a AccountView) -> &'a str {
        if self.is_messenger() { view.page_id.as_deref().unwrap_or_default() } else { &view.ig_id }
    }

    /// Why a text is too long, if it is.
    pub(super) fn too_long(&self, text: &str) -> Option<String> {
        let length = if self.text_bytes { text.len() } else { text.chars().count() };
        let most = self.text_max;
        (length > most).then(|| format!("Length of param message[text] must be less than or equal to {most}"))
    }

    /// Outside the reply window.
    pub(super) fn window_closed(&self) -> Reply {
        let subcode = if self.is_messenger() { 2_018_278 } else { 2_534_022 };
        refuse(403, 10, Some(subcode), "(#10) This message is sent outside of allowed window.")
    }

    /// Nobody here has this id.
    pub(super) fn nobody(&self) -> Reply {
        let subcode = if self.is_messenger() { 2_018_001 } else { 2_534_014 };
        refuse(400, 100, Some(subcode), "(#100) No matching user found")
    }

    /// The person has blocked the business, or is gone.
    pub(super) fn unavailable(&self) -> Reply {
        if self.is_messenger() {
            return refuse(400, 551, Some(1_545_041), "(#551) This person isn't available right now.");
        }
        self.nobody()
    }

    /// The profile of somebody who has never written.
    pub(super) fn no_profile(&self) -> Reply {
        if self.is_messenger() {
            let text = "(#100) No profile available for this user.";
            return refuse(400, 100, Some(2_018_247), text);
        }
        refuse(403, 230, None, "(#230) User consent is required to access user profile")
    }

    /// A person as a participant or an author.
    pub(super) fn person(&self, id: &str, person: &Person) -> Value {
        if self.is_messenger() {
            json!({"id": id, "name": person.name()})
        } else {
            json!({"id": id, "username": person.username})
        }
    }

    /// The account as a participant or an author.
    pub(super) fn us(&self, view: &AccountView) -> Value {
        if self.is_messenger() {
            json!({"id": self.own(view), "name": view.name})
        } else {
            json!({"id": self.own(view), "username": view.username})
        }
    }
}
