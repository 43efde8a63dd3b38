//! What fails for every message is one problem with a count, and a message is never stored without the problem about it.

use everthread_core::event::{Event, EventKind, Group, GroupChange};
use everthread_core::limits::{PROBLEM_EXAMPLES_MAX, RULE_CAUSES_MAX};
use everthread_store::read::accounts::{ProblemPage, ProblemRow};
use everthread_store::read::hub::FindProblem;
use everthread_store::sql;
use everthread_store::units::{ApplyItem, ApplyWithoutRules, ItemResult, MarkReplayed, Recurring, Topic};

use crate::rig::{Rig, at, message};

const NO_STAGE: &str = r#"{"type": "lead", "pipeline": "None", "stage": "New"}"#;
const NO_WEBHOOK: &str = r#"{"type": "webhook", "webhook": "nowhere"}"#;

fn rule(trigger: &str, actions: &str) -> String {
    format!(r#"{{"trigger": {trigger}, "actions": [{actions}]}}"#)
}

async fn problems(rig: &Rig) -> Vec<ProblemRow> {
    let page = ProblemPage { workspace: rig.ws, before: None, limit: 100 };
    let mut rows = rig.store.read(page).await.unwrap();
    rows.reverse();
    rows
}

pub(crate) async fn a_failing_rule_is_one_problem_with_a_count(mut rig: Rig) {
    let every = r#"{"type": "message"}"#;
    let word = r#"{"type": "keyword", "words": ["price"]}"#;
    let stage = rule(every, NO_STAGE);
    let both = rule(every, &format!("{NO_STAGE}, {NO_WEBHOOK}"));
    let some = rule(word, NO_STAGE);
    // Rules, what customers say, and how often each problem came: by rule and cause.
    type Listed<'a> = &'a [(i64, &'a str, i64)];
    let cases: [(&[&str], &[&str], Listed<'_>); 4] = [
        (&[&stage], &["a", "b", "c"], &[(1, "no stage", 3)]),
        (&[&both], &["a", "b"], &[(1, "no stage", 2), (1, "no such outgoing webhook", 2)]),
        (&[&some, &stage], &["a", "price", "b"], &[(1, "no stage", 1), (2, "no stage", 3)]),
        (&[&some], &["a", "b"], &[]),
    ];
    for (n, (rules, said, expected)) in cases.into_iter().enumerate() {
        rig.set_rules(rules);
        for (place, text) in said.iter().enumerate() {
            let event = message(&format!("u{n}"), &format!("m{n}-{place}"), text);
            rig.apply(at(place as i64), rig.chat, vec![event]).await;
        }
        let rules_of =
            rig.ints(sql!("SELECT rule_id FROM problems WHERE replayed_at IS NULL ORDER BY id"), &[]);
        let rows = problems(&rig).await;
        let mut found: Vec<(i64, &str, i64)> = Vec::new();
        for (rule, row) in rules_of.await.into_iter().zip(&rows) {
            let (_, cause, _) =
                *expected.iter().find(|(_, cause, _)| row.reason.contains(cause)).expect("a known cause");
            found.push((rule, cause, row.times));
        }
        found.sort_unstable();
        assert_eq!(found, expected, "case {n}: {rows:#?}");
        for row in &rows {
            rig.store.write(MarkReplayed { now: at(50), workspace: rig.ws, problem: row.id }).await.unwrap();
        }
    }
}

pub(crate) async fn a_recurring_problem_knows_when_and_keeps_its_newest_examples(mut rig: Rig) {
    rig.set_rules(&[&rule(r#"{"type": "message"}"#, NO_STAGE)]);
    let many = i64::from(PROBLEM_EXAMPLES_MAX) + 4;
    for n in 0..many {
        rig.apply(at(n), rig.chat, vec![message("u1", &format!("m{n}"), "hi")]).await;
    }
    let row = problems(&rig).await.remove(0);
    assert_eq!((row.times, row.at, row.last_at), (many, at(0), at(many - 1)));
    assert!(row.raw.contains(&format!("\"m{}\"", many - 1)), "the newest is shown: {}", row.raw);
    let find = FindProblem { workspace: rig.ws, problem: row.id };
    let kept = rig.store.read(find.clone()).await.unwrap().unwrap();
    let ids: Vec<bool> =
        kept.iter().zip(4..).map(|(piece, n)| piece.raw.contains(&format!("\"m{n}\""))).collect();
    assert_eq!(ids, vec![true; PROBLEM_EXAMPLES_MAX as usize], "{kept:#?}");
    assert!(kept.iter().all(|piece| piece.record.is_some() && piece.account == Some(rig.chat)));
    // Solved, it is gone; failing again, it is the same one and counts anew.
    rig.store.write(MarkReplayed { now: at(60), workspace: rig.ws, problem: row.id }).await.unwrap();
    assert!(problems(&rig).await.is_empty() && rig.store.read(find).await.unwrap().is_none());
    rig.apply(at(70), rig.chat, vec![message("u1", "again", "hi")]).await;
    let again = problems(&rig).await.remove(0);
    assert_eq!((again.uid, again.times, again.at, again.last_at), (row.uid, 1, at(70), at(70)));
}

fn without_rules(rig: &Rig, item: ApplyItem, reason: &str) -> ApplyWithoutRules {
    let problem = Recurring {
        workspace: rig.ws,
        account: item.account,
        channel: "chat".into(),
        topic: Topic::Rules,
        reason: reason.into(),
        raw: serde_json::to_string(&item.event).unwrap(),
        record: item.record,
        index: item.index,
    };
    ApplyWithoutRules { apply: rig.apply_unit(at(10), vec![item]), problem }
}

pub(crate) async fn causes_that_vary_with_the_message_fall_together(rig: Rig) {
    let more = 3;
    for n in 0..RULE_CAUSES_MAX + more {
        let item = rig.item(rig.chat, at(10), message("u1", &format!("m{n}"), "hi"));
        rig.store.write(without_rules(&rig, item, &format!("cause {n}"))).await.unwrap();
    }
    let rows = problems(&rig).await;
    let times: Vec<i64> = rows.iter().map(|row| row.times).collect();
    let mut expected = vec![1; RULE_CAUSES_MAX as usize];
    expected.push(i64::from(more));
    assert_eq!(times, expected, "{rows:#?}");
}

/// A crash between two units would keep the message and lose the problem: it is one unit, so both come or neither does.
pub(crate) async fn a_message_without_rules_and_its_problem_are_one_unit(mut rig: Rig) {
    rig.set_rules(&[&rule(r#"{"type": "message"}"#, r#"{"type": "reply", "text": "Hello"}"#)]);
    rig.apply(at(0), rig.chat, vec![message("u1", "m1", "hi")]).await;
    rig.exec(sql!("UPDATE conversations SET question = 'broken'")).await;
    let item = rig.item(rig.chat, at(10), message("u1", "m2", "are you there?"));
    let failed = rig.store.write(rig.apply_unit(at(10), vec![item.clone()])).await.unwrap_err();
    assert!(!failed.is_transient(), "{failed}");

    let counts = || async {
        let inbound = rig.int(sql!("SELECT count(*) FROM messages WHERE direction = 'in'")).await;
        (inbound, problems(&rig).await.iter().map(|row| row.times).collect::<Vec<_>>())
    };
    rig.exec(sql!("ALTER TABLE problem_examples RENAME TO away")).await;
    let stopped = rig.store.write(without_rules(&rig, item.clone(), "the rules failed")).await;
    rig.exec(sql!("ALTER TABLE away RENAME TO problem_examples")).await;
    assert!(stopped.is_err());
    assert_eq!(counts().await, (1, vec![]), "not the message alone");
    let applied = rig.store.write(without_rules(&rig, item.clone(), "the rules failed")).await.unwrap();
    assert!(matches!(applied.results[..], [ItemResult::Applied { message: Some(_) }]));
    assert_eq!(counts().await, (2, vec![1]));
    // The journal is read again after a crash: no news, and no second count.
    let again = rig.store.write(without_rules(&rig, item, "the rules failed")).await.unwrap();
    assert_eq!(again.results, [ItemResult::Duplicate]);
    assert_eq!(counts().await, (2, vec![1]));
    assert_eq!(problems(&rig).await[0].rule_uid, None, "nobody knows which");
}

fn group(n: usize, id: &str, change: GroupChange) -> Event {
    let kind = EventKind::Group(Group { id: id.into(), change, notice: format!("in the group {id}") });
    Event { key: n.to_string(), at: None, peer: None, kind }
}

pub(crate) async fn a_group_is_listed_once_and_never_a_customer(rig: Rig) {
    use GroupChange::{Entered, Heard, Left};
    let moved = |to: &str| GroupChange::Moved { to: to.into() };
    // What is heard, and what is listed then: group and how often. "solved" marks all as solved, as a person does.
    type Listed<'a> = &'a [(&'a str, i64)];
    let steps: [(&str, Option<GroupChange>, Listed<'_>); 11] = [
        ("g1", Some(Entered), &[("g1", 1)]),
        ("g1", Some(Heard), &[("g1", 2)]),
        ("g2", Some(Heard), &[("g1", 2), ("g2", 1)]),
        ("g1", Some(moved("s1")), &[("s1", 3), ("g2", 1)]),
        ("g1", Some(moved("s1")), &[("s1", 4), ("g2", 1)]),
        ("s1", Some(Left), &[("g2", 1)]),
        ("s1", Some(Left), &[("g2", 1)]),
        ("solved", None, &[]),
        ("g2", Some(Heard), &[]),
        ("g2", Some(moved("s2")), &[]),
        ("s2", Some(Entered), &[("s2", 1)]),
    ];
    for (n, (id, change, expected)) in steps.into_iter().enumerate() {
        match change {
            Some(change) => {
                let mut event = group(n, id, change.clone());
                if let (GroupChange::Moved { to }, EventKind::Group(group)) = (change, &mut event.kind) {
                    group.notice = format!("in the group {to}");
                }
                let applied = rig.apply(at(n as i64), rig.chat, vec![event]).await;
                assert_eq!(applied.results, [ItemResult::Applied { message: None }]);
            }
            None => {
                for row in problems(&rig).await {
                    let unit = MarkReplayed { now: at(n as i64), workspace: rig.ws, problem: row.id };
                    rig.store.write(unit).await.unwrap();
                }
            }
        }
        let rows = problems(&rig).await;
        let listed: Vec<(&str, i64)> =
            rows.iter().map(|row| (row.reason.trim_start_matches("in the group "), row.times)).collect();
        assert_eq!(listed, expected, "step {n}");
    }
    assert_eq!(rig.int(sql!("SELECT count(*) FROM contacts")).await, 0);
}
