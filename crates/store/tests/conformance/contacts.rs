//! Merging contacts, taking it back, splitting one.

use std::collections::BTreeSet;

use everthread_core::dedupe::Key;
use everthread_core::ids::{AccountId, ContactId, ConversationId, Uid};
use everthread_store::read::contacts::{ContactKey, OneContact};
use everthread_store::units::{
    AddPipeline, EraseContact, GetCursor, ItemResult, KEYED, KeyEvents, MergeContacts, PreviewMerge,
    SplitContact, StageKind, UndoMerge,
};
use everthread_store::{Db, Error, Result, Unit, sql};

use crate::rig::{Rig, T0, at, message, secret};

/// Everything that a merge touches, row by row: what must be the same after it was taken back.
const TABLES: &[everthread_store::Sql] = &[
    sql!(
        "SELECT id || '|' || coalesce(name, '-') || '|' || coalesce(name_folded, '-') || '|' || coalesce(locale, '-') \
         || '|' || fields || '|' || labels || '|' || coalesce(conversation_id, 0) || '|' || coalesce(stopped_at, 0) \
         || '|' || sandbox || '|' || created_at || '|' || updated_at || '|' || coalesce(last_in_at, 0) \
         FROM contacts ORDER BY id"
    ),
    sql!("SELECT id || '|' || contact_id || '|' || value || '|' || proof FROM identities ORDER BY id"),
    sql!(
        "SELECT id || '|' || contact_id || '|' || identity_id || '|' || coalesce(withdrawn_at, 0) || '|' \
         || coalesce(withdrawn_by, '-') FROM consents ORDER BY id"
    ),
    sql!(
        "SELECT id || '|' || contact_id || '|' || status || '|' || owner_kind || '|' || owner_version || '|' \
         || coalesce(route_identity_id, 0) || '|' || coalesce(route_account_id, 0) || '|' || channel || '|' || seq \
         FROM conversations ORDER BY id"
    ),
    sql!(
        "SELECT id || '|' || contact_id || '|' || coalesce(conversation_id, 0) || '|' || pipeline_id || '|' \
         || stage_id || '|' || fields || '|' || coalesce(channel, '-') || '|' || created_at || '|' || updated_at \
         FROM leads ORDER BY id"
    ),
    sql!("SELECT id || '|' || conversation_id || '|' || seq || '|' || text FROM messages ORDER BY id"),
    sql!("SELECT id || '|' || conversation_id || '|' || state FROM message_parts ORDER BY id"),
];

async fn dump(rig: &Rig) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for table in TABLES {
        all.push(rig.texts(*table).await);
    }
    all
}

const RULES: &[&str] = &[
    r#"{"trigger": {"type": "keyword", "words": ["buy"]},
        "actions": [{"type": "label", "add": ["hot"]}, {"type": "lead", "pipeline": "Sales", "stage": "New"},
                    {"type": "set_field", "field": "wants", "value": "{{ message.text }}"}]}"#,
    r#"{"trigger": {"type": "keyword", "words": ["won"]},
        "actions": [{"type": "lead", "pipeline": "Sales", "stage": "Won"},
                    {"type": "set_field", "field": "size", "value": "L"}]}"#,
];

/// Two customers, each with a conversation, a lead and fields; the first gave a consent.
async fn two(rig: &mut Rig) -> (ContactId, ContactId) {
    rig.set_rules(RULES);
    let pipeline = AddPipeline {
        now: T0,
        seed: rig.seed(),
        workspace: rig.ws,
        name: "Sales".into(),
        stages: vec![("New".into(), StageKind::Open), ("Won".into(), StageKind::Won)],
    };
    rig.store.write(pipeline).await.unwrap();
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "buy")]).await;
    rig.apply(at(1), rig.plain, vec![message("u2", "m2", "won")]).await;
    let ids = rig.ints(sql!("SELECT id FROM contacts ORDER BY id"), &[]).await;
    rig.store.write(Consent { contact: ids[0] }).await.unwrap();
    (ContactId(ids[0]), ContactId(ids[1]))
}

/// A grant of the contact's first address.
struct Consent {
    contact: i64,
}

impl Unit for Consent {
    type Out = ();
    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        let id = db.ids(1).await?;
        let uid = everthread_core::ids::UidSource::new(id.cast_unsigned()).next(T0);
        db.exec(
            sql!(
                "INSERT INTO consents (id, uid, workspace_id, contact_id, identity_id, purpose, wording, source, given_at) \
                 SELECT ?1, ?2, workspace_id, contact_id, min(id), 'carry_over', 'yes', 'chat', ?4 FROM identities \
                 WHERE contact_id = ?3 GROUP BY workspace_id, contact_id"
            ),
            &everthread_store::vals![id, uid, self.contact, T0],
        )
        .await?;
        Ok(())
    }
}

fn merge(rig: &Rig, kept: ContactId, gone: ContactId) -> MergeContacts {
    MergeContacts {
        now: at(10),
        seed: rig.seed(),
        workspace: rig.ws,
        kept,
        gone,
        take: BTreeSet::new(),
        user: Some(rig.user),
    }
}

fn undo(rig: &Rig, kept: ContactId) -> UndoMerge {
    UndoMerge { now: at(20), seed: rig.seed(), workspace: rig.ws, kept, user: Some(rig.user) }
}

async fn gapless(rig: &Rig) {
    let gaps = sql!(
        "SELECT v.id FROM conversations v WHERE v.seq <> (SELECT count(*) FROM messages m WHERE m.conversation_id = v.id) \
         OR v.seq <> coalesce((SELECT max(m.seq) FROM messages m WHERE m.conversation_id = v.id), 0)"
    );
    assert_eq!(rig.ints(gaps, &[]).await, [0_i64; 0]);
}

pub(crate) async fn a_merge_taken_back_changed_nothing(mut rig: Rig) {
    let (a, b) = two(&mut rig).await;
    let before = dump(&rig).await;
    for (kept, gone) in [(a, b), (b, a)] {
        let preview = PreviewMerge { workspace: rig.ws, kept, gone };
        let preview = rig.store.read(preview).await.unwrap();
        assert_eq!((preview.identities, preview.conversations, preview.joined.len()), (1, 1, 1));
        assert_eq!(preview.merged.lines.len(), 1, "{:?}", preview.merged.lines);
        rig.store.write(merge(&rig, kept, gone)).await.unwrap();
        assert_eq!(rig.int(sql!("SELECT count(*) FROM contacts")).await, 1);
        assert_eq!(rig.int(sql!("SELECT count(*) FROM leads")).await, 1);
        let fields = rig.texts(sql!("SELECT fields FROM contacts")).await;
        assert_eq!(fields, [r#"{"size":"L","wants":"buy"}"#]);
        gapless(&rig).await;
        rig.store.write(undo(&rig, kept)).await.unwrap();
        assert_eq!(dump(&rig).await, before);
    }
    let again = rig.store.write(undo(&rig, a)).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    let actions = rig.texts(sql!("SELECT action FROM audit_log ORDER BY id")).await;
    assert_eq!(actions, ["contact.merge", "contact.unmerge", "contact.merge", "contact.unmerge"]);
}

pub(crate) async fn what_was_said_while_two_were_one_stays(mut rig: Rig) {
    let (a, b) = two(&mut rig).await;
    rig.store.write(merge(&rig, a, b)).await.unwrap();
    // Both addresses now lead into one conversation: that of the second, as it was used last.
    rig.apply(at(11), rig.chat, vec![message("u1", "m3", "from the first address")]).await;
    rig.apply(at(12), rig.plain, vec![message("u2", "m4", "from the second address")]).await;
    let seqs = rig.ints(sql!("SELECT seq FROM conversations ORDER BY id"), &[]).await;
    assert_eq!(seqs, [1, 3]);
    gapless(&rig).await;
    // An answer to the first address waits in the second's conversation: it can't be torn off its lane.
    rig.apply(at(13), rig.chat, vec![message("u1", "m5", "once more")]).await;
    let second = ConversationId(rig.int(sql!("SELECT max(id) FROM conversations")).await);
    rig.compose(at(14), second, "on its way").await;
    let refused = rig.store.write(undo(&rig, a)).await;
    assert!(matches!(&refused, Err(Error::Conflict(why)) if why.contains("on its way")), "{refused:?}");
    let message_id = rig.int(sql!("SELECT max(id) FROM messages")).await;
    let cancel = everthread_store::units::Cancel {
        now: at(15),
        workspace: rig.ws,
        message: everthread_core::ids::MessageId(message_id),
        user: Some(rig.user),
    };
    rig.store.write(cancel).await.unwrap();
    rig.store.write(undo(&rig, a)).await.unwrap();
    assert_eq!(rig.int(sql!("SELECT count(*) FROM messages")).await, 6);
    gapless(&rig).await;
    // Each contact has its own address and conversation again, and every route leads to its own contact.
    let owners = rig.ints(sql!("SELECT contact_id FROM conversations ORDER BY id"), &[]).await;
    assert_eq!(owners, [a.0, b.0]);
    let strays = sql!(
        "SELECT count(*) FROM conversations v JOIN identities i ON i.id = v.route_identity_id \
         WHERE i.contact_id <> v.contact_id"
    );
    assert_eq!(rig.int(strays).await, 0);
    let own = rig.ints(sql!("SELECT conversation_id FROM contacts ORDER BY id"), &[]).await;
    assert_eq!(own, rig.ints(sql!("SELECT id FROM conversations ORDER BY id"), &[]).await);
    rig.apply(at(21), rig.chat, vec![message("u1", "m6", "home")]).await;
    assert_eq!(rig.ints(sql!("SELECT seq FROM conversations ORDER BY id"), &[]).await, [2, 5]);
}

pub(crate) async fn stop_and_consents_are_kept_at_their_strictest(mut rig: Rig) {
    let (a, b) = two(&mut rig).await;
    rig.apply(at(5), rig.plain, vec![message("u2", "m3", "STOP")]).await;
    let before = dump(&rig).await;
    rig.store.write(merge(&rig, a, b)).await.unwrap();
    assert_eq!(rig.int(sql!("SELECT count(*) FROM contacts WHERE stopped_at IS NOT NULL")).await, 1);
    assert_eq!(rig.texts(sql!("SELECT withdrawn_by FROM consents")).await, ["merge"]);
    rig.store.write(undo(&rig, a)).await.unwrap();
    assert_eq!(dump(&rig).await, before);
    rig.store.write(merge(&rig, a, b)).await.unwrap();
    rig.apply(at(11), rig.chat, vec![message("u1", "m4", "STOP")]).await;
    rig.store.write(undo(&rig, a)).await.unwrap();
    assert_eq!(rig.int(sql!("SELECT count(*) FROM contacts WHERE stopped_at IS NOT NULL")).await, 2);
}

pub(crate) async fn merges_come_back_in_turn_and_old_ids_lead_on(mut rig: Rig) {
    let (a, b) = two(&mut rig).await;
    rig.apply(at(2), rig.chat, vec![message("u3", "m9", "hi")]).await;
    let c = ContactId(rig.int(sql!("SELECT max(id) FROM contacts")).await);
    let before = dump(&rig).await;
    let uid = rig.store.read(Uids).await.unwrap()[1];
    rig.store.write(merge(&rig, a, b)).await.unwrap();
    rig.store.write(merge(&rig, c, a)).await.unwrap();
    let key = ContactKey::Uid(uid);
    let found = rig.store.read(OneContact { workspace: rig.ws, key }).await.unwrap().unwrap();
    assert_eq!((found.row.id, found.identities.len(), found.merges.len()), (c, 3, 1));
    let other = rig.workspace("other").await;
    assert!(
        rig.store.read(OneContact { workspace: other, key: ContactKey::Uid(uid) }).await.unwrap().is_none()
    );
    assert!(rig.store.write(undo(&rig, a)).await.is_err());
    rig.store.write(undo(&rig, c)).await.unwrap();
    rig.store.write(undo(&rig, a)).await.unwrap();
    assert_eq!(dump(&rig).await, before);
}

struct Uids;

impl Unit for Uids {
    type Out = Vec<Uid>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Vec<Uid>> {
        let rows: Vec<(Uid,)> = db.rows(sql!("SELECT uid FROM contacts ORDER BY id"), &[]).await?;
        Ok(rows.into_iter().map(|(uid,)| uid).collect())
    }
}

struct IdentityUids;

impl Unit for IdentityUids {
    type Out = Vec<Uid>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Vec<Uid>> {
        let rows: Vec<(Uid,)> = db.rows(sql!("SELECT uid FROM identities ORDER BY id"), &[]).await?;
        Ok(rows.into_iter().map(|(uid,)| uid).collect())
    }
}

pub(crate) async fn a_split_address_takes_what_is_its_own(mut rig: Rig) {
    let (a, b) = two(&mut rig).await;
    rig.store.write(merge(&rig, a, b)).await.unwrap();
    let identities = rig.store.read(IdentityUids).await.unwrap();
    let split = |identities: &[Uid], contact| SplitContact {
        now: at(20),
        seed: rig.seed(),
        workspace: rig.ws,
        contact,
        identities: identities.to_vec(),
        name: Some("Second".into()),
        user: Some(rig.user),
    };
    for refused in [&identities[..], &[]] {
        assert!(matches!(rig.store.write(split(refused, a)).await, Err(Error::Invalid(_))));
    }
    rig.store.write(split(&identities[1..], a)).await.unwrap();
    let new = rig.int(sql!("SELECT max(id) FROM contacts")).await;
    let owners = rig.ints(sql!("SELECT contact_id FROM conversations ORDER BY id"), &[]).await;
    assert_eq!(owners, [a.0, new]);
    assert_eq!(rig.ints(sql!("SELECT contact_id FROM identities ORDER BY id"), &[]).await, [a.0, new]);
    rig.apply(at(21), rig.plain, vec![message("u2", "m7", "me again")]).await;
    assert_eq!(rig.ints(sql!("SELECT seq FROM conversations ORDER BY id"), &[]).await, [1, 2]);
    gapless(&rig).await;
    // Merging the two takes it back.
    rig.store.write(merge(&rig, a, ContactId(new))).await.unwrap();
    assert_eq!(rig.int(sql!("SELECT count(*) FROM contacts")).await, 1);
}

pub(crate) async fn an_erased_contact_leaves_nothing_and_does_not_come_back(mut rig: Rig) {
    let (a, b) = two(&mut rig).await;
    rig.store.write(merge(&rig, a, b)).await.unwrap();
    let items = vec![message("u1", "m3", "my address is Elm Street"), message("u1", "m4", "second")];
    let again = items.clone();
    rig.apply(at(11), rig.chat, items).await;
    rig.apply(at(12), rig.chat, vec![message("u9", "m9", "somebody else")]).await;
    loop {
        let unit = EraseContact { now: at(20), workspace: rig.ws, contact: a, strays: Vec::new(), limit: 2 };
        if !rig.store.write(unit).await.unwrap().more {
            break;
        }
    }
    for (table, left) in [
        (sql!("SELECT count(*) FROM contacts"), 1),
        (sql!("SELECT count(*) FROM identities"), 1),
        (sql!("SELECT count(*) FROM conversations"), 1),
        (sql!("SELECT count(*) FROM messages"), 1),
        (sql!("SELECT count(*) FROM consents"), 0),
        (sql!("SELECT count(*) FROM leads"), 0),
        (sql!("SELECT count(*) FROM contact_merges"), 0),
        (sql!("SELECT count(*) FROM message_search"), 1),
        (sql!("SELECT count(*) FROM changes"), 0),
    ] {
        assert_eq!(rig.int(table).await, left, "{}", table.lite);
    }
    // Nothing of the keys that stay is found by trying the person's ids.
    for event in &again {
        let key = Key::new(rig.chat, event);
        assert_eq!(rig.store.read(Stored(rig.chat, key.plain().to_vec())).await.unwrap(), 0);
        assert_eq!(rig.store.read(Stored(rig.chat, key.stored(&secret()).to_vec())).await.unwrap(), 1);
    }
    assert_eq!(rig.int(sql!("SELECT count(*) FROM event_keys WHERE length(hash) <> 17")).await, 0);
    let applied = rig.apply(at(21), rig.chat, again).await;
    assert_eq!(applied.results, [ItemResult::Duplicate, ItemResult::Duplicate]);
    assert_eq!(rig.int(sql!("SELECT count(*) FROM contacts")).await, 1);
}

pub(crate) async fn only_two_of_one_workspace_merge(mut rig: Rig) {
    let (a, b) = two(&mut rig).await;
    let other = rig.workspace("other").await;
    let refused = rig.store.write(MergeContacts { workspace: other, ..merge(&rig, a, b) }).await;
    assert_eq!(refused.err(), Some(Error::NotFound("contact")));
    let refused = rig.store.write(merge(&rig, a, a)).await;
    assert!(matches!(refused, Err(Error::Invalid(_))));
    let refused = rig.store.write(UndoMerge { workspace: other, ..undo(&rig, a) }).await;
    assert!(refused.is_err());
}

/// How often a key of an account stands in the store.
struct Stored(AccountId, Vec<u8>);

impl Unit for Stored {
    type Out = i64;
    async fn run<D: Db>(&self, db: &mut D) -> Result<i64> {
        let count = sql!("SELECT count(*) FROM event_keys WHERE account_id = ?1 AND hash = ?2");
        Ok(db.one::<(i64,)>("count", count, &everthread_store::vals![self.0, &self.1]).await?.0)
    }
}

/// Puts a key into the store as versions before the keyed form did.
struct StoreKey(AccountId, [u8; 16]);

impl Unit for StoreKey {
    type Out = ();
    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        let insert = sql!("INSERT INTO event_keys (account_id, hash) VALUES (?1, ?2)");
        db.exec(insert, &everthread_store::vals![self.0, &self.1]).await?;
        Ok(())
    }
}

pub(crate) async fn plain_keys_of_an_earlier_version_become_keyed(rig: Rig) {
    let old: Vec<_> = (0..7).map(|n| message("u1", &format!("old{n}"), "long ago")).collect();
    for event in &old {
        for account in [rig.chat, rig.plain] {
            rig.store.write(StoreKey(account, Key::new(account, event).plain())).await.unwrap();
        }
    }
    rig.apply(T0, rig.chat, vec![message("u1", "new", "today")]).await;
    let (mut after, mut replaced) = ((AccountId(0), Vec::new()), 0);
    loop {
        let unit = KeyEvents { secret: secret(), after, limit: 3 };
        let done = rig.store.write(unit).await.unwrap();
        replaced += done.replaced;
        let noted = rig.store.read(GetCursor { name: KEYED.into() }).await.unwrap();
        assert_eq!(noted.is_some(), done.next.is_none(), "the end is noted, and nothing before it");
        let Some(next) = done.next else { break };
        after = next;
    }
    assert_eq!(replaced, 14);
    assert_eq!(rig.int(sql!("SELECT count(*) FROM event_keys WHERE length(hash) = 17")).await, 15);
    assert_eq!(rig.int(sql!("SELECT count(*) FROM event_keys")).await, 15);
    for account in [rig.chat, rig.plain] {
        let applied = rig.apply(at(1), account, old.clone()).await;
        assert_eq!(applied.results, vec![ItemResult::Duplicate; 7]);
    }
}
