//! Keys and secrets of every webhook address, in memory, so that the way to a 200 looks nothing up.
//!
//! The table is mirrored, sealed, to `DIR/ingress.cache`: after a restart with the database away, webhooks are
//! still checked and kept. Until the store or the cache has loaded, every hook answers 503.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use everthread_channels::Channel;
use everthread_core::account::Secrets;
use everthread_core::ids::EndpointId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::seal::Seal;

/// Secrets that signatures are checked under; all others play no part in a webhook.
const VERIFYING: &[&str] =
    &["app_secret", "instagram_app_secret", "secret_token", "auth_token", "channel_secret", "signing_key"];

/// A rotated secret stays accepted under its name with this ending.
const PREVIOUS: &str = "_previous";

/// Names a set of verifying secrets without telling them; kept with each journal record.
pub type Fingerprint = u64;

/// All addresses.
#[derive(Debug, Default)]
pub struct Table {
    by_key: HashMap<String, Arc<Endpoint>>,
}

/// One address under `/hooks/<channel>/`.
pub struct Endpoint {
    pub id: EndpointId,
    pub channel: &'static dyn Channel,
    pub sets: Vec<Secrets>,
    /// Fingerprint of each of `sets`.
    pub prints: Vec<Fingerprint>,
    pub verify_tokens: Vec<String>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("id", &self.id)
            .field("channel", &self.channel.spec().name)
            .finish_non_exhaustive()
    }
}

/// One endpoint as it is cached.
#[derive(Serialize, Deserialize)]
pub struct Row {
    pub id: EndpointId,
    pub key: String,
    pub channel: String,
    /// Secrets of every account that it serves; equal ones may repeat.
    pub secrets: Vec<Secrets>,
}

/// The fingerprint of the secrets that a signature is checked under. Equal secrets have equal fingerprints.
pub fn fingerprint(secrets: &Secrets) -> Fingerprint {
    let mut hash = Sha256::new();
    for name in VERIFYING {
        hash.update(name.as_bytes());
        hash.update([0]);
        hash.update(secrets.get(name).unwrap_or_default().as_bytes());
        hash.update([0]);
    }
    let digest: [u8; 32] = hash.finalize().into();
    u64::from_be_bytes([
        digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7],
    ])
}

/// The set of secrets before rotation, where the account still accepts it.
fn previous(secrets: &Secrets) -> Option<Secrets> {
    let mut old = secrets.clone();
    let mut any = false;
    for name in VERIFYING {
        if let Some(value) = secrets.get(&format!("{name}{PREVIOUS}")) {
            old.0.insert((*name).to_owned(), value.to_owned());
            any = true;
        }
    }
    any.then_some(old)
}

impl Table {
    /// Builds the table. Rows of a channel that this version does not know are left out.
    pub fn build(rows: &[Row]) -> Self {
        let mut by_key = HashMap::new();
        for row in rows {
            let Some(channel) = everthread_channels::find(&row.channel) else { continue };
            let mut endpoint = Endpoint {
                id: row.id,
                channel,
                sets: Vec::new(),
                prints: Vec::new(),
                verify_tokens: Vec::new(),
            };
            for secrets in &row.secrets {
                let print = fingerprint(secrets);
                if !endpoint.prints.contains(&print) {
                    endpoint.sets.push(secrets.clone());
                    endpoint.prints.push(print);
                    if let Some(old) = previous(secrets) {
                        endpoint.sets.push(old);
                        endpoint.prints.push(print);
                    }
                }
                if let Some(token) = secrets.get("verify_token")
                    && !endpoint.verify_tokens.iter().any(|t| t == token)
                {
                    endpoint.verify_tokens.push(token.to_owned());
                }
            }
            by_key.insert(row.key.clone(), Arc::new(endpoint));
        }
        Self { by_key }
    }

    /// The endpoint of this key, if the path's channel belongs to the same family: any path of a Meta app takes
    /// whatever that app sends.
    pub fn find(&self, channel: &str, key: &str) -> Option<Arc<Endpoint>> {
        let endpoint = self.by_key.get(key)?;
        let spec = endpoint.channel.spec();
        let fits = spec.name == channel
            || everthread_channels::find(channel).is_some_and(|c| family(c) == family(endpoint.channel));
        fits.then(|| Arc::clone(endpoint))
    }
}

/// Channels of one company share apps, secrets and webhook addresses.
pub fn family(channel: &dyn Channel) -> &'static str {
    let spec = channel.spec();
    spec.fate.first().copied().unwrap_or(spec.name)
}

/// Writes the sealed mirror, atomically.
pub fn write_cache(path: &Path, seal: &Seal, rows: &[Row]) -> std::io::Result<()> {
    let plain = serde_json::to_vec(rows).map_err(std::io::Error::other)?;
    let next = path.with_extension("cache.next");
    std::fs::write(&next, seal.seal(&plain))?;
    std::fs::rename(&next, path)
}

/// Reads the sealed mirror. `None` where there is none or it does not open under this key.
pub fn read_cache(path: &Path, seal: &Seal) -> Option<Vec<Row>> {
    let plain = seal.open(&std::fs::read(path).ok()?).ok()?;
    serde_json::from_slice(&plain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(pairs: &[(&str, &str)]) -> Secrets {
        Secrets(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn fingerprint_looks_at_verifying_secrets_only() {
        let a = fingerprint(&secrets(&[("app_secret", "s"), ("token", "t")]));
        assert_eq!(a, fingerprint(&secrets(&[("app_secret", "s"), ("token", "u")])));
        assert_ne!(a, fingerprint(&secrets(&[("app_secret", "x")])));
    }

    #[test]
    fn rotation_keeps_the_old_secret_under_the_same_fingerprint() {
        let row = Row {
            id: EndpointId(1),
            key: "k".into(),
            channel: "whatsapp".into(),
            secrets: vec![secrets(&[("app_secret", "new"), ("app_secret_previous", "old")])],
        };
        let endpoint = Table::build(&[row]).find("whatsapp", "k").expect("found");
        assert_eq!(
            endpoint.sets.iter().filter_map(|s| s.get("app_secret")).collect::<Vec<_>>(),
            ["new", "old"]
        );
        assert_eq!(endpoint.prints[0], endpoint.prints[1]);
    }

    #[test]
    fn cache_opens_only_under_its_key() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("ingress.cache");
        let rows = [Row { id: EndpointId(1), key: "k".into(), channel: "telegram".into(), secrets: vec![] }];
        write_cache(&path, &Seal::from_key([1; 32]), &rows).expect("written");
        assert!(read_cache(&path, &Seal::from_key([2; 32])).is_none());
        assert_eq!(read_cache(&path, &Seal::from_key([1; 32])).expect("read").len(), 1);
        assert!(!std::fs::read(&path).expect("bytes").windows(8).any(|w| w == b"telegram"));
    }
}
