//! Making a contact of its own out of some addresses of another.

use std::collections::BTreeSet;

use everthread_core::contact::Person;
use everthread_core::ids::{ContactId, ConversationId, IdentityId, Uid, UserId, WorkspaceId};
use everthread_core::time::Timestamp;
use serde_json::json;

use super::rows::{ContactRow, Hanging};
use super::{audit, move_conversations, settle_routes};
use crate::units::After;
use crate::units::work::Work;
use crate::{Db, Error, Result, Unit, Val, sql, vals};

/// Makes a contact of its own out of these addresses: they go with their consents and with the conversations in which no
/// other address of the contact was used. A STOP holds for both. Merging the two takes it back.
#[derive(Clone, Debug)]
pub struct SplitContact {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub contact: ContactId,
    pub identities: Vec<Uid>,
    /// Of the new contact; without it, its user name.
    pub name: Option<String>,
    pub user: Option<UserId>,
}

impl Unit for SplitContact {
    /// Public id of the new contact.
    type Out = (Uid, After);

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let mut work = Work::start(db, self.now, self.seed, &[self.workspace], 4).await?;
        let mut old = ContactRow::load(db, self.workspace, self.contact).await?;
        let hanging = Hanging::load(db, &old).await?;
        let (chosen, username) = self.chosen(db, &hanging).await?;
        let theirs = exclusive(db, &hanging, &chosen).await?;
        let (id, uid) = (ContactId(work.id(db).await?), work.uid());
        let person = Person {
            name: self.name.clone().or(username),
            locale: old.person.locale.clone(),
            stopped_at: old.person.stopped_at,
            last_in_at: old.person.last_in_at.filter(|_| !theirs.is_empty()),
            conversation: theirs.iter().last().copied(),
            ..Person::default()
        };
        let new = ContactRow::new(id, uid, person, old.sandbox, self.now);
        new.insert(db, self.workspace).await?;
        let sets: Vec<[Val<'_>; 2]> = chosen.iter().map(|identity| vals![*identity, id]).collect();
        db.exec_all(sql!("UPDATE identities SET contact_id = ?2 WHERE id = ?1"), &sets).await?;
        db.exec_all(sql!("UPDATE consents SET contact_id = ?2 WHERE identity_id = ?1"), &sets).await?;
        db.exec_all(sql!("UPDATE identity_codes SET contact_id = ?2 WHERE identity_id = ?1"), &sets).await?;
        let theirs: Vec<ConversationId> = theirs.into_iter().collect();
        move_conversations(db, &theirs, id).await?;
        // A lead goes with the conversation that made it one.
        let leads: Vec<[Val<'_>; 3]> = theirs.iter().map(|theirs| vals![self.contact, *theirs, id]).collect();
        db.exec_all(
            sql!("UPDATE leads SET contact_id = ?3 WHERE contact_id = ?1 AND conversation_id = ?2"),
            &leads,
        )
        .await?;
        if old.person.conversation.is_some_and(|current| theirs.contains(&current)) {
            old.person.conversation = hanging.conversations().into_iter().rfind(|id| !theirs.contains(id));
        }
        old.updated_at = self.now;
        old.save(db).await?;
        for (conversation, uid) in &hanging.uids {
            settle_routes(db, *conversation).await?;
            work.conversation_changed(self.workspace, *uid);
        }
        work.changed(self.workspace, "contact", old.uid()?, None);
        work.changed(self.workspace, "contact", uid, None);
        let detail = json!({ "new": new.shown(), "addresses": chosen.len() });
        audit(db, &mut work, (self.workspace, self.user), "contact.split", (old.shown(), &detail)).await?;
        Ok((uid, work.finish(db).await?))
    }
}

impl SplitContact {
    /// The addresses that go, and the first user name among them.
    async fn chosen<D: Db>(
        &self,
        db: &mut D,
        hanging: &Hanging,
    ) -> Result<(BTreeSet<IdentityId>, Option<String>)> {
        let sets: Vec<[Val<'_>; 2]> = self.identities.iter().map(|uid| vals![*uid, self.contact]).collect();
        let found: Vec<Vec<(IdentityId, Option<String>)>> = db
            .rows_all(sql!("SELECT id, username FROM identities WHERE uid = ?1 AND contact_id = ?2"), &sets)
            .await?;
        let mut chosen = BTreeSet::new();
        let mut username = None;
        for rows in found {
            let (id, name) = rows.into_iter().next().ok_or(Error::NotFound("address"))?;
            chosen.insert(id);
            username = username.or(name);
        }
        if chosen.is_empty() {
            return Err(Error::Invalid("choose at least one address".to_owned()));
        }
        if chosen.len() == hanging.identities.len() {
            return Err(Error::Invalid("at least one address has to stay with the contact".to_owned()));
        }
        Ok((chosen, username))
    }
}

/// Conversations in which only the chosen addresses were used.
async fn exclusive<D: Db>(
    db: &mut D,
    hanging: &Hanging,
    chosen: &BTreeSet<IdentityId>,
) -> Result<BTreeSet<ConversationId>> {
    let mut out = BTreeSet::new();
    for place in &hanging.places {
        let used: Vec<(IdentityId,)> = db
            .rows(
                sql!(
                    "SELECT DISTINCT identity_id FROM messages WHERE conversation_id = ?1 AND identity_id IS NOT NULL"
                ),
                &vals![place.conversation],
            )
            .await?;
        let route = place.identity.into_iter();
        if used.into_iter().map(|(id,)| id).chain(route).all(|id| chosen.contains(&id)) {
            out.insert(place.conversation);
        }
    }
    Ok(out)
}
