//! Taking a merge back.

use std::collections::BTreeSet;

use everthread_core::contact::unmerge;
use everthread_core::ids::{ContactId, ConversationId, Uid, UserId, WorkspaceId};
use everthread_core::time::Timestamp;
use serde_json::json;

use super::rows::{ContactRow, Hanging, LeadRow, Record, leads};
use super::{audit, move_conversations, settle_routes};
use crate::units::After;
use crate::units::work::Work;
use crate::{Db, Error, Result, Unit, Val, sql, vals};

/// Takes back what was merged into a contact last. What came since stays: a message in the conversation where it stands,
/// a changed field with the contact that was kept. Refused while a message is on its way to an address that would then
/// belong to another contact than its conversation.
#[derive(Clone, Debug)]
pub struct UndoMerge {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub kept: ContactId,
    pub user: Option<UserId>,
}

impl Unit for UndoMerge {
    /// Public id of the contact that is back.
    type Out = (Uid, After);

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let mut work = Work::start(db, self.now, self.seed, &[self.workspace], 2).await?;
        let found: Option<(i64, Timestamp, String)> = db
            .row(
                sql!(
                    "SELECT id, at, body FROM contact_merges WHERE kept_id = ?1 AND workspace_id = ?2 \
                     ORDER BY id DESC LIMIT 1"
                ),
                &vals![self.kept, self.workspace],
            )
            .await?;
        let Some((id, merged_at, body)) = found else {
            return Err(Error::Conflict("nothing was merged into this contact".to_owned()));
        };
        let record: Record = serde_json::from_str(&body)?;
        let mut now = ContactRow::load(db, self.workspace, self.kept).await?;
        let split = unmerge(&record.kept.person, &record.gone.person, &record.after, &now.person);
        let mut gone = record.gone.clone();
        gone.person = split.gone;
        gone.insert(db, self.workspace).await?;
        self.move_back(db, &record).await?;
        self.leads_back(db, &mut work, &record).await?;
        let cases = self.conversations_back(db, &record, merged_at).await?;
        now.person = split.kept;
        now.updated_at = if now.person == record.kept.person { record.kept.updated_at } else { self.now };
        own_conversation(&mut now, &cases);
        own_conversation(&mut gone, &cases);
        now.save(db).await?;
        gone.save(db).await?;
        db.exec(sql!("DELETE FROM contact_merges WHERE id = ?1"), &vals![id]).await?;
        for (conversation, uid, _) in &cases {
            settle_routes(db, *conversation).await?;
            work.conversation_changed(self.workspace, *uid);
        }
        work.changed(self.workspace, "contact", now.uid()?, None);
        work.changed(self.workspace, "contact", gone.uid()?, None);
        let detail = json!({ "kept": now.shown() });
        audit(db, &mut work, (self.workspace, self.user), "contact.unmerge", (gone.shown(), &detail)).await?;
        Ok((gone.uid()?, work.finish(db).await?))
    }
}

/// A contact's messages go on into one of its own conversations, the newest where the one it had is not its own.
fn own_conversation(contact: &mut ContactRow, cases: &[(ConversationId, Uid, ContactId)]) {
    let mut own = cases.iter().filter(|(_, _, owner)| *owner == contact.id).map(|(id, ..)| *id);
    if !contact.person.conversation.is_some_and(|current| own.clone().any(|id| id == current)) {
        contact.person.conversation = own.next_back();
    }
}

impl UndoMerge {
    /// What moved and still is with the contact that was kept goes back.
    async fn move_back<D: Db>(&self, db: &mut D, record: &Record) -> Result<()> {
        let identities: Vec<[Val<'_>; 3]> =
            record.identities.iter().map(|id| vals![*id, self.kept, record.gone.id]).collect();
        db.exec_all(
            sql!("UPDATE identities SET contact_id = ?3 WHERE id = ?1 AND contact_id = ?2"),
            &identities,
        )
        .await?;
        let codes: Vec<[Val<'_>; 2]> =
            record.identities.iter().map(|id| vals![*id, record.gone.id]).collect();
        db.exec_all(sql!("UPDATE identity_codes SET contact_id = ?2 WHERE identity_id = ?1"), &codes).await?;
        // A consent goes with its address, wherever it was given.
        db.exec(
            sql!(
                "UPDATE consents SET contact_id = ?2 WHERE contact_id = ?1 AND identity_id IN \
                 (SELECT id FROM identities WHERE contact_id = ?2)"
            ),
            &vals![self.kept, record.gone.id],
        )
        .await?;
        let withdrawn: Vec<[Val<'_>; 1]> = record.withdrawn.iter().map(|id| vals![*id]).collect();
        db.exec_all(
            sql!(
                "UPDATE consents SET withdrawn_at = NULL, withdrawn_by = NULL WHERE id = ?1 AND withdrawn_by = 'merge'"
            ),
            &withdrawn,
        )
        .await?;
        Ok(())
    }

    /// A lead that took another in is what it was, unless it was changed since; the other one is back.
    async fn leads_back<D: Db>(&self, db: &mut D, work: &mut Work, record: &Record) -> Result<()> {
        let moved: Vec<[Val<'_>; 3]> =
            record.leads.iter().map(|id| vals![*id, self.kept, record.gone.id]).collect();
        db.exec_all(sql!("UPDATE leads SET contact_id = ?3 WHERE id = ?1 AND contact_id = ?2"), &moved)
            .await?;
        let now = leads(db, self.kept).await?;
        for (before, after) in &record.joined {
            if let Some(lead) = now.iter().find(|lead| lead.id == before.id && &lead.facts == after) {
                LeadRow { facts: before.facts.clone(), ..lead.clone() }.save(db).await?;
            }
            work.changed(self.workspace, "lead", before.uid()?, None);
        }
        for lead in &record.taken {
            lead.insert(db, self.workspace, record.gone.id).await?;
            work.changed(self.workspace, "lead", lead.uid()?, None);
        }
        Ok(())
    }

    /// Conversations go back to whom they belonged; one begun since goes with the address that it leads to. All of both
    /// contacts, with their owner, oldest first.
    async fn conversations_back<D: Db>(
        &self,
        db: &mut D,
        record: &Record,
        merged_at: Timestamp,
    ) -> Result<Vec<(ConversationId, Uid, ContactId)>> {
        let now = ContactRow::load(db, self.workspace, self.kept).await?;
        let hanging = Hanging::load(db, &now).await?;
        let known: BTreeSet<ConversationId> = record.places.iter().map(|place| place.conversation).collect();
        let theirs: Vec<ConversationId> = hanging
            .places
            .iter()
            .filter(|place| {
                let new = !known.contains(&place.conversation);
                record.conversations.contains(&place.conversation)
                    || (new && place.identity.is_some_and(|id| record.identities.contains(&id)))
            })
            .map(|place| place.conversation)
            .collect();
        move_conversations(db, &theirs, record.gone.id).await?;
        // A lead made since goes with its conversation, unless the contact that is back has one in that pipeline.
        let leads: Vec<[Val<'_>; 4]> =
            theirs.iter().map(|id| vals![self.kept, *id, record.gone.id, merged_at]).collect();
        db.exec_all(
            sql!(
                "UPDATE leads SET contact_id = ?3 WHERE contact_id = ?1 AND conversation_id = ?2 AND created_at > ?4 \
                 AND NOT EXISTS (SELECT 1 FROM leads o WHERE o.contact_id = ?3 AND o.pipeline_id = leads.pipeline_id)"
            ),
            &leads,
        )
        .await?;
        // Where a route came to lead to the other contact, it leads again where it led before the merge.
        let places: Vec<[Val<'_>; 4]> = record
            .places
            .iter()
            .map(|p| vals![p.conversation, p.identity, p.account, p.channel.as_str()])
            .collect();
        db.exec_all(
            sql!(
                "UPDATE conversations SET route_identity_id = ?2, route_account_id = ?3, channel = ?4 WHERE id = ?1 \
                 AND EXISTS (SELECT 1 FROM identities i WHERE i.id = conversations.route_identity_id \
                 AND i.contact_id <> conversations.contact_id)"
            ),
            &places,
        )
        .await?;
        Ok(hanging
            .uids
            .iter()
            .map(|(id, uid)| (*id, *uid, if theirs.contains(id) { record.gone.id } else { self.kept }))
            .collect())
    }
}
