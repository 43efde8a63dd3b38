//! Rules as users write them.

use std::collections::BTreeMap;

use everthread_core::conversation::Owner;
use everthread_core::ids::RuleId;
use everthread_core::rules::{Facts, Rule, Source, compile, decide};
use everthread_core::time::Timestamp;

fn run(rule: Rule, text: &str) {
    let Ok(rules) = compile(vec![Source { id: RuleId(1), name: "rule".to_owned(), rule }]) else { return };
    let fields = BTreeMap::from([("size".to_owned(), "M".to_owned())]);
    let facts = Facts {
        event: 1,
        now: Timestamp::from_secs(1_764_000_000),
        channel: "telegram",
        business: "Acme",
        text,
        postback: None,
        first_contact: true,
        late: false,
        contact_name: Some("Pat Lee"),
        fields: &fields,
        labels: &[],
        owner: Owner::Bot,
        open_question: None,
    };
    let _ = decide(&rules, &facts);
}

/// A rule's JSON.
pub fn rule(data: &[u8]) {
    if let Ok(rule) = serde_json::from_slice::<Rule>(data) {
        let again = serde_json::to_vec(&rule).expect("a rule can be written");
        assert_eq!(serde_json::from_slice::<Rule>(&again).ok().as_ref(), Some(&rule), "and read again");
        run(rule, "price please");
    }
}

/// A reply's text with placeholders.
pub fn template(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let rule = serde_json::json!({"trigger": {"type": "message"}, "actions": [{"type": "reply", "text": text}]});
    run(serde_json::from_value(rule).expect("a rule"), &text);
}
