//! The way in.

use std::collections::BTreeSet;

use everthread_core::content::Content;
use everthread_core::event::{Address, AddressKind, Event, EventKind, InMessage, Peer};
use everthread_core::ids::AccountId;
use everthread_core::invariants::sequence_without_gaps;
use everthread_core::outbox::Settle;
use everthread_core::state::Status;
use everthread_core::time::{Span, Timestamp};
use everthread_store::sql;
use everthread_store::units::{ApplyItem, ItemResult, SetStatus};

use crate::rig::{Rig, T0, at, echo, message, peer, picture};

const GREET: &str = r#"{"trigger": {"type": "message"}, "actions": [{"type": "reply", "text": "Hello"}]}"#;

pub(crate) async fn a_message_makes_contact_conversation_and_message(rig: Rig) {
    let applied = rig.apply(T0, rig.chat, vec![message("u1", "m1", "Hi")]).await;
    assert!(matches!(applied.results[0], ItemResult::Applied { message: Some(_) }));
    assert_eq!(applied.after.changes.len(), 1);
    assert_eq!(rig.texts(sql!("SELECT name FROM contacts")).await, ["Customer u1"]);
    assert_eq!(rig.texts(sql!("SELECT status FROM conversations")).await, ["open"]);
    assert_eq!(rig.texts(sql!("SELECT text FROM messages")).await, ["Hi"]);
    assert_eq!(rig.texts(sql!("SELECT state FROM messages")).await, ["received"]);
    assert_eq!(rig.int(sql!("SELECT unread FROM conversations")).await, 1);
    assert_eq!(rig.int(sql!("SELECT last_in_at FROM reaches")).await, T0.micros());
}

pub(crate) async fn a_nul_in_a_text_costs_no_message(rig: Rig) {
    for event in [message("u\0", "m\0", "a\0b"), message("u\0", "m\0", "a\0b")] {
        rig.apply(T0, rig.chat, vec![event]).await;
    }
    assert_eq!(rig.texts(sql!("SELECT text FROM messages")).await, ["a\u{fffd}b"]);
    assert_eq!(rig.int(sql!("SELECT count(*) FROM contacts")).await, 1);
}

pub(crate) async fn a_thousand_equal_events_are_one_message(rig: Rig) {
    let rig = std::sync::Arc::new(rig);
    let tasks: Vec<_> = (0..1_000)
        .map(|_| {
            let rig = std::sync::Arc::clone(&rig);
            tokio::spawn(async move {
                let item = rig.item(rig.chat, T0, message("u1", "m1", "Hi"));
                let unit = rig.apply_unit(T0, vec![item]);
                rig.store.write(unit).await.unwrap().results[0].clone()
            })
        })
        .collect();
    let mut fresh = 0;
    for task in tasks {
        fresh += i32::from(task.await.unwrap() != ItemResult::Duplicate);
    }
    assert_eq!(fresh, 1);
    assert_eq!(rig.int(sql!("SELECT count(*) FROM messages")).await, 1);
    assert_eq!(rig.int(sql!("SELECT count(*) FROM contacts")).await, 1);
}

pub(crate) async fn a_batch_keeps_its_order_and_the_sequence_has_no_gap(rig: Rig) {
    let texts: Vec<String> = (1..=50).map(|n| format!("line {n}")).collect();
    let events =
        texts.iter().enumerate().map(|(n, text)| message("u1", &format!("m{n}"), text)).collect::<Vec<_>>();
    rig.apply(T0, rig.chat, events).await;
    assert_eq!(rig.texts(sql!("SELECT text FROM messages ORDER BY seq")).await, texts);
    assert!(sequence_without_gaps(rig.ints(sql!("SELECT seq FROM messages ORDER BY seq"), &[]).await));
    assert_eq!(rig.int(sql!("SELECT seq FROM conversations")).await, 50);
}

pub(crate) async fn the_sequence_has_no_gap_under_concurrency(mut rig: Rig) {
    rig.set_rules(&[GREET]);
    rig.apply(T0, rig.chat, vec![message("u1", "first", "Hi")]).await;
    let conversation = rig.conversation().await;
    let rig = std::sync::Arc::new(rig);
    let tasks: Vec<_> = (0..40)
        .map(|n| {
            let rig = std::sync::Arc::clone(&rig);
            tokio::spawn(async move {
                if n % 4 == 0 {
                    rig.compose(at(n), conversation, "from us").await;
                } else {
                    rig.apply(at(n), rig.chat, vec![message("u1", &format!("m{n}"), "more")]).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let seqs = rig.ints(sql!("SELECT seq FROM messages ORDER BY seq"), &[]).await;
    assert!(seqs.len() >= 41 && sequence_without_gaps(seqs.iter().copied()), "{seqs:?}");
    assert_eq!(rig.int(sql!("SELECT seq FROM conversations")).await, seqs.len() as i64);
    assert_eq!(rig.int(sql!("SELECT count(*) FROM conversations")).await, 1);
}

pub(crate) async fn rules_answer_in_the_same_unit(mut rig: Rig) {
    rig.set_rules(&[GREET]);
    let applied = rig.apply(T0, rig.chat, vec![message("u1", "m1", "Hi")]).await;
    assert_eq!(applied.after.heads.len(), 1);
    assert_eq!(applied.after.heads[0].account, rig.chat);
    assert!(applied.after.due.is_some(), "an answer that expires has a deadline");
    assert_eq!(rig.texts(sql!("SELECT text FROM messages ORDER BY seq")).await, ["Hi", "Hello"]);
    assert_eq!(rig.texts(sql!("SELECT author_kind FROM messages ORDER BY seq")).await, ["customer", "bot"]);
    assert_eq!(rig.texts(sql!("SELECT state FROM message_parts")).await, ["queued"]);
    assert_eq!(rig.texts(sql!("SELECT owner_kind FROM conversations")).await, ["bot"]);
}

pub(crate) async fn stop_is_heeded_before_rules(mut rig: Rig) {
    rig.set_rules(&[GREET]);
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "Hi")]).await;
    let applied = rig.apply(at(1), rig.chat, vec![message("u1", "m2", "STOP")]).await;
    assert!(applied.after.heads.is_empty());
    assert_eq!(applied.after.idle.len(), 1);
    assert_eq!(rig.texts(sql!("SELECT state FROM message_parts")).await, ["cancelled"]);
    assert_eq!(rig.texts(sql!("SELECT state FROM messages WHERE direction = 'out'")).await, ["cancelled"]);
    assert_eq!(rig.int(sql!("SELECT stopped_at FROM contacts")).await, at(1).micros());
    assert_eq!(rig.int(sql!("SELECT count(*) FROM messages")).await, 3);
}

pub(crate) async fn a_question_stores_address_and_consent(mut rig: Rig) {
    rig.set_rules(&[r#"{"trigger": {"type": "keyword", "words": ["price"]},
        "actions": [{"type": "ask", "text": "Your e-mail?", "field": "email", "kind": "email",
                     "wording": "We may write to you there."},
                    {"type": "reply", "text": "Thank you"}]}"#]);
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "price")]).await;
    assert_ne!(rig.texts(sql!("SELECT question FROM conversations")).await, ["-"]);
    rig.apply(at(1), rig.chat, vec![message("u1", "m2", "It is Ana@Example.org")]).await;
    assert_eq!(rig.texts(sql!("SELECT question FROM conversations")).await, ["-"]);
    assert_eq!(
        rig.texts(sql!("SELECT value FROM identities WHERE kind = 'email' AND proof = 'claimed'")).await,
        ["ana@example.org"]
    );
    assert_eq!(rig.texts(sql!("SELECT wording FROM consents")).await, ["We may write to you there."]);
    assert_eq!(rig.texts(sql!("SELECT fields FROM contacts")).await, [r#"{"email":"ana@example.org"}"#]);
    assert_eq!(
        rig.texts(sql!("SELECT text FROM messages WHERE direction = 'out' ORDER BY seq")).await,
        ["Your e-mail?", "Thank you"]
    );
}

pub(crate) async fn late_messages_start_no_automation(mut rig: Rig) {
    rig.set_rules(&[GREET]);
    let mut event = message("u1", "m1", "Hi");
    event.at = Some(T0 - Span::mins(11));
    rig.apply(T0, rig.chat, vec![event]).await;
    let mut item = rig.item(rig.chat, T0, message("u1", "m2", "from history"));
    item.automation = false;
    rig.store.write(rig.apply_unit(T0, vec![item])).await.unwrap();
    assert_eq!(rig.ints(sql!("SELECT late FROM messages ORDER BY seq"), &[]).await, [1, 1]);
    assert_eq!(rig.int(sql!("SELECT count(*) FROM message_parts")).await, 0);
}

/// A message as history gives it back.
fn from_history(rig: &Rig, account: AccountId, mut event: Event, said: Timestamp) -> ApplyItem {
    event.at = Some(said);
    ApplyItem { automation: false, ..rig.item(account, at(3_600), event) }
}

/// A message by somebody whom every account of the network reaches under the same number.
fn by_phone(id: &str, text: &str) -> Event {
    let number = Address { kind: AddressKind::Phone, value: "+351912345678".to_owned() };
    Event { peer: Some(Peer { addresses: vec![number], ..Peer::default() }), ..message("", id, text) }
}

pub(crate) async fn a_message_from_before_turns_nothing(rig: Rig) {
    rig.apply(T0, rig.chat, vec![by_phone("m1", "Hi")]).await;
    rig.apply(at(600), rig.plain, vec![by_phone("m2", "I am here now")]).await;
    let shown = sql!(
        "SELECT route_account_id || ' ' || channel || ' ' || last_message_id || ' ' || last_at || ' ' || last_in_at || ' ' \
         || waiting_since || ' ' || (SELECT max(r.last_in_at) FROM reaches r WHERE r.account_id = route_account_id) \
         FROM conversations"
    );
    let before = rig.texts(shown).await;
    assert!(before[0].contains(" plain "), "{before:?}");
    let item = from_history(&rig, rig.chat, by_phone("m0", "and one thing"), at(300));
    rig.store.write(rig.apply_unit(at(3_600), vec![item])).await.unwrap();
    assert_eq!(rig.texts(shown).await, before, "what was said before the last word turns nothing");
    let heard = sql!("SELECT last_in_at FROM reaches ORDER BY account_id");
    assert_eq!(rig.ints(heard, &[]).await[0], at(300).micros(), "the reply window of its own account opens");
    // Late by the provider's clock alone: a webhook that was repeated.
    let mut again = by_phone("m00", "still before");
    again.at = Some(at(200));
    rig.apply(at(3_601), rig.chat, vec![again]).await;
    assert_eq!(rig.texts(shown).await, before);
    assert_eq!(rig.ints(heard, &[]).await[0], at(300).micros(), "and never shuts it");
    let late = sql!("SELECT late FROM messages ORDER BY seq");
    assert_eq!(rig.ints(late, &[]).await, [0, 0, 1, 1]);
    let said = sql!("SELECT at FROM messages WHERE provider_id = 'm0'");
    assert_eq!(rig.int(said).await, at(300).micros(), "with the time at which it was said");
    let item = from_history(&rig, rig.chat, by_phone("m3", "the last word"), at(900));
    rig.store.write(rig.apply_unit(at(3_602), vec![item])).await.unwrap();
    assert!(
        rig.texts(shown).await[0].contains(" chat "),
        "the customer's last word turns the route, late or not"
    );
}

pub(crate) async fn a_clock_some_seconds_behind_is_no_lateness(rig: Rig) {
    rig.apply(at(60), rig.chat, vec![by_phone("m1", "Hi")]).await;
    let mut behind = by_phone("m2", "I am here now");
    behind.at = Some(at(50));
    rig.apply(at(61), rig.plain, vec![behind]).await;
    assert_eq!(rig.texts(sql!("SELECT channel FROM conversations")).await, ["plain"]);
}

pub(crate) async fn a_message_from_before_the_end_leaves_it_resolved(mut rig: Rig) {
    rig.set_rules(&[GREET]);
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "Hi")]).await;
    let conversation = rig.conversation().await;
    let (now, workspace) = (at(600), rig.ws);
    let resolve = SetStatus { now, workspace, conversation, status: Status::Resolved, snoozed_until: None };
    rig.store.write(resolve).await.unwrap();
    let state = sql!("SELECT status || ' ' || owner_kind FROM conversations");
    let resolved = rig.texts(state).await;
    let parts = sql!("SELECT count(*) FROM message_parts");
    let answers = rig.int(parts).await;
    let item = from_history(&rig, rig.chat, message("u1", "m2", "one more thing"), at(300));
    rig.store.write(rig.apply_unit(at(3_600), vec![item])).await.unwrap();
    assert_eq!(rig.texts(state).await, resolved);
    assert_eq!(rig.int(sql!("SELECT unread FROM conversations")).await, 2, "people still see that it came");
    let item = from_history(&rig, rig.chat, message("u1", "m3", "and this"), at(900));
    rig.store.write(rig.apply_unit(at(3_600), vec![item])).await.unwrap();
    assert_eq!(rig.texts(state).await, ["open nobody"], "what came after the end opens it again");
    assert_eq!(rig.int(parts).await, answers, "no rule answers either");
}

pub(crate) async fn an_answer_typed_before_ends_no_waiting(rig: Rig) {
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "Hi")]).await;
    let item = from_history(&rig, rig.chat, echo("u1", "e1", "Hello from the app"), T0 - Span::mins(5));
    rig.store.write(rig.apply_unit(at(3_600), vec![item])).await.unwrap();
    assert_eq!(rig.int(sql!("SELECT waiting_since FROM conversations")).await, T0.micros());
    assert_eq!(rig.texts(sql!("SELECT owner_kind FROM conversations")).await, ["nobody"]);
    let item = from_history(&rig, rig.chat, echo("u1", "e2", "Yes?"), at(60));
    rig.store.write(rig.apply_unit(at(3_600), vec![item])).await.unwrap();
    assert_eq!(
        rig.texts(sql!(
            "SELECT coalesce(CAST(waiting_since AS TEXT), 'no') || ' ' || owner_kind FROM conversations"
        ))
        .await,
        ["no person"]
    );
    assert_eq!(rig.ints(sql!("SELECT late FROM messages ORDER BY seq"), &[]).await, [0, 1, 1]);
}

pub(crate) async fn a_start_from_before_the_stop_is_not_heeded(rig: Rig) {
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "STOP")]).await;
    let item = from_history(&rig, rig.chat, message("u1", "m0", "START"), T0 - Span::mins(5));
    rig.store.write(rig.apply_unit(at(3_600), vec![item])).await.unwrap();
    assert_eq!(rig.int(sql!("SELECT stopped_at FROM contacts")).await, T0.micros());
}

fn edit(id: &str, key: &str, text: &str, seconds: i64) -> Event {
    Event {
        key: key.into(),
        at: Some(at(seconds)),
        peer: None,
        kind: EventKind::Edit { provider_id: id.into(), content: Content::text(text) },
    }
}

pub(crate) async fn an_edit_may_come_before_its_message(rig: Rig) {
    let early = rig.apply(at(5), rig.chat, vec![edit("m1", "e1", "fixed", 3)]).await;
    assert_eq!(early.results, [ItemResult::Parked]);
    rig.apply(at(6), rig.chat, vec![message("u1", "m1", "brokn")]).await;
    assert_eq!(rig.texts(sql!("SELECT text FROM messages")).await, ["fixed"]);
    assert_eq!(rig.int(sql!("SELECT count(*) FROM parked")).await, 0);
    // And both in one unit, for a customer who is new.
    rig.apply(at(7), rig.chat, vec![message("u2", "n1", "brokn"), edit("n1", "e2", "mended", 7)]).await;
    assert_eq!(rig.texts(sql!("SELECT text FROM messages ORDER BY id")).await, ["fixed", "mended"]);
}

pub(crate) async fn a_deleted_message_loses_its_text(rig: Rig) {
    let delete = Event {
        key: "d1".into(),
        at: None,
        peer: None,
        kind: EventKind::Delete { provider_id: "m1".into() },
    };
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "secret")]).await;
    rig.apply(at(1), rig.chat, vec![delete, edit("m1", "e1", "back again", 2)]).await;
    assert_eq!(rig.texts(sql!("SELECT text FROM messages")).await, [""]);
    assert_eq!(rig.int(sql!("SELECT deleted_at FROM messages")).await, at(1).micros());
    assert_eq!(rig.int(sql!("SELECT count(*) FROM message_search")).await, 0);
}

pub(crate) async fn edits_count_by_their_own_time(rig: Rig) {
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "one")]).await;
    rig.apply(at(9), rig.chat, vec![edit("m1", "e3", "three", 3), edit("m1", "e2", "two", 2)]).await;
    assert_eq!(rig.texts(sql!("SELECT text FROM messages")).await, ["three"]);
}

pub(crate) async fn an_unknown_account_is_a_problem(rig: Rig) {
    let applied = rig.apply(T0, AccountId(987_654), vec![message("u1", "m1", "Hi")]).await;
    assert!(matches!(applied.results[0], ItemResult::Problem(_)));
    assert_eq!(rig.texts(sql!("SELECT reason FROM problems")).await, ["the account is not known"]);
    assert!(rig.texts(sql!("SELECT raw FROM problems")).await[0].contains("m1"));
}

pub(crate) async fn media_are_queued(rig: Rig) {
    let file = picture();
    let event = Event {
        kind: EventKind::Message(InMessage {
            provider_id: "m1".into(),
            content: Content { attachments: vec![file], ..Content::default() },
            ..InMessage::default()
        }),
        ..message("u1", "m1", "")
    };
    let applied = rig.apply(T0, rig.chat, vec![event]).await;
    assert_eq!(applied.after.media.len(), 1);
    assert_eq!(rig.texts(sql!("SELECT state FROM media")).await, ["pending"]);
    assert!(rig.texts(sql!("SELECT content FROM messages")).await[0].contains("image"));
}

pub(crate) async fn a_customer_with_a_new_address_stays_one_contact(mut rig: Rig) {
    rig.account(rig.ws, "sms", Settle::Never).await;
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "Hi")]).await;
    let changed = Event {
        key: "c1".into(),
        at: None,
        peer: Some(peer("u1")),
        kind: EventKind::AddressChanged { to: Address { kind: AddressKind::Instagram, value: "u1b".into() } },
    };
    rig.apply(at(1), rig.chat, vec![changed]).await;
    rig.apply(at(2), rig.chat, vec![message("u1b", "m2", "It is me")]).await;
    assert_eq!(rig.int(sql!("SELECT count(*) FROM contacts")).await, 1);
    assert_eq!(rig.int(sql!("SELECT count(*) FROM conversations")).await, 1);
    let values: BTreeSet<String> =
        rig.texts(sql!("SELECT value FROM identities")).await.into_iter().collect();
    assert_eq!(values, BTreeSet::from(["u1".to_owned(), "u1b".to_owned()]));
}
