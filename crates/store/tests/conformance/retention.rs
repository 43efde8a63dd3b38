//! Retention by age: what goes, what stays because it waits, and what stays because it has no age.

use everthread_core::content::Content;
use everthread_core::event::{Event, EventKind, InMessage};
use everthread_core::ids::ContactId;
use everthread_core::time::Span;
use everthread_store::units::{CountOld, ItemResult, OldRemoved, RemoveOld, RestartFeed, SetRetention};
use everthread_store::{Db, Result, Sql, Unit, Val, sql};

use crate::rig::{Rig, T0, accepted, at, message, picture};

/// What is older than this goes.
fn before() -> everthread_core::time::Timestamp {
    T0 + Span::hours(24)
}

struct Do(Sql, Vec<i64>);

impl Unit for Do {
    type Out = u64;
    async fn run<D: Db>(&self, db: &mut D) -> Result<u64> {
        let vals: Vec<Val<'_>> = self.1.iter().map(|n| Val::from(*n)).collect();
        db.exec(self.0, &vals).await
    }
}

/// A customer with one conversation; answers its contact.
async fn customer(rig: &Rig, name: &str) -> ContactId {
    rig.apply(T0, rig.chat, vec![message(name, &format!("{name}-1"), "is it open?")]).await;
    ContactId(rig.int(sql!("SELECT max(id) FROM contacts")).await)
}

async fn resolve(rig: &Rig, contact: ContactId) {
    let resolve = sql!("UPDATE conversations SET status = 'resolved' WHERE contact_id = ?1");
    rig.store.write(Do(resolve, vec![contact.0])).await.unwrap();
}

/// Removes until nothing more is to do; no unit removes more messages than it may.
async fn remove(rig: &Rig, limit: u32) -> OldRemoved {
    let mut total = OldRemoved::default();
    loop {
        let unit = RemoveOld { workspace: rig.ws, before: before(), limit };
        let done = rig.store.write(unit).await.unwrap();
        assert!(done.messages <= u64::from(limit) && done.others <= 5 * u64::from(limit), "{done:?}");
        total.conversations += done.conversations;
        total.messages += done.messages;
        total.others += done.others;
        if !done.more {
            return total;
        }
    }
}

pub(crate) async fn only_what_is_closed_and_old_and_waits_for_nothing_goes(rig: Rig) {
    let old = before().micros() - 1;
    // What is said of the conversation after it was resolved at an old time, and whether it goes.
    let cases: &[(&str, Option<Sql>, bool)] = &[
        ("old", None, true),
        ("open", Some(sql!("UPDATE conversations SET status = 'open' WHERE contact_id = ?1")), false),
        ("pending", Some(sql!("UPDATE conversations SET status = 'pending' WHERE contact_id = ?1")), false),
        ("snoozed", Some(sql!("UPDATE conversations SET status = 'snoozed' WHERE contact_id = ?1")), false),
        ("young", Some(sql!("UPDATE conversations SET last_at = last_at + 1 WHERE contact_id = ?1")), false),
        (
            "timer",
            Some(sql!(
                "INSERT INTO timers (id, workspace_id, conversation_id, kind, body, due_at) \
                 SELECT id, workspace_id, id, 'test', '', 0 FROM conversations WHERE contact_id = ?1"
            )),
            false,
        ),
    ];
    let mut stays = Vec::new();
    for (name, then, goes) in cases {
        let contact = customer(&rig, name).await;
        resolve(&rig, contact).await;
        let set = sql!("UPDATE conversations SET last_at = ?2 WHERE contact_id = ?1");
        rig.store.write(Do(set, vec![contact.0, old])).await.unwrap();
        if let Some(then) = then {
            assert_eq!(rig.store.write(Do(*then, vec![contact.0])).await.unwrap(), 1, "{name}");
        }
        if !goes {
            stays.push(contact.0);
        }
    }
    // A reply that is not out holds its conversation, whatever its status; also one that is held for ever.
    for state in ["queued", "held"] {
        let contact = customer(&rig, state).await;
        let of = sql!("SELECT id FROM conversations WHERE contact_id = ?1");
        let conversation = everthread_core::ids::ConversationId(rig.ints(of, &[contact.0]).await[0]);
        rig.compose(T0, conversation, "yes").await;
        if state == "held" {
            let hold = sql!("UPDATE message_parts SET state = 'held' WHERE conversation_id = ?1");
            assert_eq!(rig.store.write(Do(hold, vec![conversation.0])).await.unwrap(), 1);
        }
        resolve(&rig, contact).await;
        stays.push(contact.0);
    }
    let count = CountOld { workspace: rig.ws, before: before(), limit: 10 };
    assert_eq!(rig.store.read(count).await.unwrap(), 1);
    assert_eq!(remove(&rig, 100).await.conversations, 1);
    let left = rig.ints(sql!("SELECT contact_id FROM conversations ORDER BY contact_id"), &[]).await;
    assert_eq!(left, stays);
    assert_eq!(remove(&rig, 100).await, OldRemoved::default(), "and nothing else");
}

/// One row of everything that an apply and an answer alone do not make.
const FILLS: &[Sql] = &[
    sql!("UPDATE media SET state = 'ready', next_at = NULL, storage_key = '1/picture'"),
    sql!(
        "INSERT INTO plans (id, uid, workspace_id, conversation_id, state, body, at) \
         SELECT id, uid, workspace_id, id, 'done', '{}', 0 FROM conversations"
    ),
    sql!("INSERT INTO conversation_labels (label_id, conversation_id) SELECT 1, id FROM conversations"),
    sql!(
        "INSERT INTO lanes (conversation_id, owner, lease_until, fence) SELECT id, 'x', 0, 0 FROM conversations \
         WHERE true ON CONFLICT DO NOTHING"
    ),
    sql!(
        "INSERT INTO leads (id, uid, workspace_id, contact_id, conversation_id, pipeline_id, stage_id, created_at, updated_at) \
         SELECT id, uid, workspace_id, contact_id, id, 1, 1, 0, 0 FROM conversations"
    ),
    sql!(
        "INSERT INTO problems (id, uid, workspace_id, dedupe, reason, raw, at) \
         SELECT id, uid, workspace_id, uid, 'old', 'look here', 0 FROM conversations"
    ),
    sql!(
        "INSERT INTO problem_examples (id, workspace_id, problem_id, account_id, record, idx, raw, at) \
         SELECT id, workspace_id, id, 1, 1, 0, 'look here', 0 FROM conversations"
    ),
    sql!(
        "INSERT INTO history_reads (incident_id, account_id, workspace_id, since, state, started_at, finished_at) \
         SELECT 1, 1, workspace_id, 0, 'done', 0, 1 FROM conversations"
    ),
    sql!(
        "INSERT INTO history_threads (incident_id, account_id, thread, workspace_id, address, name, updated_at, state) \
         SELECT 1, 1, 't', workspace_id, 'u1', 'Ana', 0, 'read' FROM conversations"
    ),
    sql!(
        "INSERT INTO history_reads (incident_id, account_id, workspace_id, since, state, due_at, started_at) \
         SELECT 2, 1, workspace_id, 0, 'reading', 1, 0 FROM conversations"
    ),
    sql!(
        "INSERT INTO history_threads (incident_id, account_id, thread, workspace_id, address, name, updated_at, state) \
         SELECT 2, 1, 't', workspace_id, 'u1', 'Ana', 0, 'waiting' FROM conversations"
    ),
    sql!(
        "INSERT INTO webhook_deliveries (id, uid, workspace_id, webhook_id, event_id, body, state, created_at, ended_at) \
         SELECT id, uid, workspace_id, 1, 'e1', 'look here', 'done', 0, 1 FROM conversations"
    ),
    sql!(
        "INSERT INTO webhook_deliveries (id, uid, workspace_id, webhook_id, event_id, body, state, created_at) \
         SELECT id, uid, workspace_id, 1, 'e2', 'waits', 'queued', 0 FROM messages WHERE seq = 1"
    ),
];

/// An answered conversation with a picture, in which everything that hangs on one is present.
async fn full_conversation(rig: &Rig) -> (ContactId, Event) {
    let first = Event {
        kind: EventKind::Message(InMessage {
            provider_id: "p1".into(),
            content: Content { text: "look here".into(), attachments: vec![picture()], ..Content::default() },
            ..InMessage::default()
        }),
        ..message("u1", "p1", "")
    };
    rig.apply(T0, rig.chat, vec![first.clone()]).await;
    for n in 0..5 {
        rig.apply(at(n), rig.chat, vec![message("u1", &format!("more{n}"), "and more")]).await;
    }
    let conversation = rig.conversation().await;
    let composed = rig.compose(at(9), conversation, "lovely").await;
    let sent = rig.claim(at(9), composed.after.heads[0]).await.unwrap();
    rig.record(at(9), &sent, accepted("out1")).await;
    let contact = ContactId(rig.int(sql!("SELECT id FROM contacts")).await);
    for fill in FILLS {
        assert!(rig.store.write(Do(*fill, Vec::new())).await.unwrap() <= 1, "{}", fill.lite);
    }
    resolve(rig, contact).await;
    (contact, first)
}

pub(crate) async fn a_removed_conversation_leaves_nothing_and_its_customer_begins_anew(rig: Rig) {
    let (contact, first) = full_conversation(&rig).await;
    let removed = remove(&rig, 2).await;
    assert_eq!((removed.conversations, removed.messages, removed.others), (1, 7, 5), "{removed:?}");
    for (table, left) in [
        (sql!("SELECT count(*) FROM conversations"), 0),
        (sql!("SELECT count(*) FROM messages"), 0),
        (sql!("SELECT count(*) FROM message_parts"), 0),
        (sql!("SELECT count(*) FROM attempts"), 0),
        (sql!("SELECT count(*) FROM message_search"), 0),
        (sql!("SELECT count(*) FROM media"), 0),
        (sql!("SELECT count(*) FROM media_gone"), 1),
        (sql!("SELECT count(*) FROM plans"), 0),
        (sql!("SELECT count(*) FROM lanes"), 0),
        (sql!("SELECT count(*) FROM conversation_labels"), 0),
        (sql!("SELECT count(*) FROM problems"), 0),
        (sql!("SELECT count(*) FROM problem_examples"), 0),
        (sql!("SELECT count(*) FROM history_reads"), 1),
        (sql!("SELECT count(*) FROM history_threads WHERE state = 'waiting'"), 1),
        (sql!("SELECT count(*) FROM history_threads"), 1),
        (sql!("SELECT count(*) FROM webhook_deliveries"), 1),
        (sql!("SELECT count(*) FROM contacts WHERE conversation_id IS NULL"), 1),
        (sql!("SELECT count(*) FROM leads WHERE conversation_id IS NULL"), 1),
        (sql!("SELECT count(*) FROM identities"), 1),
    ] {
        assert_eq!(rig.int(table).await, left, "{}", table.lite);
    }
    rig.store.write(RestartFeed { workspace: rig.ws }).await.unwrap();
    assert_eq!(rig.int(sql!("SELECT count(*) FROM changes")).await, 0);

    let again = rig.apply(at(90), rig.chat, vec![first, message("u1", "new", "hello again")]).await;
    assert_eq!(again.results[0], ItemResult::Duplicate);
    assert_eq!(rig.ints(sql!("SELECT seq FROM messages"), &[]).await, [1]);
    assert_eq!(rig.int(sql!("SELECT contact_id FROM conversations")).await, contact.0);
}

pub(crate) async fn one_workspace_s_age_is_not_another_s(rig: Rig) {
    let contact = customer(&rig, "u1").await;
    resolve(&rig, contact).await;
    let other = rig.workspace("other").await;
    let unit = RemoveOld { workspace: other, before: before(), limit: 10 };
    assert_eq!(rig.store.write(unit).await.unwrap(), OldRemoved::default());
    let ages = sql!("SELECT coalesce(retention_days, -1) FROM workspaces ORDER BY id");
    assert_eq!(rig.ints(ages, &[]).await, [-1, -1], "nothing is removed unless somebody says so");
    rig.store.write(SetRetention { workspace: other, days: Some(30) }).await.unwrap();
    assert_eq!(rig.ints(ages, &[]).await, [-1, 30]);
    rig.store.write(SetRetention { workspace: other, days: None }).await.unwrap();
    assert_eq!(rig.ints(ages, &[]).await, [-1, -1]);
}
