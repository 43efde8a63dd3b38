//! Sealing of secrets: AES-256-GCM-SIV (RFC 8452) under a key file outside the database.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use aes_gcm_siv::aead::{Aead, KeyInit};
use aes_gcm_siv::{Aes256GcmSiv, Key, Nonce};
use everthread_core::account::Secrets;
use everthread_core::dedupe::KeySecret;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// Bytes of nonce before the sealed text.
const NONCE_BYTES: usize = 12;

/// Why a secret could not be read or the key not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the key file {path} can't be read or made: {source}. Check the folder's permissions")]
    KeyFile { path: String, source: std::io::Error },
    #[error("the key file {path} holds {bytes} bytes where 32 are expected. Restore it from a backup")]
    KeySize { path: String, bytes: usize },
    #[error(
        "a sealed secret does not open under this key file: it belongs to another installation. Restore the key file that was in use when the secret was entered"
    )]
    Open,
}

/// Seals and opens small texts.
#[derive(Clone)]
pub struct Seal {
    cipher: Aes256GcmSiv,
    /// For digests; made from the cipher's key, and never used for anything else.
    mac_key: [u8; 32],
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

impl Seal {
    /// From a raw key of 32 bytes.
    pub fn from_key(key: [u8; 32]) -> Self {
        let cipher = Aes256GcmSiv::new(&Key::<Aes256GcmSiv>::from(key));
        let mac_key = Sha256::digest([b"everthread mac 1:".as_slice(), key.as_slice()].concat()).into();
        Self { cipher, mac_key }
    }

    /// A digest that nobody without the key file can make: of `what` it is for, then the bytes.
    pub fn mac(&self, what: &str, bytes: &[u8]) -> [u8; 32] {
        // HMAC takes keys of any length; were it not so, a digest that matches nothing would be safe.
        let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.mac_key) else {
            return random_32();
        };
        mac.update(what.as_bytes());
        mac.update(&[0]);
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }

    /// What keys of events are hashed under in the store.
    pub fn event_keys(&self) -> KeySecret {
        KeySecret::new(&self.mac("event keys", &[]))
    }

    /// Reads the key file, or makes it (mode 0600) where there is none.
    pub fn open_or_create(path: &Path) -> Result<Self, Error> {
        let shown = || path.display().to_string();
        match std::fs::read(path) {
            Ok(bytes) => {
                let size = bytes.len();
                let key = bytes.try_into().map_err(|_| Error::KeySize { path: shown(), bytes: size })?;
                Ok(Self::from_key(key))
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let key = random_32();
                let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
                made.and_then(|mut file| file.write_all(&key).and_then(|()| file.sync_all()))
                    .map_err(|source| Error::KeyFile { path: shown(), source })?;
                Ok(Self::from_key(key))
            }
            Err(source) => Err(Error::KeyFile { path: shown(), source }),
        }
    }

    /// Seals `plain`: a random nonce followed by the sealed bytes.
    pub fn seal(&self, plain: &[u8]) -> Vec<u8> {
        let random = uuid::Uuid::new_v4().into_bytes();
        let more = uuid::Uuid::new_v4().into_bytes();
        let mut nonce = [0_u8; NONCE_BYTES];
        // Bytes 6 and 8 of a UUID hold its version and variant; take the others.
        nonce[..6].copy_from_slice(&random[..6]);
        nonce[6..].copy_from_slice(&more[..6]);
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), plain).unwrap_or_default();
        debug_assert!(!sealed.is_empty(), "sealing fails only above 64 GiB");
        [nonce.as_slice(), &sealed].concat()
    }

    /// Opens what [`Seal::seal`] made. Fails under another key or when a byte was changed.
    pub fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let (nonce, body) = sealed.split_at_checked(NONCE_BYTES).ok_or(Error::Open)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| Error::Open)?;
        self.cipher.decrypt(&Nonce::from(nonce), body).map_err(|_| Error::Open)
    }

    /// Seals an account's secrets.
    pub fn seal_secrets(&self, secrets: &Secrets) -> Vec<u8> {
        self.seal(&serde_json::to_vec(secrets).unwrap_or_default())
    }

    /// Opens an account's secrets.
    pub fn open_secrets(&self, sealed: &[u8]) -> Result<Secrets, Error> {
        serde_json::from_slice(&self.open(sealed)?).map_err(|_| Error::Open)
    }
}

/// 256 bits from the system's random source.
pub fn random_32() -> [u8; 32] {
    let mut hash = Sha256::new();
    for _ in 0..4 {
        hash.update(uuid::Uuid::new_v4().as_bytes());
    }
    hash.finalize().into()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = std::fmt::Write::write_fmt(&mut text, format_args!("{byte:02x}"));
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_under_its_own_key_and_unchanged() {
        let seal = Seal::from_key([7; 32]);
        let mut sealed = seal.seal(b"token");
        assert_eq!(seal.open(&sealed).expect("opens"), b"token");
        assert!(Seal::from_key([8; 32]).open(&sealed).is_err());
        *sealed.last_mut().expect("bytes") ^= 1;
        assert!(seal.open(&sealed).is_err());
        assert!(seal.open(b"short").is_err());
    }

    #[test]
    fn key_file_is_made_once_and_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("key");
        let sealed = Seal::open_or_create(&path).expect("made").seal(b"x");
        assert_eq!(Seal::open_or_create(&path).expect("read").open(&sealed).expect("opens"), b"x");
        assert_eq!(std::fs::metadata(&path).expect("file").permissions().mode() & 0o777, 0o600);
    }
}
