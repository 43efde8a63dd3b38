//! Holding, planning, carrying, draining and coming home.

use std::sync::Arc;

use everthread_core::directory::AccountFault;
use everthread_core::event::{Address, AddressKind, Fact, Peer};
use everthread_core::health::{Config, Detector, Direction, IncidentKey, Phase, Scope};
use everthread_core::ids::{ConversationId, IncidentId};
use everthread_core::limits::HELD_ANSWER_EXPIRES;
use everthread_core::outcome::{ErrorClass, Outcome, Reason, ThrottleScope};
use everthread_core::routing::{Decision, Fault, HoldWhy, Mode, Policy};
use everthread_core::stuck::{STUCK_LINE, Watch};
use everthread_core::time::Span;
use everthread_store::read::continuity::{IncidentStory, Incidents};
use everthread_store::units::{
    Canary, FindingRow, HoldLanes, KnownFault, MarkStuck, PlanLane, Planned, ReleaseLanes, ReturnRoutes,
    SaveHealth, StuckParts, Trigger,
};
use everthread_store::{Db, Result, Unit, sql, vals};

use crate::rig::{Rig, T0, accepted, at, change, message, receipt};

const ASK: &str = r#"{"trigger": {"type": "keyword", "words": ["price"]},
    "actions": [{"type": "ask", "text": "Your e-mail?", "field": "email", "kind": "email", "wording": "We may write to you there."},
                {"type": "hand_over"}]}"#;

/// The bot stays.
const ASK_ON: &str = r#"{"trigger": {"type": "keyword", "words": ["price"]},
    "actions": [{"type": "ask", "text": "Your e-mail?", "field": "email", "kind": "email", "wording": "We may write to you there."}]}"#;

const ORDER: &str =
    r#"{"trigger": {"type": "keyword", "words": ["order"]}, "actions": [{"type": "reply", "text": "Soon"}]}"#;

/// A customer who wrote on `chat` and allowed us their e-mail address, which `plain` reaches.
async fn shop(rig: &mut Rig) -> ConversationId {
    shop_by(rig, &[ASK]).await
}

/// The same under these rules, of which the first asks.
async fn shop_by(rig: &mut Rig, rules: &[&str]) -> ConversationId {
    rig.set_rules(rules);
    change(rig, |rig, info| {
        info.fate = vec![if info.id == rig.chat { "meta" } else { "mail" }.to_owned()];
        if info.id == rig.plain {
            info.addresses = vec![AddressKind::Email];
            info.caps.text.max = 200;
        }
    });
    let asked = rig.apply(T0, rig.chat, vec![message("u1", "m1", "price")]).await;
    let sent = rig.claim(at(1), asked.after.heads[0]).await.unwrap();
    rig.record(at(1), &sent, accepted("p0")).await;
    rig.apply(at(2), rig.chat, vec![message("u1", "m2", "ana@example.org")]).await;
    rig.conversation().await
}

const INCIDENT: IncidentId = IncidentId(77);

fn fault(phase: Phase) -> KnownFault {
    let fault = Fault {
        incident: IncidentKey(1),
        number: 1,
        phase,
        direction: Direction::Send,
        attributed: Scope::Channel("chat".into()),
        undecided: false,
        suspected_at: T0,
    };
    KnownFault { id: INCIDENT, fault }
}

/// `chat` lies in an incident from now on.
async fn fails(rig: &mut Rig, now: i64) {
    let fault = AccountFault { incident: INCIDENT, reason: "chat may be down (incident 1)".into() };
    let (workspace, account) = (rig.ws, rig.chat);
    change(rig, |rig, info| {
        if info.id == rig.chat {
            info.fault = Some(fault.clone());
        }
    });
    let unit = HoldLanes { now: at(now), seed: rig.seed(), workspace, account, fault, limit: 100 };
    rig.store.write(unit).await.unwrap();
}

fn recovers(rig: &mut Rig) {
    change(rig, |_, info| info.fault = None);
}

fn policy(mode: Mode) -> Policy {
    Policy { mode, hold_first_s: 0, ..Policy::default() }
}

async fn plan(rig: &Rig, now: i64, faults: &[KnownFault], policy: Policy, trigger: Trigger) -> Planned {
    let unit = PlanLane {
        now: at(now),
        seed: rig.seed(),
        workspace: rig.ws,
        conversation: rig.conversation().await,
        faults: faults.into(),
        policy: Arc::new(policy),
        channel_title: "Chat".into(),
        business: "Acme".into(),
        link: None,
        trigger,
        directory: Arc::clone(&rig.directory),
    };
    rig.store.write(unit).await.unwrap()
}

pub(crate) async fn a_fault_holds_what_waits_and_what_is_written_then(mut rig: Rig) {
    let conversation = shop(&mut rig).await;
    rig.compose(at(10), conversation, "Here you are").await;
    fails(&mut rig, 11).await;
    let later = rig.compose(at(12), conversation, "And more").await;
    assert_eq!(later.after.plans, [(rig.ws, conversation)]);
    let held = sql!("SELECT state FROM message_parts WHERE unsent = 1 ORDER BY seq");
    assert_eq!(rig.texts(held).await, ["held", "held"]);
    let reasons = rig.texts(sql!("SELECT reason FROM message_parts WHERE unsent = 1")).await;
    assert_eq!(reasons, ["chat may be down (incident 1)"; 2]);
    assert_eq!(
        rig.int(sql!("SELECT count(*) FROM message_parts WHERE incident_id = 77 AND due_at = expires_at"))
            .await,
        2
    );
}

pub(crate) async fn a_claim_into_a_fault_is_held(mut rig: Rig) {
    let conversation = shop(&mut rig).await;
    let head = rig.compose(at(10), conversation, "Here you are").await.after.heads[0];
    change(&mut rig, |_, info| {
        info.fault = Some(AccountFault { incident: INCIDENT, reason: "down".into() });
    });
    assert_eq!(rig.claim(at(11), head).await, None);
    assert_eq!(rig.texts(sql!("SELECT state FROM message_parts WHERE incident_id = 77")).await, ["held"]);
}

pub(crate) async fn a_lane_is_carried_as_a_whole_with_one_line_and_comes_home(mut rig: Rig) {
    let conversation = shop(&mut rig).await;
    rig.compose(at(10), conversation, "Here you are, and it is a long one").await;
    rig.compose(at(11), conversation, "Second").await;
    fails(&mut rig, 12).await;
    let faults = [fault(Phase::Confirmed)];
    let planned = plan(&rig, 13, &faults, policy(Mode::Automatic), Trigger::Incident).await;
    assert!(planned.moved);
    let mut head = planned.after.heads[0];
    let mut said = Vec::new();
    for n in 0..2 {
        let sent = rig.claim(at(14 + n), head).await.unwrap();
        assert_eq!((sent.account, sent.to.value.as_str()), (rig.plain, "ana@example.org"));
        said.push(sent.content.text.clone());
        let after = rig.record(at(14 + n), &sent, accepted(&format!("e{n}"))).await;
        head = after.heads.first().copied().unwrap_or(head);
    }
    assert_eq!(
        said,
        [
            "Chat is having trouble, so Acme is answering you here.\n\nHere you are, and it is a long one",
            "Second"
        ]
    );
    // What the customer was told before stays as it was written; the line is of the part alone.
    let texts =
        sql!("SELECT text FROM messages WHERE direction = 'out' AND plan_id IS NOT NULL ORDER BY seq");
    assert_eq!(rig.texts(texts).await, ["Here you are, and it is a long one", "Second"]);
    assert_eq!(rig.texts(sql!("SELECT channel FROM conversations")).await, ["plain"]);
    // A second plan in the same incident says no line again, and writes no plan twice.
    plan(&rig, 20, &faults, policy(Mode::Automatic), Trigger::Incident).await;
    assert_eq!(rig.int(sql!("SELECT count(*) FROM messages WHERE author_kind = 'system'")).await, 0);
    // The customer writes on the first channel: that is the route again.
    rig.apply(at(30), rig.chat, vec![message("u1", "m3", "I am here")]).await;
    assert_eq!(rig.texts(sql!("SELECT channel FROM conversations")).await, ["chat"]);
    assert_eq!(
        rig.int(sql!("SELECT count(*) FROM conversations WHERE carried_incident_id IS NULL")).await,
        1
    );
}

pub(crate) async fn who_waits_is_told_where_we_go_on(mut rig: Rig) {
    shop(&mut rig).await;
    fails(&mut rig, 12).await;
    let faults = [fault(Phase::Confirmed)];
    let planned = plan(&rig, 13, &faults, policy(Mode::Automatic), Trigger::Incident).await;
    let sent = rig.claim(at(14), planned.after.heads[0]).await.unwrap();
    assert_eq!(sent.content.text, "Chat is having trouble, so Acme is answering you here.");
    assert_eq!(rig.int(sql!("SELECT count(*) FROM conversations WHERE waiting_since IS NOT NULL")).await, 1);
    rig.record(at(14), &sent, accepted("e1")).await;
    plan(&rig, 15, &faults, policy(Mode::Automatic), Trigger::Incident).await;
    assert_eq!(rig.int(sql!("SELECT count(*) FROM messages WHERE author_kind = 'system'")).await, 1);
}

pub(crate) async fn what_is_stuck_is_said_and_never_sent_again(mut rig: Rig) {
    let conversation = shop(&mut rig).await;
    change(&mut rig, |_, info| info.caps.delivered_receipts = true);
    let mut head = rig.compose(at(10), conversation, "Here you are").await.after.heads[0];
    for (n, later) in [(0, Some("And more")), (1, None)] {
        let sent = rig.claim(at(11), head).await.unwrap();
        let after = rig.record(at(11), &sent, accepted(&format!("s{n}"))).await;
        head = match later {
            Some(text) => rig.compose(at(11), conversation, text).await.after.heads[0],
            None => after.heads.first().copied().unwrap_or(head),
        };
    }
    rig.apply(at(12), rig.chat, vec![receipt("s0", Fact::Delivered)]).await;
    fails(&mut rig, 100).await;
    let (account, watch) = (rig.chat, Watch::new(at(15), Span::secs(60), at(100)));
    // Asked for an e-mail at 1, which is before the fault; of the two answers one came.
    let parts = rig.store.read(StuckParts { account, watch, limit: 100 }).await.unwrap();
    let unit = MarkStuck {
        now: at(100),
        seed: rig.seed(),
        workspace: rig.ws,
        account,
        watch,
        parts: parts.clone(),
        directory: Arc::clone(&rig.directory),
    };
    let stuck = sql!("SELECT provider_id FROM message_parts WHERE stuck_at IS NOT NULL ORDER BY id");
    let (marked, after) = rig.store.write(unit.clone()).await.unwrap();
    assert_eq!((marked, rig.texts(stuck).await), (2, vec!["p0".to_owned(), "s1".to_owned()]));
    assert_eq!(after.plans, [(rig.ws, conversation)]);
    assert_eq!(rig.store.write(unit).await.unwrap().0, 0, "marked once");
    assert!(rig.store.read(StuckParts { account, watch, limit: 100 }).await.unwrap().is_empty());
    let faults = [fault(Phase::Confirmed)];
    let planned = plan(&rig, 101, &faults, policy(Mode::Automatic), Trigger::Incident).await;
    let sent = rig.claim(at(102), planned.after.heads[0]).await.unwrap();
    let said = format!("Chat is having trouble, so Acme is answering you here. {STUCK_LINE}");
    assert_eq!((sent.account, sent.content.text), (rig.plain, said));
    // The receipt comes after all, the mark stays, and nothing goes twice.
    rig.apply(at(5_000), rig.chat, vec![receipt("s1", Fact::Delivered)]).await;
    let late =
        sql!("SELECT count(*) FROM message_parts WHERE delivered_at > stuck_at AND state = 'delivered'");
    assert_eq!(rig.int(late).await, 1);
    let copies = sql!(
        "SELECT count(*) FROM attempts a JOIN message_parts p ON p.id = a.part_id WHERE p.provider_id = 's1'"
    );
    assert_eq!(rig.int(copies).await, 1);
}

pub(crate) async fn a_bots_answer_outlives_what_holds_it(mut rig: Rig) {
    shop_by(&mut rig, &[ASK_ON, ORDER]).await;
    rig.apply(at(10), rig.chat, vec![message("u1", "m9", "order")]).await;
    fails(&mut rig, 11).await;
    let left = sql!("SELECT (expires_at - queued_at) / 1000000 FROM message_parts WHERE unsent = 1");
    let hours = HELD_ANSWER_EXPIRES.as_micros() / 1_000_000;
    assert_eq!(rig.int(left).await, hours);
    // Carried after three minutes, throttled there: it is tried again and goes.
    let faults = [fault(Phase::Confirmed)];
    let planned = plan(&rig, 200, &faults, policy(Mode::Automatic), Trigger::Incident).await;
    let sent = rig.claim(at(201), planned.after.heads[0]).await.unwrap();
    let busy = Outcome::NotExecuted {
        class: ErrorClass::Throttled,
        reason: Reason::new("429", "busy"),
        wait: Some(Span::secs(5)),
        scope: ThrottleScope::Account,
    };
    let after = rig.record(at(201), &sent, busy).await;
    assert!(rig.claim(at(260), after.heads[0]).await.is_some());
}

pub(crate) async fn what_waits_hears_the_new_reason(mut rig: Rig) {
    let conversation = shop(&mut rig).await;
    rig.compose(at(10), conversation, "Here you are").await;
    fails(&mut rig, 11).await;
    let (workspace, account) = (rig.ws, rig.chat);
    let fault = AccountFault { incident: INCIDENT, reason: "chat is down (incident 1)".into() };
    let unit = HoldLanes { now: at(12), seed: rig.seed(), workspace, account, fault, limit: 1 };
    assert!(rig.store.write(unit.clone()).await.unwrap().more);
    assert!(!rig.store.write(unit).await.unwrap().more);
    let reasons = sql!("SELECT reason FROM message_parts WHERE unsent = 1");
    assert_eq!(rig.texts(reasons).await, ["chat is down (incident 1)"]);
}

pub(crate) async fn a_suggestion_waits_for_a_person(mut rig: Rig) {
    let conversation = shop(&mut rig).await;
    rig.compose(at(10), conversation, "Here you are").await;
    fails(&mut rig, 11).await;
    let faults = [fault(Phase::Confirmed)];
    let planned = plan(&rig, 13, &faults, policy(Mode::Suggest), Trigger::Incident).await;
    assert!(!planned.moved && matches!(planned.plan.unwrap().decision, Decision::Carry { .. }));
    assert_eq!(rig.texts(sql!("SELECT state FROM plans")).await, ["suggested"]);
    assert_eq!(rig.texts(sql!("SELECT state FROM message_parts WHERE unsent = 1")).await, ["held"]);
    let approved = plan(&rig, 14, &faults, policy(Mode::Suggest), Trigger::Approve(rig.user)).await;
    assert!(approved.moved);
    assert_eq!(rig.texts(sql!("SELECT state FROM plans ORDER BY id")).await, ["overtaken", "done"]);
}

pub(crate) async fn without_consent_nobody_is_carried(mut rig: Rig) {
    let conversation = shop(&mut rig).await;
    rig.apply(at(3), rig.chat, vec![message("u1", "m3", "STOP")]).await;
    rig.compose(at(10), conversation, "Here you are").await;
    fails(&mut rig, 11).await;
    let faults = [fault(Phase::Confirmed)];
    let planned = plan(&rig, 13, &faults, policy(Mode::Automatic), Trigger::Incident).await;
    let held = planned.plan.unwrap();
    assert!(matches!(held.decision, Decision::Hold { why: HoldWhy::NoWay, .. }), "{held:?}");
    assert_eq!(held.verdicts.len(), 2);
}

pub(crate) async fn a_canary_goes_into_the_fault_and_the_rest_is_drained(mut rig: Rig) {
    let conversation = shop(&mut rig).await;
    rig.compose(at(10), conversation, "One").await;
    rig.compose(at(11), conversation, "Two").await;
    fails(&mut rig, 12).await;
    let (workspace, account) = (rig.ws, rig.chat);
    let canary = Canary { now: at(20), seed: rig.seed(), workspace, account, incident: INCIDENT };
    let (sent, after) = rig.store.write(canary.clone()).await.unwrap();
    assert!(sent);
    let again = Canary { seed: rig.seed(), ..canary };
    assert!(!rig.store.write(again).await.unwrap().0, "one at a time");
    let call = rig.claim(at(21), after.heads[0]).await.unwrap();
    assert_eq!(call.content.text, "One");
    rig.record(at(22), &call, accepted("p1")).await;
    recovers(&mut rig);
    let directory = Arc::clone(&rig.directory);
    let unit = ReleaseLanes { now: at(30), seed: rig.seed(), workspace, account, lanes: 10, directory };
    let released = rig.store.write(unit).await.unwrap();
    assert_eq!((released.lanes, released.thinned, released.left), (1, 0, 0));
    let call = rig.claim(at(31), released.after.heads[0]).await.unwrap();
    assert_eq!(call.content.text, "Two");
}

pub(crate) async fn what_lost_its_meaning_goes_back_to_its_author(mut rig: Rig) {
    let conversation = shop(&mut rig).await;
    rig.compose(at(10), conversation, "Old").await;
    fails(&mut rig, 11).await;
    recovers(&mut rig);
    let (workspace, account, directory) = (rig.ws, rig.chat, Arc::clone(&rig.directory));
    let now = at(3 * 3600);
    let unit = ReleaseLanes { now, seed: rig.seed(), workspace, account, lanes: 10, directory };
    let released = rig.store.write(unit).await.unwrap();
    assert_eq!((released.lanes, released.thinned), (0, 1));
    assert_eq!(rig.texts(sql!("SELECT error_code FROM messages WHERE state = 'failed'")).await, ["stale"]);
}

/// The incident is over; the time is its only column that counts.
struct Over(i64);

impl Unit for Over {
    type Out = u64;

    async fn run<D: Db>(&self, db: &mut D) -> Result<u64> {
        db.exec(
            sql!(
                "INSERT INTO incidents (id, uid, number, detector, key, direction, phase, scope_kind, scope_id, \
                 attributed_kind, attributed_id, share, declared, since, suspected_at, closed_at, body) \
                 VALUES (?1, ?2, 1, 'real', 1, 'send', 'closed', 'channel', 'chat', 'channel', 'chat', 1.0, 0, ?3, ?3, ?3, '{}')"
            ),
            &vals![INCIDENT, [7_u8; 16].as_slice(), at(self.0)],
        )
        .await
    }
}

pub(crate) async fn quiet_conversations_go_back_after_the_end(mut rig: Rig) {
    let conversation = shop(&mut rig).await;
    rig.store.write(Over(20)).await.unwrap();
    rig.compose(at(10), conversation, "Here you are").await;
    fails(&mut rig, 11).await;
    let planned =
        plan(&rig, 13, &[fault(Phase::Confirmed)], policy(Mode::Automatic), Trigger::Incident).await;
    recovers(&mut rig);
    let back = |rig: &Rig, now: i64| ReturnRoutes {
        now: at(now),
        seed: rig.seed(),
        workspace: rig.ws,
        incident: INCIDENT,
        quiet_before: at(now) - Span::mins(30),
        limit: 10,
        faults: Arc::default(),
        directory: Arc::clone(&rig.directory),
    };
    assert_eq!(
        rig.store.write(back(&rig, 3_600)).await.unwrap().conversations,
        0,
        "something still waits there"
    );
    let sent = rig.claim(at(14), planned.after.heads[0]).await.unwrap();
    rig.record(at(14), &sent, accepted("e1")).await;
    assert_eq!(rig.store.write(back(&rig, 60)).await.unwrap().conversations, 0, "they are talking");
    let again = AccountFault { incident: IncidentId(78), reason: "down again".into() };
    let home = rig.chat;
    change(&mut rig, |_, info| info.fault = (info.id == home).then(|| again.clone()));
    assert_eq!(
        rig.store.write(back(&rig, 3_600)).await.unwrap().conversations,
        0,
        "nobody goes home into another fault"
    );
    recovers(&mut rig);
    // Something else of the company fails, and how far that reaches is not clear: our account is not shut for it.
    let mut unclear = fault(Phase::Confirmed);
    (unclear.fault.attributed, unclear.fault.undecided) = (Scope::Company("meta".into()), true);
    let unit = ReturnRoutes { faults: [unclear].into(), ..back(&rig, 3_600) };
    assert_eq!(rig.store.write(unit).await.unwrap().conversations, 0, "nor into what is not clear yet");
    let returned = rig.store.write(back(&rig, 3_600)).await.unwrap();
    assert_eq!((returned.conversations, returned.left), (1, 0));
    assert_eq!(rig.texts(sql!("SELECT channel FROM conversations")).await, ["chat"]);
}

pub(crate) async fn incidents_are_kept_with_their_timeline(rig: Rig) {
    let mut detector = Detector::new(Config::default());
    let opened = detector.declare(Scope::Channel("chat".into()), Direction::Send, T0);
    let row = |incident, line: &str| FindingRow {
        readings: Vec::new(),
        gaps: Vec::new(),
        incident,
        attributed: Scope::Channel("chat".into()),
        lines: vec![("phase".into(), line.into())],
        workspaces: vec![rig.ws],
    };
    let save = |seed, findings| SaveHealth {
        now: at(1),
        seed,
        detector: "real".into(),
        body: serde_json::to_string(&detector).unwrap(),
        findings,
    };
    let (saved, after) =
        rig.store.write(save(rig.seed(), vec![row(opened.incident.clone(), "Declared.")])).await.unwrap();
    assert_eq!((saved[0].number, after.changes.len()), (1, 1));
    let closed = detector.clone().dismiss(opened.incident.key, at(5)).unwrap();
    rig.store.write(save(rig.seed(), vec![row(closed.incident, "Dismissed.")])).await.unwrap();
    let all = rig.store.read(Incidents { open_only: false, before: None, limit: 10 }).await.unwrap();
    assert_eq!((all.len(), all[0].phase.as_str(), all[0].declared), (1, "closed", true));
    assert!(rig.store.read(Incidents { open_only: true, before: None, limit: 10 }).await.unwrap().is_empty());
    let story = IncidentStory { workspace: rig.ws, incident: all[0].id };
    let (events, counts) = rig.store.read(story).await.unwrap();
    assert_eq!(events.iter().map(|e| e.text.as_str()).collect::<Vec<_>>(), ["Declared.", "Dismissed."]);
    assert_eq!(counts.carried, 0);
    let again: Detector = serde_json::from_str(
        &rig.store
            .read(everthread_store::read::continuity::LoadHealth { detector: "real".into() })
            .await
            .unwrap()
            .unwrap(),
    )
    .unwrap();
    assert_eq!(again.incidents().len(), 1);
}

pub(crate) async fn a_known_address_alone_is_no_consent(mut rig: Rig) {
    change(&mut rig, |rig, info| {
        info.fate = vec![if info.id == rig.chat { "meta" } else { "mail" }.to_owned()];
        if info.id == rig.plain {
            info.addresses = vec![AddressKind::Email];
        }
    });
    let mut event = message("u1", "m1", "Hi");
    let email = Address { kind: AddressKind::Email, value: "ana@example.org".into() };
    event.peer.get_or_insert_with(Peer::default).addresses.push(email);
    rig.apply(T0, rig.chat, vec![event]).await;
    fails(&mut rig, 1).await;
    let planned = plan(&rig, 2, &[fault(Phase::Confirmed)], policy(Mode::Automatic), Trigger::Incident).await;
    assert!(matches!(planned.plan.unwrap().decision, Decision::Hold { why: HoldWhy::NoWay, .. }));
}
