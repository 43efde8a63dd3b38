//! Proving in the chat that a visitor who came by a link is the customer: a code over another address of theirs, typed here.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use everthread_core::limits::CODE_TRIES_MAX;
use everthread_core::time::Timestamp;
use everthread_store::read::chat::Standing;
use everthread_store::units::{CodeSent, CodeStand, CodeWay, ProveByCode, SendCode, TryCode};
use serde::{Deserialize, Serialize};

use super::{Chat, Refused, TOO_FAST, answer, bearer};
use crate::continuation::codes;
use crate::registry::Account;

const AWAY: Refused = Refused(StatusCode::SERVICE_UNAVAILABLE, "that can't be done right now; try again");
const NOTHING: Refused = Refused(StatusCode::CONFLICT, "there is nothing to prove here");

/// How the widget shows a visitor who came by a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ProofView {
    /// `unverified` or `verified`.
    pub(super) state: &'static str,
    /// Over which channel a code would come; none where nobody can be proved now.
    pub(super) way: Option<String>,
    /// Until when the last code can be typed.
    pub(super) code_until: Option<String>,
}

impl ProofView {
    fn of(state: &'static str) -> Self {
        Self { state, way: None, code_until: None }
    }
}

/// The word for a standing; none for a visitor who proves nothing.
pub(super) const fn word(standing: Standing) -> Option<&'static str> {
    match standing {
        Standing::Visitor => None,
        Standing::Invited => Some("unverified"),
        Standing::Verified => Some("verified"),
    }
}

impl Chat {
    /// What the visitor can do to be proved.
    pub(super) async fn proof(
        &self,
        account: &Account,
        visitor: &str,
        standing: Standing,
    ) -> Result<Option<ProofView>, Refused> {
        let Some(word) = word(standing) else { return Ok(None) };
        if standing == Standing::Verified {
            return Ok(Some(ProofView::of(word)));
        }
        let unit = CodeWay {
            now: crate::clock::now(),
            workspace: account.workspace,
            account: account.id,
            visitor: visitor.to_owned(),
            faults: self.faults(),
            directory: Arc::clone(&self.registry.borrow().directory),
        };
        let stand = self.store.read(unit).await.map_err(|error| away(&error))?;
        Ok(stand.map(|CodeStand { channel, open_until }| ProofView {
            state: word,
            way: channel.map(|channel| title(&channel)),
            code_until: open_until.map(Timestamp::rfc3339),
        }))
    }

    /// Every open incident: real, simulated.
    fn faults(&self) -> [Arc<[everthread_core::routing::Fault]>; 2] {
        let snapshot = self.proving.continuity.snapshot();
        [snapshot.faults(false), snapshot.faults(true)]
    }
}

/// The channel as customers call it, without its provider. No more of the address: who asks may be a stranger.
fn title(channel: &str) -> String {
    let title = everthread_channels::find(channel).map_or(channel, |found| found.spec().title);
    title.split(" (").next().unwrap_or(title).to_owned()
}

fn away(error: &everthread_store::Error) -> Refused {
    tracing::warn!(%error, "a visitor can't be proved");
    AWAY
}

/// What came of asking for a code.
#[derive(Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum Asked {
    Sent { way: String, until: String },
    TooSoon { again_at: String },
    NoWay,
}

/// `POST /chat/{key}/code`: sends one.
pub(super) async fn ask(
    State(chat): State<Chat>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let account = chat.account(&key)?;
    let visitor = Chat::visitor(&account, bearer(&headers)?)?;
    chat.limits.messages.check_key(&visitor).map_err(|_| TOO_FAST)?;
    let business =
        chat.proving.hub.workspaces().iter().find(|w| w.id == account.workspace).map(|w| w.name.clone());
    let unit = SendCode {
        now: crate::clock::now(),
        seed: crate::clock::seed(),
        workspace: account.workspace,
        account: account.id,
        visitor,
        faults: chat.faults(),
        business: business.unwrap_or_default(),
        directory: Arc::clone(&chat.registry.borrow().directory),
    };
    let asked = match chat.store.write(unit).await.map_err(|error| away(&error))? {
        CodeSent::Sent { channel, until, after } => {
            chat.proving.effects.committed(*after);
            Asked::Sent { way: title(&channel), until: until.rfc3339() }
        }
        CodeSent::TooSoon { again_at } => Asked::TooSoon { again_at: again_at.rfc3339() },
        CodeSent::NoWay => Asked::NoWay,
        CodeSent::NotAsked => return Err(NOTHING),
    };
    Ok(answer(&account, &headers, Json(asked)))
}

#[derive(Deserialize)]
pub(super) struct Typed {
    code: String,
}

/// What came of a try.
#[derive(Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum Checked {
    Verified,
    Wrong {
        tries_left: u32,
    },
    /// No code can be tried: none was sent, it is over or used up.
    Over,
}

/// `POST /chat/{key}/code/check`: tries one. The try is counted before it is compared.
pub(super) async fn check(
    State(chat): State<Chat>,
    Path(key): Path<String>,
    headers: HeaderMap,
    Json(typed): Json<Typed>,
) -> Result<Response, Refused> {
    let account = chat.account(&key)?;
    let visitor = Chat::visitor(&account, bearer(&headers)?)?;
    chat.limits.messages.check_key(&visitor).map_err(|_| TOO_FAST)?;
    let (now, workspace) = (crate::clock::now(), account.workspace);
    let unit = TryCode { now, workspace, account: account.id, visitor };
    let tried = chat.store.write(unit).await.map_err(|error| away(&error))?;
    let checked = match tried {
        None => Checked::Over,
        Some(tried) if codes::is(&chat.proving.seal, tried.code, &typed.code) => {
            let unit = ProveByCode { now, seed: crate::clock::seed(), workspace, code: tried.code };
            match chat.store.write(unit).await.map_err(|error| away(&error))? {
                Some(after) => {
                    chat.proving.effects.committed(after);
                    Checked::Verified
                }
                None => Checked::Over,
            }
        }
        Some(tried) if tried.tries >= CODE_TRIES_MAX => Checked::Over,
        Some(tried) => Checked::Wrong { tries_left: CODE_TRIES_MAX - tried.tries },
    };
    Ok(answer(&account, &headers, Json(checked)))
}
