//! Continuation links and the codes that prove who opened them.

use std::sync::Arc;

use everthread_core::directory::AccountFault;
use everthread_core::event::{Address, AddressKind, Event, Peer};
use everthread_core::health::{Direction, IncidentKey, Phase, Scope};
use everthread_core::ids::{ConversationId, IncidentId};
use everthread_core::limits::{CODE_LIFE, LINK_LIFE};
use everthread_core::outcome::{Outcome, Reason};
use everthread_core::routing::Fault;
use everthread_core::time::Timestamp;
use everthread_store::read::chat::{ChatThread, ChatView, Standing};
use everthread_store::read::links::LinkIsOpen;
use everthread_store::sql;
use everthread_store::units::{
    CodeSent, CodeStand, CodeWay, HoldLanes, LinkOffer, MakeLink, OpenLink, Opened, ProveByCode, RevokeLink,
    SendCode, TryCode,
};

use crate::rig::{Rig, T0, accepted, at, change, message};

/// `plain` is the web chat of these tests, `chat` takes phone numbers too.
async fn shop(rig: &mut Rig) -> ConversationId {
    change(rig, |rig, info| {
        info.caps.text.max = 500;
        info.addresses =
            vec![if info.id == rig.plain { AddressKind::Webchat } else { AddressKind::Instagram }];
    });
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "secret order")]).await;
    rig.conversation().await
}

async fn link(rig: &Rig, now: Timestamp, conversation: ConversationId, hash: u8) {
    let offer =
        LinkOffer { account: rig.plain, url: "https://a.example/c/x".into(), token_hash: vec![hash; 32] };
    let (workspace, user) = (rig.ws, Some(rig.user));
    rig.store.write(MakeLink { now, seed: rig.seed(), workspace, conversation, offer, user }).await.unwrap();
}

async fn open(rig: &Rig, now: Timestamp, hash: u8, visitor: &str, browser: Option<&str>) -> Opened {
    let unit = OpenLink {
        now,
        seed: rig.seed(),
        token_hash: vec![hash; 32],
        visitor: visitor.into(),
        browser: browser.map(str::to_owned),
    };
    rig.store.write(unit).await.unwrap()
}

async fn sees(rig: &Rig, visitor: &str) -> ChatView {
    let unit =
        ChatThread { workspace: rig.ws, account: rig.plain, visitor: visitor.into(), after: 0, limit: 100 };
    rig.store.read(unit).await.unwrap()
}

fn says(visitor: &str, id: &str, text: &str) -> Event {
    let addresses = vec![Address { kind: AddressKind::Webchat, value: visitor.into() }];
    Event { peer: Some(Peer { addresses, ..Peer::default() }), ..message(visitor, id, text) }
}

fn incident(attributed: Scope) -> Fault {
    let (phase, direction) = (Phase::Confirmed, Direction::Send);
    Fault {
        incident: IncidentKey(1),
        number: 1,
        phase,
        direction,
        attributed,
        undecided: false,
        suspected_at: T0,
    }
}

async fn ask(rig: &Rig, now: Timestamp, visitor: &str, faults: &[Fault]) -> CodeSent {
    let unit = SendCode {
        now,
        seed: rig.seed(),
        workspace: rig.ws,
        account: rig.plain,
        visitor: visitor.into(),
        faults: [faults.into(), [].into()],
        business: "Acme".into(),
        directory: Arc::clone(&rig.directory),
    };
    rig.store.write(unit).await.unwrap()
}

fn try_code(rig: &Rig, now: Timestamp, visitor: &str) -> TryCode {
    TryCode { now, workspace: rig.ws, account: rig.plain, visitor: visitor.into() }
}

pub(crate) async fn a_link_opens_once_within_its_day(mut rig: Rig) {
    let conversation = shop(&mut rig).await;
    link(&rig, at(1), conversation, 1).await;
    let is_open =
        async |now, hash| rig.store.read(LinkIsOpen { now, token_hash: vec![hash; 32] }).await.unwrap();
    assert!(is_open(at(2), 1).await && !is_open(at(2), 9).await);
    let over = at(1) + LINK_LIFE;
    assert!(!is_open(over, 1).await);
    assert_eq!(open(&rig, over, 1, "v0", None).await, Opened::Ended);
    assert_eq!(open(&rig, at(2), 9, "v0", None).await, Opened::Ended);
    assert_eq!(rig.int(sql!("SELECT count(*) FROM identities")).await, 1, "nothing came of these");
    let Opened::In { visitor, .. } = open(&rig, at(3), 1, "v1", Some("other")).await else {
        panic!("not in")
    };
    assert_eq!(visitor, "v1");
    let Opened::In { visitor, .. } = open(&rig, at(4), 1, "v2", Some("v1")).await else { panic!("not in") };
    assert_eq!(visitor, "v1", "the same browser is the same visitor");
    assert_eq!(open(&rig, at(4), 1, "v2", None).await, Opened::Elsewhere { account: rig.plain });
    let proofs = rig.texts(sql!("SELECT proof FROM identities ORDER BY id")).await;
    assert_eq!(proofs, ["verified", "invited"]);
}

pub(crate) async fn who_merely_had_a_link_is_told_nothing(mut rig: Rig) {
    rig.set_rules(&[
        r#"{"trigger": {"type": "keyword", "words": ["who"]}, "actions": [
            {"type": "reply", "text": "You are {{ contact.name | default('a guest') }}, {{ contact.fields.email | default('no mail') }}"}]}"#,
        r#"{"trigger": {"type": "keyword", "words": ["mail"]}, "actions": [
            {"type": "ask", "text": "Which?", "field": "email", "kind": "email", "wording": "We may write there."}]}"#,
    ]);
    let conversation = shop(&mut rig).await;
    link(&rig, at(1), conversation, 1).await;
    open(&rig, at(2), 1, "v1", None).await;
    assert_eq!(sees(&rig, "v1").await, ChatView { standing: Standing::Invited, lines: Vec::new() });
    for (n, said) in [(3, "who am I"), (4, "my mail"), (5, "evil@example.org"), (6, "who")] {
        let done = rig.apply(at(n), rig.plain, vec![says("v1", &format!("w{n}"), said)]).await;
        for head in done.after.heads {
            let sent = rig.claim(at(n), head).await.unwrap();
            rig.record(at(n), &sent, accepted(&format!("p{n}"))).await;
        }
    }
    let texts: Vec<String> = sees(&rig, "v1").await.lines.into_iter().map(|line| line.text).collect();
    let guest = "You are a guest, no mail";
    assert_eq!(texts, ["who am I", guest, "my mail", "Which?", "evil@example.org", "who", guest]);
    assert_eq!(rig.int(sql!("SELECT count(*) FROM conversations")).await, 1);
    assert_eq!(rig.int(sql!("SELECT count(*) FROM identities WHERE kind = 'email'")).await, 0);
    assert_eq!(rig.int(sql!("SELECT count(*) FROM consents")).await, 0);
    // They can ask for silence, never for messages.
    rig.apply(at(7), rig.plain, vec![says("v1", "w7", "STOP")]).await;
    rig.apply(at(8), rig.plain, vec![says("v1", "w8", "START")]).await;
    assert_eq!(rig.int(sql!("SELECT count(*) FROM contacts WHERE stopped_at IS NOT NULL")).await, 1);
}

pub(crate) async fn a_code_proves_who_it_is_and_opens_the_history(mut rig: Rig) {
    let conversation = shop(&mut rig).await;
    link(&rig, at(1), conversation, 1).await;
    open(&rig, at(2), 1, "v1", None).await;
    assert_eq!(rig.store.write(try_code(&rig, at(3), "v1")).await.unwrap(), None, "none was sent");
    let CodeSent::Sent { channel, after, until } = ask(&rig, at(3), "v1", &[]).await else {
        panic!("not sent")
    };
    assert_eq!((channel.as_str(), until), ("chat", at(3) + CODE_LIFE));
    let sent = rig.claim(at(4), after.heads[0]).await.unwrap();
    let code = sent.content.code.clone().expect("a code goes out");
    assert!(code.text.starts_with("{{ code }} is your code for the chat with Acme."), "{code:?}");
    rig.record(at(4), &sent, accepted("p1")).await;
    assert!(
        matches!(ask(&rig, at(5), "v1", &[]).await, CodeSent::TooSoon { again_at } if again_at == at(63))
    );
    assert_eq!(rig.store.write(try_code(&rig, at(6), "nobody")).await.unwrap(), None);
    for tries in 1..=5 {
        let tried = rig.store.write(try_code(&rig, at(6), "v1")).await.unwrap();
        assert_eq!(tried.map(|tried| tried.tries), Some(tries));
    }
    assert_eq!(rig.store.write(try_code(&rig, at(6), "v1")).await.unwrap(), None, "five tries");

    assert!(matches!(ask(&rig, at(100), "v1", &[]).await, CodeSent::Sent { .. }));
    assert_eq!(rig.store.write(try_code(&rig, at(100) + CODE_LIFE, "v1")).await.unwrap(), None, "over");
    let tried = rig.store.write(try_code(&rig, at(101), "v1")).await.unwrap().expect("a code");
    let prove = |now| ProveByCode { now, seed: rig.seed(), workspace: rig.ws, code: tried.code };
    assert!(rig.store.write(prove(at(102))).await.unwrap().is_some());
    assert!(rig.store.write(prove(at(103))).await.unwrap().is_none(), "a code proves once");
    let seen = sees(&rig, "v1").await;
    let texts: Vec<&str> = seen.lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!((seen.standing, texts), (Standing::Verified, vec!["secret order"]));
    assert_eq!(
        rig.texts(sql!("SELECT proved_by FROM identities WHERE proved_at IS NOT NULL")).await,
        ["code"]
    );
    assert_eq!(ask(&rig, at(200), "v1", &[]).await, CodeSent::NotAsked);
}

pub(crate) async fn a_code_stands_aside_from_the_talk(mut rig: Rig) {
    let conversation = shop(&mut rig).await;
    link(&rig, at(1), conversation, 1).await;
    open(&rig, at(2), 1, "v1", None).await;
    // A part whose outcome is not known holds the talk up, and not the code.
    let first = rig.compose(at(3), conversation, "first").await;
    let flying = rig.claim(at(3), first.after.heads[0]).await.unwrap();
    rig.record(at(4), &flying, Outcome::Uncertain { reason: Reason::new("silence", "no answer") }).await;
    assert!(rig.compose(at(5), conversation, "second").await.after.heads.is_empty());
    let CodeSent::Sent { after, .. } = ask(&rig, at(6), "v1", &[]).await else { panic!("not sent") };
    let code = rig.claim(at(7), after.heads[0]).await.unwrap();
    assert!(code.content.code.is_some());
    let next = rig.record(at(8), &code, accepted("p2")).await;
    assert!(next.heads.is_empty(), "the talk still waits");
    // A code that can't go now holds nothing up, goes nowhere else, and says so.
    let CodeSent::Sent { after, .. } = ask(&rig, at(90), "v1", &[]).await else { panic!("not sent") };
    let fault = AccountFault { incident: IncidentId(7), reason: "chat is down".into() };
    change(&mut rig, |rig, info| info.fault = (info.id == rig.chat).then(|| fault.clone()));
    let (workspace, account) = (rig.ws, rig.chat);
    let hold =
        HoldLanes { now: at(91), seed: rig.seed(), workspace, account, fault: fault.clone(), limit: 9 };
    rig.store.write(hold).await.unwrap();
    assert!(rig.claim(at(92), after.heads[0]).await.is_none());
    let ended = sql!("SELECT reason FROM message_parts WHERE seq < 0 AND state = 'cancelled'");
    assert_eq!(rig.texts(ended).await, ["this way can't take a code now; another can be asked for"]);
    assert_eq!(rig.int(sql!("SELECT count(*) FROM message_parts WHERE state = 'held' AND seq < 0")).await, 0);
}

pub(crate) async fn no_code_goes_into_an_incident(mut rig: Rig) {
    let conversation = shop(&mut rig).await;
    link(&rig, at(1), conversation, 1).await;
    open(&rig, at(2), 1, "v1", None).await;
    let down = [incident(Scope::Channel("chat".into()))];
    let way = |faults: &[Fault]| CodeWay {
        now: at(3),
        workspace: rig.ws,
        account: rig.plain,
        visitor: "v1".into(),
        faults: [faults.into(), [].into()],
        directory: Arc::clone(&rig.directory),
    };
    let stand =
        |channel: Option<&str>| Some(CodeStand { channel: channel.map(str::to_owned), open_until: None });
    assert_eq!(rig.store.read(way(&[])).await.unwrap(), stand(Some("chat")));
    assert_eq!(rig.store.read(way(&down)).await.unwrap(), stand(None));
    assert_eq!(ask(&rig, at(3), "v1", &down).await, CodeSent::NoWay);
    assert_eq!(rig.int(sql!("SELECT count(*) FROM identity_codes")).await, 0);
}

pub(crate) async fn what_was_held_does_not_follow_to_who_merely_had_a_link(mut rig: Rig) {
    let conversation = shop(&mut rig).await;
    link(&rig, at(1), conversation, 1).await;
    open(&rig, at(2), 1, "v1", None).await;
    let fault = AccountFault { incident: IncidentId(7), reason: "chat is down".into() };
    change(&mut rig, |rig, info| info.fault = (info.id == rig.chat).then(|| fault.clone()));
    rig.compose(at(3), conversation, "Your order 4711 is here").await;
    rig.apply(at(4), rig.plain, vec![says("v1", "w1", "hello")]).await;
    let states = rig.texts(sql!("SELECT state FROM message_parts ORDER BY seq")).await;
    assert_eq!(states, ["failed"], "back to its author");
    // The answer goes out at once.
    let answer = rig.compose(at(5), conversation, "Hello! Who are you?").await;
    let sent = rig.claim(at(5), answer.after.heads[0]).await.unwrap();
    assert_eq!((sent.account, sent.content.text.as_str()), (rig.plain, "Hello! Who are you?"));
}

pub(crate) async fn a_link_taken_back_cuts_off_who_proved_nothing(mut rig: Rig) {
    let conversation = shop(&mut rig).await;
    link(&rig, at(1), conversation, 1).await;
    open(&rig, at(2), 1, "v1", None).await;
    rig.apply(at(3), rig.plain, vec![says("v1", "w1", "hello")]).await;
    rig.compose(at(4), conversation, "not to a stranger").await;
    let uids = rig.store.read(everthread_store::read::links::ConversationLinks {
        workspace: rig.ws,
        conversation,
        limit: 9,
    });
    let link = uids.await.unwrap()[0].uid;
    let (workspace, user) = (rig.ws, Some(rig.user));
    let revoke = RevokeLink { now: at(5), seed: rig.seed(), workspace, conversation, link, user };
    assert!(rig.store.write(revoke.clone()).await.unwrap().is_some());
    let states = rig.texts(sql!("SELECT state FROM message_parts ORDER BY seq")).await;
    assert_eq!(states, ["failed"], "back to its author");
    assert_eq!(rig.texts(sql!("SELECT channel FROM conversations")).await, ["chat"]);
    rig.apply(at(6), rig.plain, vec![says("v1", "w2", "hello?")]).await;
    assert_eq!(rig.int(sql!("SELECT count(*) FROM conversations")).await, 2);
    assert_eq!(open(&rig, at(7), 1, "v1", Some("v1")).await, Opened::Ended);
    assert_eq!(rig.int(sql!("SELECT count(*) FROM audit_log WHERE action LIKE 'link.%'")).await, 2);
    let other = rig.workspace("other").await;
    let foreign = RevokeLink { workspace: other, ..revoke };
    assert!(rig.store.write(foreign).await.unwrap().is_none());
}
