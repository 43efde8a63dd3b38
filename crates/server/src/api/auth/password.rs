//! Passwords: Argon2id, off the async threads, few at a time.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use crate::api::error::ApiError;

/// Each hash takes 19 MiB and tens of milliseconds of a core: two at once leave a small server its inbox.
const HASHES_AT_ONCE_MAX: usize = 2;

/// Logins that may wait for a hash; beyond it they are refused, as a queue of guesses helps nobody.
const WAITING_MAX: usize = 32;

/// Shorter passwords are refused (NIST SP 800-63B: 8 with a second factor, 15 without; we take the middle).
pub const PASSWORD_CHARS_MIN: usize = 10;

/// Longer ones only cost time.
pub const PASSWORD_BYTES_MAX: usize = 256;

/// Bounds how many passwords are hashed at once.
#[derive(Debug)]
pub struct Hasher {
    running: Semaphore,
    waiting: Semaphore,
}

impl Default for Hasher {
    fn default() -> Self {
        Self { running: Semaphore::new(HASHES_AT_ONCE_MAX), waiting: Semaphore::new(WAITING_MAX) }
    }
}

impl Hasher {
    /// True when `password` is the one behind `hash`. Without a hash (no such user) it takes as long and is false.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, ApiError> {
        let _place = self.waiting.try_acquire().map_err(|_| ApiError::RateLimited { after_s: 2 })?;
        let _slot = self.running.acquire().await.map_err(ApiError::internal)?;
        tokio::task::spawn_blocking(move || {
            if let Some(hash) = hash {
                return verify_now(&password, &hash);
            }
            // The same work as a real check, so that timing does not tell who has an account.
            drop(hash_now(&password));
            false
        })
        .await
        .map_err(ApiError::internal)
    }

    /// As [`hash`], off the async threads and in turn.
    pub async fn hash(&self, password: String) -> Result<String, ApiError> {
        let _place = self.waiting.try_acquire().map_err(|_| ApiError::RateLimited { after_s: 2 })?;
        let _slot = self.running.acquire().await.map_err(ApiError::internal)?;
        tokio::task::spawn_blocking(move || hash(&password)).await.map_err(ApiError::internal)?
    }
}

/// A new hash (PHC string) of `password`, with a random salt. Blocks for tens of milliseconds. Fails when the
/// password is too short or too long.
pub fn hash(password: &str) -> Result<String, ApiError> {
    check(password)?;
    hash_now(password).map_err(|error| ApiError::internal(error.to_string()))
}

/// Fails when `password` is too short or too long.
pub fn check(password: &str) -> Result<(), ApiError> {
    let invalid = |detail: String| ApiError::Invalid { field: "new_password", detail };
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Err(invalid(format!("at least {PASSWORD_CHARS_MIN} characters")));
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(invalid(format!("at most {PASSWORD_BYTES_MAX} bytes")));
    }
    Ok(())
}

fn hash_now(password: &str) -> Result<String, argon2::password_hash::Error> {
    Ok(Argon2::default().hash_password(password.as_bytes())?.to_string())
}

fn verify_now(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_opens() {
        let hash = hash("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$"));
        let hasher = Hasher::default();
        assert!(hasher.verify("correct horse".into(), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify("correct horsf".into(), Some(hash)).await.unwrap());
        assert!(!hasher.verify("correct horse".into(), None).await.unwrap());
        assert!(!hasher.verify("x".into(), Some("not a hash".into())).await.unwrap());
    }

    #[test]
    fn short_passwords_are_refused() {
        assert_eq!(hash("short").unwrap_err().code(), "invalid");
        assert_eq!(hash(&"x".repeat(300)).unwrap_err().code(), "invalid");
    }
}
