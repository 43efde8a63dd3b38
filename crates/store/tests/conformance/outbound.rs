//! The way out.

use everthread_core::conversation::Owner;
use everthread_core::dispatch::LaneHead;
use everthread_core::event::{EventKind, Fact, ReceiptError};
use everthread_core::ids::PartId;
use everthread_core::outcome::{ErrorClass, Outcome, Reason, ThrottleScope};
use everthread_core::time::Span;
use everthread_store::units::{
    After, Assign, Cancel, Claim, Claimed, ItemResult, Outgoing, Recover, Recovered, Retry, Settle, Settled,
    StartAccount,
};
use everthread_store::{Error, sql};

use crate::rig::{Rig, T0, accepted, at, echo, message, receipt, watermark};

const GREET: &str = r#"{"trigger": {"type": "message"}, "actions": [{"type": "reply", "text": "Hello"}]}"#;

/// A customer wrote and the bot's answer waits.
async fn greeted(rig: &mut Rig) -> LaneHead {
    rig.set_rules(&[GREET]);
    let applied = rig.apply(T0, rig.chat, vec![message("u1", "m1", "Hi")]).await;
    applied.after.heads[0]
}

async fn settle(rig: &Rig, now: i64) -> Settled {
    let unit = Settle {
        now: at(now),
        seed: rig.seed(),
        limit: 100,
        directory: std::sync::Arc::clone(&rig.directory),
    };
    rig.store.write(unit).await.unwrap()
}

async fn recover(rig: &Rig, now: i64, fence: i64) -> Recovered {
    let directory = std::sync::Arc::clone(&rig.directory);
    let unit = Recover { now: at(now), seed: rig.seed(), after: None, limit: 100, directory, fence };
    rig.store.write(unit).await.unwrap()
}

async fn part_states(rig: &Rig) -> Vec<String> {
    rig.texts(sql!("SELECT state FROM message_parts ORDER BY seq, idx")).await
}

async fn out_states(rig: &Rig) -> Vec<String> {
    rig.texts(sql!("SELECT state FROM messages WHERE direction = 'out' ORDER BY seq")).await
}

fn uncertain() -> Outcome {
    Outcome::Uncertain { reason: Reason::new("timeout", "no answer") }
}

pub(crate) async fn a_loop_ends_delivered(mut rig: Rig) {
    let head = greeted(&mut rig).await;
    let sent = rig.claim(at(1), head).await.unwrap();
    assert_eq!((sent.to.value.as_str(), sent.content.text.as_str(), sent.number), ("u1", "Hello", 1));
    assert_eq!(part_states(&rig).await, ["sending"]);
    let after = rig.record(at(2), &sent, accepted("p1")).await;
    assert!(after.heads.is_empty() && after.idle[0].0 == sent.conversation);
    assert_eq!(out_states(&rig).await, ["accepted"]);
    rig.apply(at(3), rig.chat, vec![receipt("p1", Fact::Delivered)]).await;
    assert_eq!(out_states(&rig).await, ["delivered"]);
    assert_eq!(
        rig.ints(sql!("SELECT delivered_at FROM messages WHERE direction = 'out'"), &[]).await,
        [at(3).micros()]
    );
    assert_eq!(rig.texts(sql!("SELECT outcome FROM attempts")).await, ["accepted"]);
    assert_eq!(rig.texts(sql!("SELECT request FROM attempts")).await, ["POST /"]);
}

pub(crate) async fn receipts_in_every_order_give_one_state(mut rig: Rig) {
    let facts = [Fact::Accepted, Fact::Delivered, Fact::Read, Fact::Failed];
    let orders: Vec<Vec<usize>> = permutations(4);
    rig.set_rules(&[GREET]);
    let mut expected: Option<Vec<i64>> = None;
    for (n, order) in orders.iter().enumerate() {
        let user = format!("u{n}");
        let applied = rig.apply(T0, rig.chat, vec![message(&user, &format!("m{n}"), "Hi")]).await;
        let head = applied.after.heads[0];
        let sent = rig.claim(at(1), head).await.unwrap();
        let id = format!("p{n}");
        // One receipt in three comes before our own record.
        let early = n % 3 == 0;
        let events: Vec<_> = order
            .iter()
            .map(|i| {
                let mut event = receipt(&id, facts[*i]);
                event.at = Some(at(10 + *i as i64));
                event
            })
            .collect();
        if early {
            let parked = rig.apply(at(20), rig.chat, events.clone()).await;
            assert!(parked.results.iter().all(|result| *result == ItemResult::Parked));
        }
        rig.record(at(2), &sent, accepted(&id)).await;
        if !early {
            rig.apply(at(20), rig.chat, events).await;
        }
        let state = rig
            .ints(
                sql!(
                    "SELECT CASE WHEN state = 'read' THEN 1 ELSE 0 END FROM message_parts WHERE conversation_id = ?1 \
                     UNION ALL SELECT delivered_at FROM message_parts WHERE conversation_id = ?1 \
                     UNION ALL SELECT read_at FROM message_parts WHERE conversation_id = ?1 \
                     UNION ALL SELECT failed_at FROM message_parts WHERE conversation_id = ?1 \
                     UNION ALL SELECT accepted_at FROM message_parts WHERE conversation_id = ?1"
                ),
                &[head.conversation.0],
            )
            .await;
        assert_eq!(state[0], 1, "order {order:?}");
        assert_eq!(&state, expected.get_or_insert(state.clone()), "order {order:?}");
    }
    assert!(out_states(&rig).await.iter().all(|state| state == "read"));
}

pub(crate) async fn a_watermark_tells_of_all_before_it(mut rig: Rig) {
    let head = greeted(&mut rig).await;
    let sent = rig.claim(at(1), head).await.unwrap();
    rig.record(at(2), &sent, accepted("p1")).await;
    let head = rig.apply(at(3), rig.chat, vec![message("u1", "m2", "Hi again")]).await.after.heads[0];
    let sent = rig.claim(at(4), head).await.unwrap();
    rig.record(at(5), &sent, accepted("p2")).await;
    let other = rig.apply(at(6), rig.chat, vec![message("u2", "m3", "Hi")]).await.after.heads[0];
    let sent = rig.claim(at(7), other).await.unwrap();
    rig.record(at(8), &sent, accepted("p3")).await;
    let states = sql!("SELECT state FROM message_parts ORDER BY coalesce(provider_id, ''), id");
    let told = [
        (watermark("u1", Fact::Delivered, 1), ["accepted", "accepted", "accepted"]),
        (watermark("u1", Fact::Read, 4), ["read", "accepted", "accepted"]),
        (watermark("u1", Fact::Delivered, 9), ["read", "delivered", "accepted"]),
        (watermark("u1", Fact::Read, 9), ["read", "read", "accepted"]),
        (watermark("u1", Fact::Delivered, 8), ["read", "read", "accepted"]),
    ];
    for (event, expected) in told {
        rig.apply(at(10), rig.chat, vec![event]).await;
        assert_eq!(rig.texts(states).await, expected);
    }
    // One that overtakes the answer to the call waits for it; the echo says when it was sent.
    let head = rig.apply(at(11), rig.chat, vec![message("u2", "m4", "Hi again")]).await.after.heads[0];
    let sent = rig.claim(at(12), head).await.unwrap();
    let mut spoken = echo("u2", "p4", "Hello");
    spoken.at = Some(at(13));
    let applied = rig.apply(at(14), rig.chat, vec![watermark("u2", Fact::Read, 13), spoken]).await;
    assert_eq!(applied.results, [ItemResult::Parked, ItemResult::Parked]);
    assert_eq!(rig.texts(states).await, ["sending", "read", "read", "read"]);
    rig.record(at(15), &sent, accepted("p4")).await;
    assert_eq!(rig.texts(states).await, ["read", "read", "read", "read"]);
    assert_eq!(rig.int(sql!("SELECT count(*) FROM parked")).await, 0);
}

fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let mut out = Vec::new();
    for shorter in permutations(n - 1) {
        for place in 0..n {
            let mut longer = shorter.clone();
            longer.insert(place, n - 1);
            out.push(longer);
        }
    }
    out
}

/// A receipt that names our own token is found before the call is answered.
pub(crate) async fn a_failure_told_before_the_answer_keeps_its_reason(mut rig: Rig) {
    let head = greeted(&mut rig).await;
    let sent = rig.claim(at(1), head).await.unwrap();
    let mut failed = receipt("p1", Fact::Failed);
    if let EventKind::Receipt(receipt) = &mut failed.kind {
        receipt.correlation = Some(sent.correlation.show(PartId::PREFIX));
        let (class, code) = (ErrorClass::RecipientUnreachable, "131026".to_owned());
        receipt.error = Some(ReceiptError { class, code, text: "undeliverable".to_owned() });
    }
    rig.apply(at(2), rig.chat, vec![failed]).await;
    rig.record(at(3), &sent, accepted("p1")).await;
    assert_eq!(out_states(&rig).await, ["failed"]);
    let reason = rig.texts(sql!("SELECT coalesce(error_code, '') FROM message_parts")).await;
    assert_eq!(reason, ["131026"]);
}

pub(crate) async fn a_claim_is_exclusive(mut rig: Rig) {
    let head = greeted(&mut rig).await;
    let rig = std::sync::Arc::new(rig);
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let rig = std::sync::Arc::clone(&rig);
            tokio::spawn(async move { rig.claim(at(1), head).await.is_some() })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        won += i32::from(task.await.unwrap());
    }
    assert_eq!(won, 1);
    assert_eq!(rig.int(sql!("SELECT count(*) FROM attempts")).await, 1);
}

pub(crate) async fn parts_go_in_order(rig: Rig) {
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "Hi")]).await;
    let conversation = rig.conversation().await;
    let composed = rig.compose(at(1), conversation, "one two three four five six seven eight nine").await;
    rig.compose(at(1), conversation, "last").await;
    let mut head: Option<LaneHead> = composed.after.heads.first().copied();
    let mut said = Vec::new();
    let mut n = 0;
    while let Some(next) = head {
        n += 1;
        let sent = rig.claim(at(2), next).await.unwrap();
        assert!(rig.claim(at(2), next).await.is_none(), "claimed twice");
        said.push(sent.content.text.clone());
        let after = rig.record(at(2), &sent, accepted(&format!("p{n}"))).await;
        head = after.heads.first().copied();
    }
    assert_eq!(said, ["one two three four", "five six seven eight", "nine", "last"]);
    assert_eq!(out_states(&rig).await, ["accepted", "accepted"]);
    // A message is as far as the last of its parts.
    rig.apply(at(3), rig.chat, vec![receipt("p1", Fact::Delivered), receipt("p2", Fact::Delivered)]).await;
    assert_eq!(out_states(&rig).await, ["accepted", "accepted"]);
    rig.apply(at(4), rig.chat, vec![receipt("p3", Fact::Delivered)]).await;
    assert_eq!(out_states(&rig).await, ["delivered", "accepted"]);
}

pub(crate) async fn a_crash_between_claim_and_record_is_uncertain(mut rig: Rig) {
    let head = greeted(&mut rig).await;
    let sent = rig.claim(at(1), head).await.unwrap();
    // Our own attempt is not touched; that of an older process is.
    assert_eq!(recover(&rig, 2, 1).await.uncertain, 0);
    let recovered = recover(&rig, 5, 2).await;
    assert_eq!(recovered.uncertain, 1);
    assert!(recovered.heads.is_empty(), "an uncertain part blocks its lane");
    assert_eq!(recovered.recent.len(), 1);
    assert_eq!(part_states(&rig).await, ["uncertain"]);
    assert_eq!(recover(&rig, 6, 3).await.uncertain, 0);
    // The answer of the call comes after all.
    rig.record(at(7), &sent, accepted("p1")).await;
    assert_eq!(part_states(&rig).await, ["accepted"]);
}

pub(crate) async fn a_recorded_retry_holds_its_lane(rig: Rig) {
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "Hi")]).await;
    let conversation = rig.conversation().await;
    let head = rig.compose(at(1), conversation, "first").await.after.heads[0];
    rig.compose(at(1), conversation, "second").await;
    let sent = rig.claim(at(2), head).await.unwrap();
    let outcome = Outcome::NotExecuted {
        class: ErrorClass::Throttled,
        reason: Reason::new("429", "too fast"),
        wait: Some(Span::secs(30)),
        scope: ThrottleScope::Account,
    };
    let after = rig.record(at(2), &sent, outcome).await;
    assert_eq!(after.throttled.len(), 1);
    assert_eq!(after.heads[0].head, sent.part);
    assert!(after.heads[0].ready_at >= at(32));
    assert!(rig.claim(at(3), after.heads[0]).await.is_none(), "before its time");
    let again = rig.claim(at(60), after.heads[0]).await.unwrap();
    assert_eq!((again.number, again.correlation), (2, sent.correlation));
    assert_eq!(part_states(&rig).await, ["sending", "queued"]);
}

pub(crate) async fn an_echo_before_our_record_is_one_message(mut rig: Rig) {
    let head = greeted(&mut rig).await;
    let sent = rig.claim(at(1), head).await.unwrap();
    let applied = rig.apply(at(2), rig.chat, vec![echo("u1", "p1", "Hello")]).await;
    assert_eq!(applied.results, [ItemResult::Parked]);
    rig.record(at(3), &sent, accepted("p1")).await;
    assert_eq!(rig.int(sql!("SELECT count(*) FROM messages WHERE direction = 'out'")).await, 1);
    assert_eq!(rig.int(sql!("SELECT count(*) FROM parked")).await, 0);
    assert_eq!(rig.texts(sql!("SELECT owner_kind FROM conversations")).await, ["bot"]);
    // After our record too.
    let mut event = echo("u1", "p1", "Hello");
    event.key = "p1-again".into();
    rig.apply(at(4), rig.chat, vec![event]).await;
    assert_eq!(rig.int(sql!("SELECT count(*) FROM messages WHERE direction = 'out'")).await, 1);
}

pub(crate) async fn an_echo_settles_an_uncertain_part(mut rig: Rig) {
    let head = greeted(&mut rig).await;
    let sent = rig.claim(at(1), head).await.unwrap();
    let after = rig.record(at(2), &sent, uncertain()).await;
    assert!(after.heads.is_empty() && after.due == Some(at(62)));
    rig.apply(at(3), rig.chat, vec![echo("u1", "p1", " Hello ")]).await;
    assert_eq!(part_states(&rig).await, ["accepted"]);
    assert_eq!(rig.texts(sql!("SELECT provider_id FROM message_parts")).await, ["p1"]);
    // The same, when the echo came while the call was under way.
    let head = rig.apply(at(4), rig.chat, vec![message("u2", "m2", "Hi")]).await.after.heads[0];
    let sent = rig.claim(at(5), head).await.unwrap();
    rig.apply(at(6), rig.chat, vec![echo("u2", "p2", "Hello"), echo("u2", "x", "by hand")]).await;
    rig.record(at(7), &sent, uncertain()).await;
    assert_eq!(part_states(&rig).await, ["accepted", "accepted"]);
    assert_eq!(
        rig.texts(sql!("SELECT text FROM messages WHERE author_kind = 'app'")).await,
        ["by hand"],
        "what matches no call was typed by somebody"
    );
}

pub(crate) async fn a_reply_typed_in_the_app_takes_over(mut rig: Rig) {
    greeted(&mut rig).await;
    let applied = rig.apply(at(1), rig.chat, vec![echo("u1", "x1", "I am on it")]).await;
    assert!(matches!(applied.results[0], ItemResult::Applied { message: Some(_) }));
    assert_eq!(rig.texts(sql!("SELECT owner_kind FROM conversations")).await, ["person"]);
    assert_eq!(part_states(&rig).await, ["cancelled"]);
    assert_eq!(rig.texts(sql!("SELECT text FROM messages WHERE author_kind = 'app'")).await, ["I am on it"]);
}

pub(crate) async fn a_person_takes_over_from_the_bot(mut rig: Rig) {
    let head = greeted(&mut rig).await;
    let version = rig.int(sql!("SELECT owner_version FROM conversations")).await;
    let assign = Assign {
        now: at(1),
        workspace: rig.ws,
        conversation: head.conversation,
        to: Owner::Person(Some(rig.user)),
        expected: Some(version),
    };
    rig.store.write(assign.clone()).await.unwrap();
    assert_eq!(part_states(&rig).await, ["cancelled"]);
    assert!(rig.claim(at(2), head).await.is_none());
    let stale = rig.store.write(assign).await;
    assert!(matches!(stale, Err(Error::Conflict(_))), "{stale:?}");
}

pub(crate) async fn composing_twice_is_one_message(rig: Rig) {
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "Hi")]).await;
    let conversation = rig.conversation().await;
    let mut unit = rig.compose_unit(at(1), conversation, "Hello");
    unit.client_id = Some("c-1".into());
    let first = rig.store.write(unit.clone()).await.unwrap();
    let second = rig.store.write(unit).await.unwrap();
    assert_eq!((first.message, first.duplicate), (second.message, !second.duplicate));
    assert_eq!(rig.int(sql!("SELECT count(*) FROM message_parts")).await, 1);
    assert_eq!(rig.texts(sql!("SELECT owner_kind FROM conversations")).await, ["person"]);
    let empty = rig.store.write(rig.compose_unit(at(2), conversation, "  ")).await;
    assert!(matches!(empty, Err(Error::Invalid(_))), "{empty:?}");
}

pub(crate) async fn a_stopped_account_holds_its_parts(rig: Rig) {
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "Hi")]).await;
    let conversation = rig.conversation().await;
    let head = rig.compose(at(1), conversation, "Hello").await.after.heads[0];
    let sent = rig.claim(at(2), head).await.unwrap();
    let outcome =
        Outcome::Refused { class: ErrorClass::Auth, reason: Reason::new("190", "the token was revoked") };
    let after = rig.record(at(2), &sent, outcome).await;
    assert_eq!(after.stopped, [(rig.chat, "the token was revoked".to_owned())]);
    assert!(after.heads.is_empty());
    assert_eq!(out_states(&rig).await, ["held"]);
    assert_eq!(rig.texts(sql!("SELECT reason FROM message_parts")).await, ["the token was revoked"]);
    // What comes in is still taken.
    rig.apply(at(3), rig.chat, vec![message("u1", "m2", "Anybody?")]).await;
    assert_eq!(rig.int(sql!("SELECT count(*) FROM messages WHERE direction = 'in'")).await, 2);
    let start = StartAccount { now: at(4), workspace: rig.ws, account: rig.chat };
    let after: After = rig.store.write(start).await.unwrap();
    assert_eq!(after.heads.len(), 1);
    assert!(rig.claim(at(5), after.heads[0]).await.is_some());
}

pub(crate) async fn the_window_is_checked_at_the_claim(rig: Rig) {
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "Hi")]).await;
    let conversation = rig.conversation().await;
    let day = 24 * 3_600;
    let head = rig.compose(at(day - 10), conversation, "in time").await.after.heads[0];
    let sent = rig.claim(at(day - 5), head).await.unwrap();
    rig.record(at(day - 5), &sent, accepted("p1")).await;
    let head = rig.compose(at(day + 5), conversation, "too late").await.after.heads[0];
    assert!(rig.claim(at(day + 6), head).await.is_none());
    assert_eq!(out_states(&rig).await, ["accepted", "failed"]);
    assert_eq!(
        rig.texts(sql!("SELECT error_class FROM messages WHERE state = 'failed'")).await,
        ["window_closed"]
    );
}

pub(crate) async fn cancel_and_retry(rig: Rig) {
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "Hi")]).await;
    let conversation = rig.conversation().await;
    let composed = rig.compose(at(1), conversation, "Hello").await;
    let cancel = Cancel { now: at(2), workspace: rig.ws, message: composed.message, user: Some(rig.user) };
    rig.store.write(cancel.clone()).await.unwrap();
    assert_eq!(out_states(&rig).await, ["cancelled"]);
    assert!(matches!(rig.store.write(cancel).await, Err(Error::Conflict(_))));
    let retry = Retry { now: at(3), workspace: rig.ws, message: composed.message, user: rig.user };
    let after = rig.store.write(retry.clone()).await.unwrap();
    assert!(matches!(rig.store.write(retry).await, Err(Error::Conflict(_))));
    let sent = rig.claim(at(4), after.heads[0]).await.unwrap();
    rig.record(at(4), &sent, accepted("p1")).await;
    assert_eq!(out_states(&rig).await, ["accepted"]);
}

pub(crate) async fn uncertain_ends_unconfirmed_at_its_deadline(rig: Rig) {
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "Hi")]).await;
    let conversation = rig.conversation().await;
    let head = rig.compose(at(1), conversation, "first").await.after.heads[0];
    rig.compose(at(1), conversation, "second").await;
    let sent = rig.claim(at(2), head).await.unwrap();
    rig.record(at(2), &sent, uncertain()).await;
    let early = settle(&rig, 30).await;
    assert_eq!((early.parts, early.next), (0, Some(at(62))));
    assert_eq!(part_states(&rig).await, ["uncertain", "queued"]);
    let due = settle(&rig, 62).await;
    assert_eq!(due.parts, 1);
    assert_eq!(part_states(&rig).await, ["unconfirmed", "queued"]);
    assert_eq!(due.after.heads.len(), 1, "the lane goes on");
    // A fact that comes later still counts.
    let mut late = receipt("p1", Fact::Delivered);
    if let EventKind::Receipt(receipt) = &mut late.kind {
        receipt.correlation = Some(sent.correlation.show(PartId::PREFIX));
    }
    rig.apply(at(70), rig.chat, vec![late]).await;
    assert_eq!(part_states(&rig).await, ["delivered", "queued"]);
}

pub(crate) async fn an_older_fence_is_refused(rig: Rig) {
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "Hi")]).await;
    let conversation = rig.conversation().await;
    let head = rig.compose(at(1), conversation, "first").await.after.heads[0];
    let sent: Outgoing = rig.claim_fenced(at(2), head, 7).await.unwrap();
    let after = rig.record(at(2), &sent, accepted("p1")).await;
    assert!(after.heads.is_empty());
    let head = rig.compose(at(3), conversation, "second").await.after.heads[0];
    assert!(rig.claim_fenced(at(4), head, 6).await.is_none());
    assert!(rig.claim_fenced(at(4), head, 7).await.is_some());
}

pub(crate) async fn a_bot_answer_expires(mut rig: Rig) {
    let head = greeted(&mut rig).await;
    let due = settle(&rig, 121).await;
    assert_eq!(due.parts, 1);
    assert_eq!(part_states(&rig).await, ["cancelled"]);
    assert_eq!(due.after.idle[0].0, head.conversation);
    let unit = Claim {
        now: at(122),
        seed: 1,
        claims: Vec::new(),
        lease_until: at(200),
        owner: String::new(),
        fence: 1,
        directory: std::sync::Arc::clone(&rig.directory),
    };
    let (out, _): (Vec<Claimed>, After) = rig.store.write(unit).await.unwrap();
    assert!(out.is_empty());
}

pub(crate) async fn a_retry_waits_for_an_uncertain_part(rig: Rig) {
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "Hi")]).await;
    let conversation = rig.conversation().await;
    let first = rig.compose(at(1), conversation, "first").await;
    let sent = rig.claim(at(1), first.after.heads[0]).await.unwrap();
    let refused = Outcome::Refused { class: ErrorClass::BadRequest, reason: Reason::new("100", "no") };
    rig.record(at(1), &sent, refused).await;
    let head = rig.compose(at(2), conversation, "second").await.after.heads[0];
    let sent = rig.claim(at(2), head).await.unwrap();
    rig.record(at(2), &sent, uncertain()).await;
    let retry = Retry { now: at(3), workspace: rig.ws, message: first.message, user: rig.user };
    let after = rig.store.write(retry).await.unwrap();
    assert!(after.heads.is_empty(), "nothing starts beside an uncertain part");
    let forced =
        LaneHead { head: PartId(rig.ints(sql!("SELECT min(id) FROM message_parts"), &[]).await[0]), ..head };
    assert!(rig.claim(at(4), forced).await.is_none());
    let due = settle(&rig, 62).await;
    assert_eq!(due.after.heads[0].head, forced.head);
    assert!(rig.claim(at(63), forced).await.is_some());
}
