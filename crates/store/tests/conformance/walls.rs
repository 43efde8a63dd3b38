//! Workspaces, the feed, failing units, search.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use everthread_core::ids::WorkspaceId;
use everthread_core::limits::SEARCH_LOOK_MAX;
use everthread_core::outbox::Settle;
use everthread_core::time::Timestamp;
use everthread_store::read::inbox::{InboxPage, View};
use everthread_store::units::{AddPipeline, ApplyItem, ItemResult, SetCursor, StageKind};
use everthread_store::{Db, Error, Result, Unit, sql, vals};

use crate::rig::{Rig, T0, at, message};

pub(crate) async fn workspaces_never_meet(mut rig: Rig) {
    let other = rig.workspace("other").await;
    let twin = rig.account(other, "chat", Settle::Never).await;
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "to the shop")]).await;
    let item = ApplyItem { workspace: other, ..rig.item(twin, T0, message("u1", "m1", "to the other")) };
    let applied = rig.store.write(rig.apply_unit(T0, vec![item])).await.unwrap();
    assert!(matches!(applied.results[0], ItemResult::Applied { .. }));
    // An item that names another workspace's account is refused.
    let crossed = ApplyItem { workspace: other, ..rig.item(rig.chat, T0, message("u1", "m9", "crossed")) };
    let applied = rig.store.write(rig.apply_unit(T0, vec![crossed])).await.unwrap();
    assert!(matches!(applied.results[0], ItemResult::Problem(_)));
    for workspace in [rig.ws, other] {
        for sql in [
            sql!("SELECT count(*) FROM contacts WHERE workspace_id = ?1"),
            sql!("SELECT count(*) FROM identities WHERE workspace_id = ?1"),
            sql!("SELECT count(*) FROM conversations WHERE workspace_id = ?1"),
            sql!("SELECT count(*) FROM messages WHERE workspace_id = ?1"),
        ] {
            assert_eq!(rig.ints(sql, &[workspace.0]).await, [1], "{}", sql.lite);
        }
    }
    let conversations = rig.ints(sql!("SELECT id FROM conversations ORDER BY id"), &[]).await;
    let crossed = rig.compose_unit(at(1), everthread_core::ids::ConversationId(conversations[1]), "Hello");
    assert_eq!(rig.store.write(crossed).await.err(), Some(Error::NotFound("conversation")));
}

/// Adds one change and takes its time before the commit, as a slow transaction does.
struct Slow {
    now: Timestamp,
    events: Vec<ApplyItem>,
    rig: everthread_store::units::Apply,
    steps: u32,
}

impl Unit for Slow {
    type Out = ();
    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        assert_eq!((self.events.len(), self.now), (0, T0));
        self.rig.run(db).await?;
        for _ in 0..self.steps {
            let _: Vec<(i64,)> = db.rows(sql!("SELECT count(*) FROM changes"), &[]).await?;
        }
        Ok(())
    }
}

/// The trap: numbers are handed out before commit, so a reader that follows them can skip a row for ever.
pub(crate) async fn changes_are_seen_in_order_by_a_tailing_reader(rig: Rig) {
    let rig = Arc::new(rig);
    let done = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|w| {
            let rig = Arc::clone(&rig);
            tokio::spawn(async move {
                for n in 0..25 {
                    let item = rig.item(rig.chat, T0, message(&format!("u{w}"), &format!("m{w}-{n}"), "Hi"));
                    let unit = rig.apply_unit(T0, vec![item]);
                    let steps = (w * 7 + n) % 5 * 3;
                    rig.store.write(Slow { now: T0, events: Vec::new(), rig: unit, steps }).await.unwrap();
                }
            })
        })
        .collect();
    let reader = {
        let (rig, done) = (Arc::clone(&rig), Arc::clone(&done));
        tokio::spawn(async move {
            let mut seen: Vec<i64> = Vec::new();
            loop {
                let last_round = done.load(Ordering::SeqCst);
                let cursor = seen.last().copied().unwrap_or(0);
                let news = rig
                    .ints(
                        sql!("SELECT number FROM changes WHERE workspace_id = ?1 AND number > ?2 ORDER BY number"),
                        &[rig.ws.0, cursor],
                    )
                    .await;
                seen.extend(news);
                if last_round {
                    return seen;
                }
            }
        })
    };
    for writer in writers {
        writer.await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    let seen = reader.await.unwrap();
    let all = rig
        .ints(sql!("SELECT number FROM changes WHERE workspace_id = ?1 ORDER BY number"), &[rig.ws.0])
        .await;
    assert_eq!(seen, all);
    assert!(all.len() >= 200 && all.iter().copied().eq(1..=all.len() as i64));
}

struct Broken {
    panics: bool,
}

impl Unit for Broken {
    type Out = ();
    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        db.exec(sql!("INSERT INTO cursors (name, value) VALUES (?1, 'x')"), &vals!["broken"]).await?;
        assert!(!self.panics, "on purpose");
        Err(Error::Invalid("on purpose".into()))
    }
}

pub(crate) async fn a_failing_unit_stores_nothing(rig: Rig) {
    let failed = rig.store.write(Broken { panics: false }).await;
    assert_eq!(failed, Err(Error::Invalid("on purpose".into())));
    assert_eq!(rig.int(sql!("SELECT count(*) FROM cursors")).await, 0);
}

pub(crate) async fn a_panicking_unit_harms_no_other(rig: Rig) {
    let rig = Arc::new(rig);
    let tasks: Vec<_> = (0..60)
        .map(|n| {
            let rig = Arc::clone(&rig);
            tokio::spawn(async move {
                if n % 3 == 0 {
                    matches!(rig.store.write(Broken { panics: true }).await, Err(Error::Panicked(_)))
                } else {
                    let unit = SetCursor { name: format!("c{n}"), value: "1".into() };
                    rig.store.write(unit).await.is_ok()
                }
            })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap());
    }
    assert_eq!(rig.int(sql!("SELECT count(*) FROM cursors")).await, 40);
}

pub(crate) async fn reading_units_cannot_write(rig: Rig) {
    let written = rig.store.read(SetCursor { name: "c".into(), value: "1".into() }).await;
    assert!(written.is_err());
    assert_eq!(rig.int(sql!("SELECT count(*) FROM cursors")).await, 0);
}

/// How many conversations a search of the inbox finds.
async fn found(rig: &Rig, workspace: WorkspaceId, q: &str) -> usize {
    let page = InboxPage {
        workspace,
        view: View::All,
        channel: None,
        label: None,
        q: Some(q.to_owned()),
        after: None,
        limit: 100,
    };
    rig.store.read(page).await.unwrap().len()
}

pub(crate) async fn search_finds_words_of_its_workspace_only(mut rig: Rig) {
    let other = rig.workspace("other").await;
    let twin = rig.account(other, "chat", Settle::Never).await;
    rig.apply(
        T0,
        rig.chat,
        vec![
            message("u1", "m1", "Колко струва синята обувка?"),
            message("u1", "m2", "我想要退款"),
            message("u1", "m3", "Crème brûlée & \"quotes\" (50%)"),
        ],
    )
    .await;
    let item = ApplyItem { workspace: other, ..rig.item(twin, T0, message("u1", "m1", "синята")) };
    rig.store.write(rig.apply_unit(T0, vec![item])).await.unwrap();
    for (text, want) in [
        ("синята", 1),
        ("обув", 1),
        ("синята струва", 1),
        ("退款", 1),
        ("款", 1),
        ("creme BRULEE", 1),
        ("quotes 50", 1),
        ("обувка退款", 0),
        ("нищо", 0),
    ] {
        assert_eq!(found(&rig, rig.ws, text).await, want, "{text}");
    }
    assert_eq!(found(&rig, other, "синята").await, 1);
}

/// The bound shows in what is found: beyond it a short word finds nothing, a longer one all.
pub(crate) async fn a_short_word_is_looked_for_in_the_newest_messages_only(rig: Rig) {
    rig.apply(T0, rig.chat, vec![message("old", "m0", "zq zqualm 茶")]).await;
    let newer: Vec<_> =
        (0..SEARCH_LOOK_MAX - 1).map(|n| message("many", &format!("n{n}"), "quiet")).collect();
    for some in newer.chunks(250) {
        rig.apply(at(1), rig.chat, some.to_vec()).await;
    }
    for q in ["zq", "z", "zq ", "茶", "zqu", "zqualm z"] {
        assert_eq!(found(&rig, rig.ws, q).await, 1, "{q} is within the bound");
    }
    rig.apply(at(2), rig.chat, vec![message("many", "last", "quiet")]).await;
    for (q, want) in [("zq", 0), ("z", 0), ("zq ", 0), ("茶", 0), ("zqu", 1), ("zqualm z", 1), ("quiet z", 0)]
    {
        assert_eq!(found(&rig, rig.ws, q).await, want, "{q}");
    }
    assert_eq!(found(&rig, rig.ws, "qu").await, 1, "newer ones are found");
}

pub(crate) async fn labels_and_leads(mut rig: Rig) {
    rig.set_rules(&[r#"{"trigger": {"type": "keyword", "words": ["buy"]},
        "actions": [{"type": "label", "add": ["hot"]}, {"type": "lead", "pipeline": "Sales", "stage": "New"},
                    {"type": "lead", "pipeline": "Sales", "stage": "Nowhere"},
                    {"type": "set_field", "field": "wants", "value": "{{ message.text }}"}]}"#]);
    let pipeline = AddPipeline {
        now: T0,
        seed: rig.seed(),
        workspace: rig.ws,
        name: "Sales".into(),
        stages: vec![("New".into(), StageKind::Open), ("Won".into(), StageKind::Won)],
    };
    let first = rig.store.write(pipeline.clone()).await.unwrap();
    assert_eq!(rig.store.write(AddPipeline { seed: rig.seed(), ..pipeline }).await.unwrap(), first);
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "buy")]).await;
    rig.apply(at(1), rig.chat, vec![message("u1", "m2", "buy")]).await;
    assert_eq!(rig.texts(sql!("SELECT labels FROM conversations")).await, [r#"["hot"]"#]);
    assert_eq!(rig.int(sql!("SELECT count(*) FROM conversation_labels")).await, 1);
    assert_eq!(rig.int(sql!("SELECT count(*) FROM leads")).await, 1);
    assert!(rig.texts(sql!("SELECT reason FROM problems")).await[0].contains("Nowhere"));
    assert_eq!(rig.texts(sql!("SELECT fields FROM contacts")).await, [r#"{"wants":"buy"}"#]);
}
