//! Reading back after an incident.

use everthread_core::health::{Config, Detector, Direction, Scope};
use everthread_core::history::Line;
use everthread_core::ids::IncidentId;
use everthread_core::time::{Span, Timestamp};
use everthread_store::read::continuity::Incidents;
use everthread_store::read::history::{
    ConversationGaps, IncidentGaps, IncidentReadings, ReadingRow, UnreadThreads,
};
use everthread_store::sql;
use everthread_store::units::{
    DueReadings, EndReading, EndThread, FindingRow, KnownIds, ListThreads, ListedThread, NewGap, NewReading,
    NextThread, Reading, SaidWith, SaveHealth, ThreadRead, text_hash,
};

use crate::rig::{Rig, T0, at, echo, message, secret};

/// Stores an incident with what it orders; the same one at every call.
async fn order(rig: &Rig, now: Timestamp, readings: Vec<NewReading>, gaps: Vec<NewGap>) -> IncidentId {
    let mut detector = Detector::new(Config::default());
    let found = detector.declare(Scope::Channel("chat".into()), Direction::Inbound, T0);
    let finding = FindingRow {
        incident: found.incident,
        attributed: Scope::Channel("chat".into()),
        lines: Vec::new(),
        workspaces: vec![rig.ws],
        readings,
        gaps,
    };
    let body = serde_json::to_string(&detector).unwrap();
    let unit = SaveHealth { now, seed: rig.seed(), detector: "real".into(), body, findings: vec![finding] };
    rig.store.write(unit).await.unwrap();
    rig.store.read(Incidents { open_only: false, before: None, limit: 1 }).await.unwrap()[0].id
}

async fn due(rig: &Rig, now: Timestamp) -> Vec<Reading> {
    rig.store.read(DueReadings { now, limit: 10 }).await.unwrap()
}

async fn report(rig: &Rig, incident: IncidentId) -> ReadingRow {
    rig.store.read(IncidentReadings { workspace: rig.ws, incident }).await.unwrap().remove(0)
}

fn thread(name: &str, address: &str, seconds: i64) -> ListedThread {
    ListedThread { thread: name.into(), address: Some(address.into()), name: None, updated_at: at(seconds) }
}

async fn end_thread(rig: &Rig, reading: &Reading, thread: &str, read: ThreadRead) {
    let unit = EndThread { reading: reading.clone(), thread: thread.into(), read };
    rig.store.write(unit).await.unwrap();
}

async fn end(rig: &Rig, now: Timestamp, reading: &Reading, again: Option<Timestamp>) -> usize {
    let (seed, reading) = (rig.seed(), reading.clone());
    let line = Some("Read back.".to_owned());
    let unit = EndReading { now, seed, reading, again, reason: None, line };
    rig.store.write(unit).await.unwrap().changes.len()
}

pub(crate) async fn a_reading_goes_on_where_it_was(rig: Rig) {
    let new = NewReading { workspace: rig.ws, account: rig.chat, since: T0 - Span::mins(10) };
    let incident = order(&rig, at(10), vec![new], Vec::new()).await;
    assert!(due(&rig, at(9)).await.is_empty());
    let reading = due(&rig, at(10)).await.remove(0);
    assert_eq!((reading.state.as_str(), reading.threads, reading.since), ("listing", 0, new.since));
    let threads = vec![thread("t1", "u1", 1), thread("t2", "u2", 2)];
    let cursor = Some("page 2".to_owned());
    let page = ListThreads { reading: reading.clone(), threads, cursor, over: false, complete: false };
    rig.store.write(page.clone()).await.unwrap();
    let reading = due(&rig, at(10)).await.remove(0);
    assert_eq!((reading.cursor.as_deref(), reading.threads), (Some("page 2"), 2));
    let last = ListThreads { threads: Vec::new(), cursor: None, over: true, complete: true, ..page };
    rig.store.write(last).await.unwrap();
    let next = NextThread { reading: reading.clone() };
    let first = rig.store.read(next.clone()).await.unwrap().unwrap();
    assert_eq!((first.thread.as_str(), first.address.as_deref()), ("t2", Some("u2")), "live talk first");
    let read = ThreadRead { platform: 3, added: 2, ..ThreadRead::default() };
    end_thread(&rig, &reading, "t2", read.clone()).await;
    let reason = Some("2 down".to_owned());
    end_thread(&rig, &reading, "t1", ThreadRead { failed: true, reason, ..ThreadRead::default() }).await;
    assert_eq!(rig.store.read(next.clone()).await.unwrap(), None);
    assert_eq!(end(&rig, at(20), &reading, Some(at(30))).await, 1);
    assert!(due(&rig, at(29)).await.is_empty(), "it waits");
    let row = report(&rig, incident).await;
    assert_eq!((row.threads, row.platform, row.added, row.unread_threads, row.tries), (2, 3, 2, 1, 1));
    let left = rig.store.read(UnreadThreads { workspace: rig.ws, incident, limit: 9 }).await.unwrap();
    assert_eq!(
        (left.len(), left[0].address.as_deref(), left[0].reason.as_deref()),
        (1, Some("u1"), Some("2 down"))
    );
    assert_eq!(rig.store.read(next).await.unwrap().unwrap().thread, "t1", "and is asked for again");
    // Ordered once more while it is read: what the older try says at its end is not the end.
    let reading = due(&rig, at(30)).await.remove(0);
    order(&rig, at(40), vec![new], Vec::new()).await;
    assert_eq!(end(&rig, at(41), &reading, None).await, 0);
    let reading = due(&rig, at(41)).await.remove(0);
    assert_eq!((reading.state.as_str(), reading.tries), ("listing", 0));
    end_thread(&rig, &reading, "t1", ThreadRead { platform: 1, ..ThreadRead::default() }).await;
    end_thread(&rig, &reading, "t2", ThreadRead { platform: 3, ..ThreadRead::default() }).await;
    end(&rig, at(42), &reading, None).await;
    let row = report(&rig, incident).await;
    assert_eq!(
        (row.platform, row.added, row.unread_threads, row.due_at),
        (4, 2, 0, None),
        "what came in stays counted"
    );
    assert!(due(&rig, at(9_999)).await.is_empty());
    assert_eq!(rig.int(sql!("SELECT count(*) FROM incident_events WHERE kind = 'history'")).await, 2);
}

pub(crate) async fn what_was_heard_is_known_by_its_id_and_by_its_words(rig: Rig) {
    let mut said = message("u1", "m1", "Hi  there");
    said.at = Some(at(5));
    rig.apply(at(6), rig.chat, vec![said, echo("u1", "e1", "Hello")]).await;
    let ids = ["m1", "e1", "m2"].map(str::to_owned).to_vec();
    let (workspace, account) = (rig.ws, rig.chat);
    let known =
        rig.store.read(KnownIds { workspace, account, ids: ids.clone(), keys: secret() }).await.unwrap();
    assert_eq!(known, [true, true, false]);
    let other =
        rig.store.read(KnownIds { workspace, account: rig.plain, ids, keys: secret() }).await.unwrap();
    assert_eq!(other, [false; 3], "ids belong to their account");
    let said = SaidWith { workspace, account, address: "u1".into(), from: at(0), until: at(60) };
    let mut lines = rig.store.read(said.clone()).await.unwrap();
    lines.sort_by_key(|(_, line)| line.at);
    let line = |ours, text: &str, seconds| Line { ours, words: text_hash(text), at: at(seconds) };
    assert_eq!(
        lines,
        [("m1".to_owned(), line(false, "Hi there", 5)), ("e1".to_owned(), line(true, "Hello", 6))]
    );
    let later = rig.store.read(SaidWith { from: at(7), ..said }).await.unwrap();
    assert!(later.is_empty());
}

pub(crate) async fn a_gap_marks_who_was_talking(rig: Rig) {
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "Hi"), message("u2", "m2", "Hi")]).await;
    rig.apply(T0, rig.plain, vec![message("u3", "m3", "elsewhere")]).await;
    let all = rig.ints(sql!("SELECT id FROM conversations ORDER BY id"), &[]).await;
    let gap = NewGap { workspace: rig.ws, account: rig.chat, since: at(60), until: at(120) };
    let incident = order(&rig, at(120), Vec::new(), vec![gap]).await;
    order(&rig, at(180), Vec::new(), vec![NewGap { until: at(180), ..gap }]).await;
    let marked = rig.ints(sql!("SELECT conversation_id FROM gaps ORDER BY conversation_id"), &[]).await;
    assert_eq!(marked, all[..2]);
    let shown = rig.store.read(IncidentGaps { workspace: rig.ws, incident }).await.unwrap();
    assert_eq!((shown.len(), shown[0].conversations, shown[0].until), (1, 2, at(180)));
    let conversation = everthread_core::ids::ConversationId(all[0]);
    let unit = ConversationGaps { workspace: rig.ws, conversation, limit: 5 };
    let mine = rig.store.read(unit).await.unwrap();
    assert_eq!((mine.len(), mine[0].since, mine[0].until, mine[0].number), (1, at(60), at(180), 1));
    let old = NewGap { since: T0 + Span::hours(30), until: T0 + Span::hours(31), ..gap };
    order(&rig, T0 + Span::hours(31), Vec::new(), vec![NewGap { account: rig.plain, ..old }]).await;
    assert_eq!(rig.int(sql!("SELECT count(*) FROM gaps")).await, 2, "who was not talking has no gap");
}
