//! Every way to a contact, with what routing weighs.

use std::collections::{BTreeMap, BTreeSet};

use everthread_core::content::{Content, Template};
use everthread_core::directory::{AccountInfo, Directory};
use everthread_core::event::AddressKind;
use everthread_core::fit::fit;
use everthread_core::ids::{AccountId, ContactId, IdentityId};
use everthread_core::outbox::window;
use everthread_core::routing::{Consent, Policy, Way};
use everthread_core::state::Proof;
use everthread_core::time::{Span, Timestamp};

use crate::units::rows::ConversationRow;
use crate::{Db, Result, row_struct, sql, vals};

/// The purpose that a grant must name for carrying a conversation on.
const PURPOSE: &str = "continue";

/// A visitor who has not been on our page for so long will not see what is said there.
const VISITOR_THERE: Span = Span::mins(15);

row_struct! {
    struct IdentityRow {
        id: IdentityId,
        scope: i64,
        kind: AddressKind,
        proof: Proof,
    }
}

row_struct! {
    struct ReachRow {
        identity: IdentityId,
        account: AccountId,
        last_in_at: Option<Timestamp>,
        reachable: bool,
        reason: Option<String>,
    }
}

row_struct! {
    /// What planning reads of the contact.
    pub(super) struct ContactFacts {
        pub(super) stopped_at: Option<Timestamp>,
        pub(super) locale: Option<String>,
        fields: String,
    }
}

pub(super) async fn contact_facts<D: Db>(db: &mut D, contact: ContactId) -> Result<ContactFacts> {
    db.one("contact", sql!("SELECT stopped_at, locale, fields FROM contacts WHERE id = ?1"), &vals![contact])
        .await
}

/// The contact's identities over all accounts of the workspace that reach them. Simulated accounts reach simulated
/// contacts only, and the other way round.
pub(super) async fn ways<D: Db>(
    db: &mut D,
    conversation: &ConversationRow,
    contact: &ContactFacts,
    waiting: &[Content],
    (policy, directory): (&Policy, &Directory),
    now: Timestamp,
) -> Result<Vec<Way>> {
    let identities: Vec<IdentityRow> = db
        .rows(
            sql!("SELECT id, scope, kind, proof FROM identities WHERE contact_id = ?1 AND workspace_id = ?2 ORDER BY id"),
            &vals![conversation.contact, conversation.workspace],
        )
        .await?;
    let reaches: Vec<ReachRow> = db
        .rows(
            sql!(
                "SELECT r.identity_id, r.account_id, r.last_in_at, r.reachable, r.reason FROM reaches r \
                 JOIN identities i ON i.id = r.identity_id WHERE i.contact_id = ?1"
            ),
            &vals![conversation.contact],
        )
        .await?;
    let grants: Vec<(IdentityId, Option<Timestamp>)> = db
        .rows(
            sql!("SELECT identity_id, withdrawn_at FROM consents WHERE contact_id = ?1 AND purpose = ?2 ORDER BY id"),
            &vals![conversation.contact, PURPOSE],
        )
        .await?;
    // The last word on an identity counts.
    let grants: BTreeMap<IdentityId, bool> =
        grants.into_iter().map(|(identity, withdrawn)| (identity, withdrawn.is_none())).collect();
    let wrote: BTreeSet<IdentityId> =
        reaches.iter().filter(|r| r.last_in_at.is_some()).map(|r| r.identity).collect();
    let fields: BTreeMap<String, String> = serde_json::from_str(&contact.fields).unwrap_or_default();
    let preferred = fields.get("preferred_channel").map(String::as_str);
    let mut accounts: Vec<&AccountInfo> =
        directory.of_workspace(conversation.workspace).map(AsRef::as_ref).collect();
    accounts.sort_by_key(|info| info.id);
    let mut out = Vec::new();
    for identity in &identities {
        for info in accounts.iter().filter(|info| info.sandbox == conversation.sandbox) {
            let scoped = !identity.kind.is_global() && identity.scope != info.id.0;
            if scoped || !info.addresses.contains(&identity.kind) {
                continue;
            }
            let reach = reaches.iter().find(|r| r.identity == identity.id && r.account == info.id);
            let route = (conversation.route_identity, conversation.route_account);
            let on_route = (Some(identity.id), Some(info.id)) == route;
            let consent = match grants.get(&identity.id) {
                _ if contact.stopped_at.is_some() && !on_route => Consent::Withdrawn,
                Some(false) => Consent::Withdrawn,
                Some(true) => Consent::Granted,
                None if wrote.contains(&identity.id) || on_route => Consent::WroteThere,
                None => Consent::None,
            };
            let preferred = preferred == Some(info.channel.as_str());
            let way = way(identity, info, reach, policy, now);
            out.push(Way { consent, preferred, misfit: misfit(waiting, info), ..way });
        }
    }
    Ok(out)
}

/// What holds for an identity over an account, whoever waits and whatever was allowed.
fn way(
    identity: &IdentityRow,
    info: &AccountInfo,
    reach: Option<&ReachRow>,
    policy: &Policy,
    now: Timestamp,
) -> Way {
    let last_in_at = reach.and_then(|r| r.last_in_at);
    let away =
        identity.kind == AddressKind::Webchat && last_in_at.is_none_or(|at| now.since(at) > VISITOR_THERE);
    Way {
        identity: identity.id,
        account: info.id,
        channel: info.channel.clone(),
        kind: identity.kind,
        fate: info.fate.clone(),
        proof: identity.proof,
        stopped: info.stopped.clone(),
        unreachable: match reach {
            Some(r) if !r.reachable => {
                Some(r.reason.clone().unwrap_or_else(|| "the provider said so".into()))
            }
            _ if away => Some("not on our page now".into()),
            _ => None,
        },
        consent: Consent::None,
        window: window(&info.caps, last_in_at, now),
        template: policy.templates.get(&info.channel).filter(|_| info.caps.templates).cloned(),
        misfit: None,
        last_in_at,
        cost: policy.costs.get(&info.channel).copied().unwrap_or(0),
        preferred: false,
    }
}

/// Why what waits can't go over an account.
fn misfit(waiting: &[Content], info: &AccountInfo) -> Option<String> {
    waiting
        .iter()
        .filter(|content| content.template.is_none())
        .find_map(|content| fit(content, &info.caps).err())
        .map(|e| e.to_string())
}

/// A template of the policy, `name` or `name/language`, with what is said as its one parameter.
pub(super) fn template(named: &str, text: &str) -> Content {
    let (name, language) = named.split_once('/').unwrap_or((named, "en"));
    let params = vec![text.split_whitespace().collect::<Vec<_>>().join(" ")];
    let template = Template { name: name.to_owned(), language: language.to_owned(), params };
    Content { text: text.to_owned(), template: Some(template), ..Content::default() }
}
