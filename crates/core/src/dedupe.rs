//! The key under which a provider's event is known for ever (I3).
//!
//! The store holds a keyed hash of it and nothing else: a provider's id names a person (a Telegram chat and a running
//! number, a phone number inside a `wamid`), and a plain hash of it can be found by trying. So what an erasure leaves
//! behind is recognised when it comes again and can't be read back. Golden tests freeze the forms.

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

    /// How versions before the keyed form stored it: the first 16 bytes of SHA-256 over the text.
    pub fn plain(&self) -> [u8; PLAIN_BYTES] {
        let mut first = [0; PLAIN_BYTES];
        first.copy_from_slice(&Sha256::digest(self.text.as_bytes())[..PLAIN_BYTES]);
        first
    }

    /// What stands in the store.
    pub fn stored(&self, secret: &KeySecret) -> [u8; STORED_BYTES] {
        secret.stored(self.account, &self.plain())
    }
}

/// Bytes of [`Key::plain`].
pub const PLAIN_BYTES: usize = 16;

/// Bytes of [`Key::stored`]: a `#` before them, so that the two forms can't be taken for one another.
pub const STORED_BYTES: usize = 1 + PLAIN_BYTES;

/// What keys are hashed under. Belongs to one hub for ever: under another one all old events are new.
#[derive(Clone)]
pub struct KeySecret(Hmac<Sha256>);

impl std::fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeySecret")
    }
}

impl KeySecret {
    /// From raw bytes.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(Hmac::new_from_slice(secret).unwrap_or_else(|_| unreachable!("any length is a key")))
    }

    /// What takes the place of a plain hash: `#` and 16 bytes of HMAC-SHA256 over account and hash.
    pub fn stored(&self, account: AccountId, plain: &[u8; PLAIN_BYTES]) -> [u8; STORED_BYTES] {
        let mut mac = self.0.clone();
        mac.update(&account.0.to_be_bytes());
        mac.update(plain);
        let mut out = [b'#'; STORED_BYTES];
        out[1..].copy_from_slice(&mac.finalize().into_bytes()[..PLAIN_BYTES]);
        out
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
        assert_eq!(hex(&key.plain()), "518520551aa68731fcac0c3384bca9e1");
        let stored = key.stored(&KeySecret::new(&[9; 32]));
        assert_eq!((stored[0], hex(&stored[1..]).as_str()), (b'#', "94b334ae71affcebbc4a7237f5324aaa"));
        let sha256 = "cb1fa3158102cb16edae890e78baadd93eb0ebe6edd0cbeeacd004542f918365";
        let long = Key::of(AccountId(7), "receipt", &"é".repeat(150));
        assert_eq!(long.text, format!("receipt:{}~{sha256}", "é".repeat(100)));
    }

    #[test]
    fn accounts_kinds_and_forms_never_meet() {
        let key = |account, kind, key| Key::of(AccountId(account), kind, key);
        assert_ne!(key(1, "message", "a"), key(2, "message", "a"));
        assert_ne!(key(1, "message", "a"), key(1, "echo", "a"));
        let (one, two) = (KeySecret::new(&[0; 32]), KeySecret::new(&[1; 32]));
        assert_ne!(key(1, "message", "a").stored(&one), key(2, "message", "a").stored(&one));
        assert_ne!(key(1, "message", "a").stored(&one), key(1, "message", "a").stored(&two));
        let long = "x".repeat(KEY_BYTES_MAX);
        assert_ne!(key(1, "message", &format!("{long}a")), key(1, "message", &format!("{long}b")));
    }
}
