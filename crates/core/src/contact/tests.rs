//! Merging and taking back, over arbitrary contacts.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::ids::ConversationId;
use crate::time::Timestamp;

fn person() -> impl Strategy<Value = Person> {
    let time = || proptest::option::of((0_i64..9).prop_map(Timestamp::from_secs));
    let name = || proptest::option::of("[ab]");
    (
        (name(), name(), proptest::collection::btree_map("[a-c]", "[xy]", 0..3)),
        (proptest::collection::btree_set("[a-c]", 0..3), time(), time(), proptest::option::of(1_i64..3)),
    )
        .prop_map(|((name, locale, fields), (labels, stopped_at, last_in_at, conversation))| Person {
            name,
            locale,
            fields,
            labels,
            stopped_at,
            last_in_at,
            conversation: conversation.map(ConversationId),
        })
}

const fn case(open: bool, at: i64) -> Case {
    Case { open, last_at: Timestamp::from_secs(at) }
}

fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

proptest! {
    /// Merge, then undo with nothing in between: both are what they were.
    #[test]
    fn an_undone_merge_changed_nothing(
        kept in person(), gone in person(), take in proptest::collection::btree_set("[a-c]|name", 0..4),
        open in any::<(bool, bool)>(),
    ) {
        let merged = merge((&kept, Some(case(open.0, 1))), (&gone, Some(case(open.1, 2))), &take);
        let split = unmerge(&kept, &gone, &merged.after, &merged.after);
        prop_assert_eq!(split, Split { kept, gone });
    }

    /// Every value of either is in what comes of them, or named as a conflict; STOP is never weaker.
    #[test]
    fn a_merge_loses_nothing(
        kept in person(), gone in person(), take in proptest::collection::btree_set("[a-c]|name", 0..4),
    ) {
        let merged = merge((&kept, None), (&gone, None), &take);
        for (field, value) in kept.fields.iter().chain(&gone.fields) {
            let told = merged.conflicts.iter().any(|c| &c.field == field && (&c.kept == value || &c.gone == value));
            prop_assert!(merged.after.fields.get(field) == Some(value) || told, "{field}");
        }
        prop_assert!(merged.after.labels.is_superset(&kept.labels) && merged.after.labels.is_superset(&gone.labels));
        prop_assert!(merged.after.stopped_at >= kept.stopped_at.max(gone.stopped_at));
    }

    /// What people change while two are one stays, whatever it was before.
    #[test]
    fn what_was_written_since_stays(kept in person(), gone in person(), value in "[zw]") {
        let merged = merge((&kept, None), (&gone, None), &BTreeSet::new());
        let mut now = merged.after.clone();
        now.fields.insert("a".to_owned(), value.clone());
        now.stopped_at = Some(Timestamp::from_secs(99));
        let split = unmerge(&kept, &gone, &merged.after, &now);
        prop_assert_eq!(split.kept.fields.get("a"), Some(&value));
        prop_assert_eq!((split.kept.stopped_at, split.gone.stopped_at), (now.stopped_at, now.stopped_at));
    }
}

#[test]
fn the_next_message_goes_into_the_open_conversation_then_into_the_one_used_last() {
    for (kept, gone, want) in [
        (Some(case(true, 1)), Some(case(true, 2)), 2),
        (Some(case(true, 2)), Some(case(true, 1)), 1),
        (Some(case(true, 1)), Some(case(false, 2)), 1),
        (Some(case(false, 2)), Some(case(true, 1)), 2),
        (Some(case(false, 1)), Some(case(false, 2)), 2),
        (Some(case(true, 1)), None, 1),
        (None, Some(case(false, 1)), 2),
    ] {
        let who = |id, case: Option<Case>| Person {
            conversation: case.map(|_| ConversationId(id)),
            ..Person::default()
        };
        let merged = merge((&who(1, kept), kept), (&who(2, gone), gone), &BTreeSet::new());
        assert_eq!(merged.after.conversation, Some(ConversationId(want)), "{kept:?} {gone:?}");
        assert_eq!(merged.lines.len(), usize::from(kept.is_some() && gone.is_some()));
    }
}

#[test]
fn a_choice_takes_the_others_value() {
    let kept = Person { fields: fields(&[("city", "Rome"), ("size", "S")]), ..Person::default() };
    let gone = Person { fields: fields(&[("city", "Oslo"), ("size", "L")]), ..Person::default() };
    let merged = merge((&kept, None), (&gone, None), &BTreeSet::from(["size".to_owned()]));
    assert_eq!(merged.after.fields, fields(&[("city", "Rome"), ("size", "L")]));
    assert_eq!(merged.conflicts.iter().map(|c| c.field.as_str()).collect::<Vec<_>>(), ["city", "size"]);
}

#[test]
fn consents_from_before_the_others_stop_are_withdrawn() {
    let stopped = Person { stopped_at: Some(Timestamp::from_secs(5)), ..Person::default() };
    let free = Person::default();
    for (kept, gone, want) in [
        (&stopped, &free, Some(5)),
        (&free, &stopped, Some(5)),
        (&free, &free, None),
        (&stopped, &stopped, None),
    ] {
        let merged = merge((kept, None), (gone, None), &BTreeSet::new());
        assert_eq!(merged.withdraw_until, want.map(Timestamp::from_secs));
    }
}

#[test]
fn the_lead_touched_last_says_where_it_stands() {
    let lead = |stage, at, pairs: &[(&str, &str)]| LeadFacts {
        stage,
        fields: fields(pairs),
        conversation: None,
        channel: None,
        updated_at: Timestamp::from_secs(at),
    };
    let merged = lead(1, 1, &[("a", "1"), ("b", "1")]).merge(&lead(2, 2, &[("b", "2")]));
    assert_eq!((merged.taken, merged.after.stage), (true, 2));
    assert_eq!(merged.after.fields, fields(&[("a", "1"), ("b", "2")]));
    assert!(!lead(1, 2, &[]).merge(&lead(2, 2, &[])).taken);
}
