//! How rows of the store become what the API shows.

use everthread_core::ids::{AccountId, ContactId, ConversationId, LeadId, ProblemId, RuleId, UserId};
use everthread_core::state::OwnerKind;
use everthread_store::read::access::{ApiKeyListed, AuditRow, MemberRow};
use everthread_store::read::accounts::{AccountRow, ProblemRow};
use everthread_store::read::contacts::{FullContact, LeadRow};
use everthread_store::read::inbox::InboxRow;

use super::account::{Account, ApiKeyView, AuditView, ProblemRule, ProblemView, UserView};
use super::contact::{ConsentView, Contact, IdentityView, MergeView};
use super::conversation::{AccountRef, ContactRef, ConversationRow, LastMessage, Owner};
use super::lead::{Lead, LeadContact};
use super::{API_KEY, AUDIT, id, json, time, time_opt};

/// What a contact without a name is called.
const NAMELESS: &str = "Unknown";

/// A contact's name for people.
pub(crate) fn name(name: Option<String>) -> String {
    name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| NAMELESS.to_owned())
}

/// A list of names kept as JSON.
pub(crate) fn labels(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap_or_default()
}

impl From<InboxRow> for ConversationRow {
    fn from(row: InboxRow) -> Self {
        let contact_id = id(ContactId::PREFIX, row.contact_uid);
        let account = row.account_uid.zip(row.account_name);
        let last = row.last_direction.zip(row.last_message_at).zip(row.last_state);
        let last_author = match row.last_author_kind.as_deref() {
            Some("customer") => row.contact_name.clone(),
            Some("bot") => Some("Bot".to_owned()),
            _ => row.last_author_name,
        };
        Self {
            id: id(ConversationId::PREFIX, row.uid),
            channel: Some(row.channel).filter(|channel| !channel.is_empty()),
            account: account.map(|(uid, name)| AccountRef { id: id(AccountId::PREFIX, uid), name }),
            status: row.status.as_str().to_owned(),
            owner: Owner {
                kind: row.owner_kind.as_str().to_owned(),
                user_id: row.owner_uid.map(|uid| id(UserId::PREFIX, uid)),
                name: match row.owner_kind {
                    OwnerKind::Bot => Some("Bot".to_owned()),
                    _ => row.owner_name,
                },
                version: row.owner_version,
            },
            labels: labels(&row.labels),
            last_message: last.map(|((direction, at), state)| LastMessage {
                direction: direction.as_str().to_owned(),
                text: row.last_text.unwrap_or_default(),
                at: time(at),
                state: state.as_str().to_owned(),
                author: last_author,
            }),
            contact: ContactRef {
                avatar_seed: contact_id.clone(),
                id: contact_id,
                name: name(row.contact_name),
            },
            last_customer_at: time_opt(row.last_in_at),
            unread: row.unread,
            waiting_since: time_opt(row.waiting_since),
            held_count: row.held_count,
            sandbox: row.sandbox,
            updated_at: time(row.updated_at),
            seq: row.seq,
        }
    }
}

impl From<LeadRow> for Lead {
    fn from(row: LeadRow) -> Self {
        Self {
            id: id(LeadId::PREFIX, row.uid),
            contact: LeadContact { id: id(ContactId::PREFIX, row.contact_uid), name: name(row.contact_name) },
            stage_id: id(super::STAGE, row.stage_uid),
            conversation_id: row.conversation_uid.map(|uid| id(ConversationId::PREFIX, uid)),
            fields: json(&row.fields),
            source_channel: row.channel,
            created_at: time(row.created_at),
            updated_at: time(row.updated_at),
        }
    }
}

impl From<FullContact> for Contact {
    fn from(full: FullContact) -> Self {
        let consents = full.consents;
        let identities = full.identities.into_iter().map(|(row, reachable)| IdentityView {
            id: id(everthread_core::ids::IdentityId::PREFIX, row.uid),
            kind: row.kind.as_str().to_owned(),
            value_label: address_label(row.username.as_deref(), &row.value),
            channel: row.channel,
            account: row.account_name,
            proof: row.proof.as_str().to_owned(),
            reachable,
            consents: consents
                .iter()
                .filter(|consent| consent.identity == row.id)
                .map(|consent| ConsentView {
                    purpose: consent.purpose.clone(),
                    wording: consent.wording.clone(),
                    at: time(consent.given_at),
                    source: consent.source.clone(),
                    withdrawn_at: time_opt(consent.withdrawn_at),
                })
                .collect(),
        });
        Self {
            id: id(ContactId::PREFIX, full.row.uid),
            name: name(full.row.name),
            fields: json(&full.row.fields),
            labels: labels(&full.row.labels),
            identities: identities.collect(),
            conversations: full.conversations.into_iter().map(Into::into).collect(),
            lead: full.lead.map(Into::into),
            merges: full
                .merges
                .into_iter()
                .map(|row| MergeView {
                    contact_id: id(ContactId::PREFIX, row.gone),
                    at: time(row.at),
                    by: row.by,
                })
                .collect(),
            created_at: time(full.row.created_at),
        }
    }
}

/// An address as people read it.
pub(crate) fn address_label(username: Option<&str>, value: &str) -> String {
    match username.filter(|name| !name.is_empty()) {
        Some(name) => format!("@{}", name.trim_start_matches('@')),
        None => value.to_owned(),
    }
}

impl From<AccountRow> for Account {
    fn from(row: AccountRow) -> Self {
        let title = everthread_channels::find(&row.channel).map_or(row.channel.as_str(), |c| c.spec().title);
        Self {
            id: id(AccountId::PREFIX, row.uid),
            title: title.to_owned(),
            name: row.name,
            status: if row.stopped_at.is_some() { "stopped" } else { "active" }.to_owned(),
            problem: row.stopped_reason,
            webhook_path: Some(format!("/hooks/{}/{}", row.channel, row.path_key)),
            settings: serde_json::from_str(&row.settings).unwrap_or_default(),
            sandbox: row.sandbox,
            last_in_at: time_opt(row.last_in_at),
            last_out_at: time_opt(row.last_out_at),
            channel: row.channel,
        }
    }
}

impl From<ProblemRow> for ProblemView {
    fn from(row: ProblemRow) -> Self {
        Self {
            id: id(ProblemId::PREFIX, row.uid),
            account: row.account_uid.map(|uid| id(AccountId::PREFIX, uid)),
            channel: row.channel,
            rule: row.rule_uid.map(|uid| ProblemRule {
                id: id(RuleId::PREFIX, uid),
                name: row.rule_name.unwrap_or_default(),
            }),
            reason: row.reason,
            recurring: row.recurring,
            count: row.times,
            at: time(row.at),
            last_at: time(row.last_at),
            raw: row.raw,
        }
    }
}

impl From<MemberRow> for UserView {
    fn from(row: MemberRow) -> Self {
        Self {
            id: id(UserId::PREFIX, row.uid),
            name: row.name,
            email: row.email,
            role: row.role,
            disabled_at: time_opt(row.disabled_at),
            second_factor: row.second_factor_at.is_some(),
            seen_at: time_opt(row.seen_at),
        }
    }
}

impl From<ApiKeyListed> for ApiKeyView {
    fn from(row: ApiKeyListed) -> Self {
        Self {
            id: id(API_KEY, row.uid),
            name: row.name,
            role: row.role,
            created_at: time(row.created_at),
            created_by: row.created_by,
            seen_at: time_opt(row.seen_at),
        }
    }
}

impl From<AuditRow> for AuditView {
    fn from(row: AuditRow) -> Self {
        Self {
            id: id(AUDIT, row.uid),
            at: time(row.at),
            action: row.action,
            object: row.object,
            detail: json(&row.detail),
            user_id: row.user_uid.map(|uid| id(UserId::PREFIX, uid)),
            user_name: row.user_name,
        }
    }
}
