//! The key under which a provider's event is known for ever (I3).
//!
//! It is stored in clear, so that people can find an event by the provider's id. Erasing a contact replaces it by a
//! keyed hash: redelivery and replay are still recognised, and nothing can be read back. The two forms cannot be
//! taken for one another. Golden tests freeze both.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::event::Event;
use crate::ids::AccountId;

/// Longer keys of providers are cut here and end in a hash of the whole.
const KEY_BYTES_MAX: usize = 200;

/// What makes an event unique: (account, kind, provider's key).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub account: AccountId,
    /// `kind:key`, at most some 300 bytes.
    pub text: String,
}

impl Key {
    /// The key of an event of this account.
    pub fn new(account: AccountId, event: &Event) -> Self {
        Self::of(account, event.kind.word(), &event.key)
    }

    /// The key from its pieces.
    pub fn of(account: AccountId, kind: &str, key: &str) -> Self {
        let text = if key.len() <= KEY_BYTES_MAX {
            format!("{kind}:{key}")
        } else {
            let head = &key[..key.floor_char_boundary(KEY_BYTES_MAX)];
            format!("{kind}:{head}~{}", hex(&Sha256::digest(key.as_bytes())))
        };
        Self { account, text }
    }

    /// What stands in the store after an erasure: `#` and a hash under `secret` of account and text. No kind
    /// begins with `#`.
    pub fn erased(&self, secret: &[u8; 32]) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(secret).unwrap_or_else(|_| unreachable!("any length is a key"));
        mac.update(&self.account.0.to_be_bytes());
        mac.update(self.text.as_bytes());
        format!("#{}", hex(&mac.finalize().into_bytes()))
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These strings stand in databases of users: a change here would apply old events once more.
    #[test]
    fn keys_are_frozen() {
        let key = Key::of(AccountId(7), "message", "wamid.HBgL");
        assert_eq!(key.text, "message:wamid.HBgL");
        assert_eq!(key.erased(&[9; 32]), "#f312e38171dccb2d017d9045d80e463a99150ea1ebf5048e6513af7eb63c91dd");
        let sha256 = "cb1fa3158102cb16edae890e78baadd93eb0ebe6edd0cbeeacd004542f918365";
        let long = Key::of(AccountId(7), "receipt", &"é".repeat(150));
        assert_eq!(long.text, format!("receipt:{}~{sha256}", "é".repeat(100)));
    }

    #[test]
    fn accounts_kinds_and_forms_never_meet() {
        let key = |account, kind, key| Key::of(AccountId(account), kind, key);
        assert_ne!(key(1, "message", "a"), key(2, "message", "a"));
        assert_ne!(key(1, "message", "a"), key(1, "echo", "a"));
        assert_ne!(key(1, "message", "a").erased(&[0; 32]), key(2, "message", "a").erased(&[0; 32]));
        assert_ne!(key(1, "message", "a").erased(&[0; 32]), key(1, "message", "a").erased(&[1; 32]));
        let long = "x".repeat(KEY_BYTES_MAX);
        assert_ne!(key(1, "message", &format!("{long}a")), key(1, "message", &format!("{long}b")));
    }
}
