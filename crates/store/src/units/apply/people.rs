//! Finding and making contacts, identities and conversations; kept for the unit and written back once.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;

use everthread_core::conversation::Conversation;
use everthread_core::directory::AccountInfo;
use everthread_core::event::{AddressKind, Peer};
use everthread_core::ids::{ContactId, ConversationId, IdentityId, Uid, WorkspaceId};
use everthread_core::state::Proof;
use everthread_core::time::Timestamp;

use super::{Batch, ItemResult};
use crate::units::rows::{self, ConversationRow, insert_conversation, save_conversation};
use crate::{Db, Result, Val, row_struct, search, sql, vals};

/// (workspace, kind, scope, value)
pub(super) type PeerKey = (WorkspaceId, AddressKind, i64, String);

#[derive(Clone, Copy, Debug)]
pub(super) struct PeerState {
    pub(super) identity: IdentityId,
    pub(super) contact: ContactId,
    pub(super) proof: Proof,
}

row_struct! {
    #[derive(Clone, Debug)]
    pub(super) struct ContactRow {
        pub(super) id: ContactId,
        pub(super) uid: Uid,
        pub(super) name: Option<String>,
        pub(super) locale: Option<String>,
        pub(super) fields: String,
        pub(super) labels: String,
        pub(super) conversation: Option<ConversationId>,
        pub(super) stopped_at: Option<Timestamp>,
        pub(super) last_in_at: Option<Timestamp>,
    }
}

#[derive(Clone, Debug)]
pub(super) struct ContactState {
    pub(super) row: ContactRow,
    pub(super) workspace: WorkspaceId,
    pub(super) fields: BTreeMap<String, String>,
    pub(super) labels: Vec<String>,
    sandbox: bool,
    new: bool,
    pub(super) dirty: bool,
}

#[derive(Clone, Debug)]
pub(super) struct ConversationState {
    pub(super) row: ConversationRow,
    dirty: bool,
}

/// The scope of an address: its account, unless any account of the network can reach it.
pub(super) fn scope(kind: AddressKind, info: &AccountInfo) -> i64 {
    if kind.is_global() { 0 } else { info.id.0 }
}

impl Batch<'_> {
    /// Finds the person behind these addresses, or makes a contact. Addresses that came together belong together;
    /// one that already belongs to another contact stays there. `None` where there is no address.
    pub(super) async fn person<D: Db>(
        &mut self,
        db: &mut D,
        info: &AccountInfo,
        peer: &Peer,
    ) -> Result<Option<PeerState>> {
        let keys: Vec<PeerKey> = peer
            .addresses
            .iter()
            .map(|a| (info.workspace, a.kind, scope(a.kind, info), a.value.clone()))
            .collect();
        let mut found = Vec::with_capacity(keys.len());
        for key in &keys {
            found.push(self.find(db, key).await?);
        }
        let Some(contact) = found.iter().flatten().map(|state| state.contact).next() else {
            return self.make(db, info, peer, &keys).await;
        };
        self.fill(contact, peer);
        let mut first = None;
        for (key, state) in keys.iter().zip(found) {
            let state = match state {
                Some(state) => self.attest(db, key, state, peer).await?,
                None => self.add_identity(db, key, contact, peer).await?,
            };
            first = first.or((state.contact == contact).then_some(state));
        }
        Ok(first)
    }

    /// An address that somebody typed becomes verified when its provider attests it.
    async fn attest<D: Db>(
        &mut self,
        db: &mut D,
        key: &PeerKey,
        state: PeerState,
        peer: &Peer,
    ) -> Result<PeerState> {
        // Our own web chat attests a browser, not who sits before it: who came by a link stays invited until a proof.
        let invited = state.proof == Proof::Invited && key.1 == AddressKind::Webchat;
        if peer.claimed || invited || state.proof == Proof::Verified {
            return Ok(state);
        }
        let state = PeerState { proof: Proof::Verified, ..state };
        db.exec(
            sql!("UPDATE identities SET proof = ?2, updated_at = ?3 WHERE id = ?1"),
            &vals![state.identity, state.proof, self.work.now],
        )
        .await?;
        self.peers.insert(key.clone(), state);
        Ok(state)
    }

    async fn find<D: Db>(&mut self, db: &mut D, key: &PeerKey) -> Result<Option<PeerState>> {
        if let Some(state) = self.peers.get(key) {
            return Ok(Some(*state));
        }
        let (workspace, kind, scope, value) = key;
        let found: Option<FoundPeer> = db
            .row(
                sql!(
                    "SELECT i.id, i.proof, c.sandbox, c.id, c.uid, c.name, c.locale, c.fields, c.labels, c.conversation_id, \
                     c.stopped_at, c.last_in_at FROM identities i JOIN contacts c ON c.id = i.contact_id \
                     WHERE i.workspace_id = ?1 AND i.kind = ?2 AND i.scope = ?3 AND i.value = ?4"
                ),
                &vals![*workspace, *kind, *scope, value.as_str()],
            )
            .await?;
        let Some(found) = found else { return Ok(None) };
        let state = PeerState { identity: found.identity, contact: found.contact.id, proof: found.proof };
        self.peers.insert(key.clone(), state);
        if let Entry::Vacant(entry) = self.contacts.entry(state.contact) {
            let fields = serde_json::from_str(&found.contact.fields)?;
            let labels = serde_json::from_str(&found.contact.labels)?;
            let contact = ContactState {
                row: found.contact,
                workspace: *workspace,
                fields,
                labels,
                sandbox: found.sandbox,
                new: false,
                dirty: false,
            };
            entry.insert(contact);
        }
        Ok(Some(state))
    }

    /// Takes over what the platform tells of a person and we do not know yet.
    fn fill(&mut self, id: ContactId, peer: &Peer) {
        let Some(contact) = self.contacts.get_mut(&id) else { return };
        let name = peer.name.as_ref().or(peer.username.as_ref());
        if contact.row.name.is_none() && name.is_some() {
            contact.row.name = name.cloned();
            contact.dirty = true;
        }
        if contact.row.locale.is_none() && peer.locale.is_some() {
            contact.row.locale.clone_from(&peer.locale);
            contact.dirty = true;
        }
    }

    async fn make<D: Db>(
        &mut self,
        db: &mut D,
        info: &AccountInfo,
        peer: &Peer,
        keys: &[PeerKey],
    ) -> Result<Option<PeerState>> {
        if keys.is_empty() {
            return Ok(None);
        }
        let (id, uid) = (ContactId(self.work.id(db).await?), self.work.uid());
        let row = ContactRow {
            id,
            uid,
            name: peer.name.clone().or_else(|| peer.username.clone()),
            locale: peer.locale.clone(),
            fields: "{}".to_owned(),
            labels: "[]".to_owned(),
            conversation: None,
            stopped_at: None,
            last_in_at: None,
        };
        let contact = ContactState {
            row,
            workspace: info.workspace,
            fields: BTreeMap::new(),
            labels: Vec::new(),
            sandbox: info.sandbox,
            new: true,
            dirty: true,
        };
        self.contacts.insert(id, contact);
        self.work.changed(info.workspace, "contact", uid, None);
        let mut first = None;
        for key in keys {
            let state = self.add_identity(db, key, id, peer).await?;
            first = first.or(Some(state));
        }
        Ok(first)
    }

    /// An address that the provider itself names is verified, as it attests it, unless the channel says that
    /// nobody does.
    pub(super) async fn add_identity<D: Db>(
        &mut self,
        db: &mut D,
        key: &PeerKey,
        contact: ContactId,
        peer: &Peer,
    ) -> Result<PeerState> {
        let id = IdentityId(self.work.id(db).await?);
        let uid = self.work.uid();
        let (workspace, kind, scope, value) = key;
        let new = NewIdentity {
            id,
            uid,
            workspace: *workspace,
            contact,
            scope: *scope,
            kind: *kind,
            value,
            username: peer.username.as_deref(),
            proof: if peer.claimed { Proof::Claimed } else { Proof::Verified },
        };
        insert_identity(db, &new, self.work.now).await?;
        let state = PeerState { identity: id, contact, proof: new.proof };
        self.peers.insert(key.clone(), state);
        Ok(state)
    }

    /// The contact's conversation, taken out of the unit's memory: give it back with [`Batch::keep`].
    pub(super) async fn conversation<D: Db>(
        &mut self,
        db: &mut D,
        info: &AccountInfo,
        peer: PeerState,
        automation: bool,
    ) -> Result<ConversationState> {
        let known = self.contacts.get(&peer.contact).and_then(|contact| contact.row.conversation);
        if let Some(id) = known {
            if let Some(state) = self.conversations.remove(&id) {
                return Ok(state);
            }
            let row = rows::conversation(db, info.workspace, id).await?;
            return Ok(ConversationState { row, dirty: false });
        }
        let (id, uid, now) = (ConversationId(self.work.id(db).await?), self.work.uid(), self.work.now);
        if let Some(contact) = self.contacts.get_mut(&peer.contact) {
            contact.row.conversation = Some(id);
            contact.dirty = true;
        }
        let start = Conversation::new(automation);
        let row = ConversationRow {
            id,
            uid,
            workspace: info.workspace,
            contact: peer.contact,
            status: start.status,
            owner_kind: start.owner.kind(),
            owner_user: None,
            version: start.version,
            route_identity: Some(peer.identity),
            route_account: Some(info.id),
            channel: super::channel_of(info).to_owned(),
            seq: 0,
            last_message: None,
            last_at: now,
            last_in_at: None,
            waiting_since: None,
            unread: 0,
            snoozed_until: None,
            question: None,
            labels: "[]".to_owned(),
            sandbox: info.sandbox,
            created_at: now,
            resolved_at: None,
            home_account: None,
        };
        insert_conversation(db, &row, now).await?;
        Ok(ConversationState { row, dirty: true })
    }

    /// Gives a conversation back; it is written at the end of the unit.
    pub(super) fn keep(&mut self, mut state: ConversationState) {
        state.dirty = true;
        self.conversations.insert(state.row.id, state);
    }

    pub(super) async fn flush_people<D: Db>(&mut self, db: &mut D) -> Result<()> {
        let now = self.work.now;
        for contact in self.contacts.values_mut().filter(|contact| contact.dirty) {
            save_contact(db, contact, now).await?;
            contact.new = false;
            contact.dirty = false;
        }
        for state in self.conversations.values_mut().filter(|state| state.dirty) {
            save_conversation(db, &state.row, now).await?;
            state.dirty = false;
        }
        Ok(())
    }

    /// Whether the customer may be written to over this account.
    pub(super) async fn reachable<D: Db>(
        &mut self,
        db: &mut D,
        item: &super::ApplyItem,
        info: &AccountInfo,
        reachable: bool,
        reason: &str,
    ) -> Result<ItemResult> {
        let Some(peer) = &item.event.peer else {
            return self.problem(db, item, "the event names no customer").await;
        };
        let Some(state) = self.person(db, info, peer).await? else {
            return self.problem(db, item, "the event names no address").await;
        };
        let at = Self::happened(item);
        let reason = (!reachable).then_some(reason);
        db.exec(
            sql!(
                "INSERT INTO reaches (identity_id, account_id, reachable, reason, changed_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (identity_id, account_id) DO UPDATE \
                 SET reachable = excluded.reachable, reason = excluded.reason, changed_at = excluded.changed_at \
                 WHERE reaches.changed_at <= excluded.changed_at"
            ),
            &vals![state.identity, info.id, reachable, reason, at],
        )
        .await?;
        if let Some(contact) = self.contacts.get(&state.contact) {
            self.work.changed(info.workspace, "contact", contact.row.uid, None);
        }
        Ok(ItemResult::Applied { message: None })
    }

    /// A customer has a new address: it reaches the same contact, and becomes the route where the old one was.
    pub(super) async fn address_changed<D: Db>(
        &mut self,
        db: &mut D,
        item: &super::ApplyItem,
        info: &AccountInfo,
        to: &everthread_core::event::Address,
    ) -> Result<ItemResult> {
        let Some(peer) = &item.event.peer else {
            return self.problem(db, item, "the event names no customer").await;
        };
        let Some(old) = self.person(db, info, peer).await? else {
            return self.problem(db, item, "the event names no address").await;
        };
        let key = (info.workspace, to.kind, scope(to.kind, info), to.value.clone());
        let new = match self.find(db, &key).await? {
            Some(state) => state,
            None => self.add_identity(db, &key, old.contact, &Peer::default()).await?,
        };
        if new.contact != old.contact {
            return self.problem(db, item, "the new address already belongs to another contact").await;
        }
        if self.contacts.get(&old.contact).is_some_and(|contact| contact.row.conversation.is_some()) {
            let mut state = self.conversation(db, info, old, false).await?;
            if state.row.route_identity == Some(old.identity) {
                state.row.route_identity = Some(new.identity);
            }
            self.work.conversation_changed(info.workspace, state.row.uid);
            self.keep(state);
        }
        Ok(ItemResult::Applied { message: None })
    }
}

struct FoundPeer {
    identity: IdentityId,
    proof: Proof,
    sandbox: bool,
    contact: ContactRow,
}

impl crate::FromRow for FoundPeer {
    fn from_row(row: &crate::Row<'_>) -> Result<Self> {
        Ok(Self {
            identity: row.get(0)?,
            proof: row.get(1)?,
            sandbox: row.get(2)?,
            contact: ContactRow {
                id: row.get(3)?,
                uid: row.get(4)?,
                name: row.get(5)?,
                locale: row.get(6)?,
                fields: row.get(7)?,
                labels: row.get(8)?,
                conversation: row.get(9)?,
                stopped_at: row.get(10)?,
                last_in_at: row.get(11)?,
            },
        })
    }
}

/// An identity to insert.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewIdentity<'a> {
    pub(crate) id: IdentityId,
    pub(crate) uid: Uid,
    pub(crate) workspace: WorkspaceId,
    pub(crate) contact: ContactId,
    pub(crate) scope: i64,
    pub(crate) kind: AddressKind,
    pub(crate) value: &'a str,
    pub(crate) username: Option<&'a str>,
    pub(crate) proof: Proof,
}

/// Inserts an identity unless its address is known. True where it was inserted.
pub(crate) async fn insert_identity<D: Db>(
    db: &mut D,
    new: &NewIdentity<'_>,
    now: Timestamp,
) -> Result<bool> {
    let count = db
        .exec(
            sql!(
                "INSERT INTO identities (id, uid, workspace_id, contact_id, scope, kind, value, username, proof, \
                 created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10) \
                 ON CONFLICT (workspace_id, kind, scope, value) DO NOTHING"
            ),
            &vals![
                new.id,
                new.uid,
                new.workspace,
                new.contact,
                new.scope,
                new.kind,
                new.value,
                new.username,
                new.proof,
                now
            ],
        )
        .await?;
    Ok(count == 1)
}

async fn save_contact<D: Db>(db: &mut D, contact: &ContactState, now: Timestamp) -> Result<()> {
    let row = &contact.row;
    let folded = row.name.as_deref().map(search::fold);
    let fields = serde_json::to_string(&contact.fields)?;
    let values: [Val<'_>; 13] = vals![
        row.id,
        row.uid,
        contact.workspace,
        row.name.as_deref(),
        folded.as_deref(),
        row.locale.as_deref(),
        fields.as_str(),
        row.labels.as_str(),
        row.conversation,
        row.stopped_at,
        contact.sandbox,
        now,
        row.last_in_at
    ];
    let statement = if contact.new {
        sql!(
            "INSERT INTO contacts (id, uid, workspace_id, name, name_folded, locale, fields, labels, conversation_id, \
             stopped_at, sandbox, created_at, updated_at, last_in_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12, ?13)"
        )
    } else {
        sql!(
            "UPDATE contacts SET name = ?4, name_folded = ?5, locale = ?6, fields = ?7, labels = ?8, \
             conversation_id = ?9, stopped_at = ?10, sandbox = ?11, updated_at = ?12, last_in_at = ?13 \
             WHERE id = ?1 AND uid = ?2 AND workspace_id = ?3"
        )
    };
    db.exec(statement, &values).await?;
    Ok(())
}
