//! Random tokens: 256 bits, shown once, stored as their SHA-256.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// What an API key begins with.
pub const API_KEY_PREFIX: &str = "ek_";

/// A token as its holder keeps it. Never stored, never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token from 32 random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(random))
    }

    /// An API key from 32 random bytes.
    pub fn api_key(random: [u8; 32]) -> Self {
        Self(format!("{API_KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(random)))
    }

    /// The text that the holder keeps.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the store keeps.
    pub fn hash(&self) -> Vec<u8> {
        hash(&self.0)
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(***)")
    }
}

/// What the store keeps of a token. A plain hash is enough: the token has 256 random bits.
pub fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// The CSRF token of a session: bound to it, computable only by who holds the session token or runs the server.
pub fn csrf(session_token: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(b"everthread csrf\0");
    digest.update(session_token.as_bytes());
    URL_SAFE_NO_PAD.encode(digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_not_what_is_kept() {
        let token = Token::new([7; 32]);
        assert_eq!(token.reveal().len(), 43);
        assert_eq!(token.hash().len(), 32);
        assert_ne!(csrf(token.reveal()), csrf(Token::new([8; 32]).reveal()));
        assert!(Token::api_key([7; 32]).reveal().starts_with("ek_"));
        assert_eq!(format!("{token:?}"), "Token(***)");
    }
}
