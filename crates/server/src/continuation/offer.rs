//! Links that can be made: a random token in an address of ours, and its hash for the store.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use everthread_core::event::AddressKind;
use everthread_core::ids::WorkspaceId;
use everthread_store::units::LinkOffer;

use std::sync::Arc;

use crate::api::auth::token;
use crate::registry::{Account, Registry};

/// Bytes of a token: 128 bits can't be guessed, and every character counts in a text message.
const TOKEN_BYTES: usize = 16;

/// Characters of a token.
pub const TOKEN_CHARS: usize = 22;

/// Where links of this hub begin.
#[derive(Clone, Debug)]
pub struct Doorway {
    /// Without a trailing slash.
    pub url: Arc<str>,
    /// True where somebody said that customers can reach it.
    pub public: bool,
}

impl Doorway {
    /// A link that a carried message may take along; `None` without a web chat, and where real customers could not reach us. The
    /// sandbox's customers live on this machine.
    pub fn carried(&self, registry: &Registry, workspace: WorkspaceId, sandbox: bool) -> Option<LinkOffer> {
        if !self.public && !sandbox {
            return None;
        }
        self.offer(registry, workspace, sandbox)
    }

    /// A link, made anew at every call; `None` where the workspace has no web chat.
    pub fn offer(&self, registry: &Registry, workspace: WorkspaceId, sandbox: bool) -> Option<LinkOffer> {
        let account = web_chat(registry, workspace, sandbox)?;
        let token = URL_SAFE_NO_PAD.encode(&crate::seal::random_32()[..TOKEN_BYTES]);
        let url = format!("{}/c/{token}", self.url);
        Some(LinkOffer { account: account.id, url, token_hash: token::hash(&token) })
    }
}

/// The workspace's first web chat; one of the contact's own world (real, simulated) where there is one.
fn web_chat(registry: &Registry, workspace: WorkspaceId, sandbox: bool) -> Option<&Arc<Account>> {
    registry
        .accounts()
        .filter(|account| account.workspace == workspace)
        .filter(|account| account.channel.spec().addresses.contains(&AddressKind::Webchat))
        .min_by_key(|account| (account.sandbox != sandbox, account.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_web_chat_there_is_no_link() {
        let door = Doorway { url: "https://a.example".into(), public: true };
        assert_eq!(door.carried(&Registry::default(), WorkspaceId(1), false), None);
        assert_eq!(URL_SAFE_NO_PAD.encode([0; TOKEN_BYTES]).len(), TOKEN_CHARS);
    }
}
