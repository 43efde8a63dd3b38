//! One line per case.

use super::*;
use crate::event::AddressKind;
use crate::health::{Direction, IncidentKey, Phase, Scope};
use crate::ids::{AccountId, IdentityId};
use crate::outbox::Window;
use crate::routing::tests::{self, NOW};
use crate::routing::{Consent, Fault, Way};
use crate::state::Proof;
use crate::time::Span;

#[test]
fn a_link_leads_one_browser_in() {
    let link = |until: i64, revoked: bool, opened_by| LinkFacts {
        expires_at: NOW + Span::mins(until),
        revoked_at: revoked.then_some(NOW - Span::mins(1)),
        opened_by,
    };
    for (case, link, browser, opening) in [
        ("new", link(5, false, None), None, Opening::First),
        ("new, by a browser that knows another visitor", link(5, false, None), Some("b"), Opening::First),
        ("the same browser again", link(5, false, Some("a")), Some("a"), Opening::Again),
        ("passed on", link(5, false, Some("a")), None, Opening::Elsewhere),
        ("passed on to another visitor", link(5, false, Some("a")), Some("b"), Opening::Elsewhere),
        ("over", link(0, false, None), None, Opening::Ended),
        ("over, by the browser that opened it", link(0, false, Some("a")), Some("a"), Opening::Ended),
        ("taken back", link(5, true, None), None, Opening::Ended),
        ("taken back after it was opened", link(5, true, Some("a")), Some("a"), Opening::Ended),
    ] {
        assert_eq!(open(&link, browser, NOW), opening, "{case}");
    }
}

#[test]
fn codes_are_tried_and_sent_within_limits() {
    let code = |until: i64, tries, ended| CodeFacts { expires_at: NOW + Span::secs(until), tries, ended };
    for (case, code, may) in [
        ("fresh", code(600, 0, false), true),
        ("the fifth try", code(600, 4, false), true),
        ("the sixth try", code(600, 5, false), false),
        ("over", code(0, 0, false), false),
        ("used or replaced", code(600, 0, true), false),
    ] {
        assert_eq!(may_try(&code, NOW), may, "{case}");
    }
    let ago = |seconds: &[i64]| seconds.iter().map(|s| NOW - Span::secs(*s)).collect::<Vec<_>>();
    for (case, sent, again_in) in [
        ("the first", ago(&[]), None),
        ("at once again", ago(&[10]), Some(50)),
        ("after a minute", ago(&[60]), None),
        ("the sixth of a day", ago(&[100, 200, 300, 400, 500]), Some(86_400 - 500)),
        ("the sixth, a day after the first", ago(&[100, 200, 300, 400, 86_400]), None),
    ] {
        let refused = may_send(&sent, NOW).err().map(|soon| soon.again_at);
        assert_eq!(refused, again_in.map(|s| NOW + Span::secs(s)), "{case}");
    }
    assert_eq!(digits(7), "000007");
    assert_eq!(digits(u64::MAX), "551615");
    assert!(code_text("Acme").starts_with("{{ code }} is your code for the chat with Acme."));
}

/// One without a window.
fn way(id: i64, channel: &str, kind: AddressKind, fate: &str) -> Way {
    Way { window: Window::Unlimited, ..tests::way(id, channel, kind, fate) }
}

fn fault(phase: Phase, attributed: Scope) -> Fault {
    let (incident, undecided) = (IncidentKey(1), false);
    let suspected_at = NOW - Span::mins(10);
    Fault { incident, number: 1, phase, direction: Direction::Delivery, attributed, undecided, suspected_at }
}

/// Open faults, ways, what is asked, and the channel that is chosen.
type Chosen<'a> = (Vec<Fault>, Vec<Way>, Asking<'a>, Option<&'a str>);

#[test]
fn a_code_goes_over_an_independent_verified_address_that_works() {
    let sms = || way(2, "twilio", AddressKind::Phone, "twilio");
    let instagram = || way(1, "instagram", AddressKind::Instagram, "meta");
    let mail = || way(3, "email", AddressKind::Email, "mail");
    let asking = Asking { linked: None, newer: &[] };
    let none = |faults: &[Fault], way: Way| (faults.to_vec(), vec![way], asking, None);
    let instagram_down = [fault(Phase::Confirmed, Scope::Channel("instagram".into()))];
    let meta_down = [fault(Phase::Suspect, Scope::Company("meta".into()))];
    let just_over = [fault(Phase::Recovering, Scope::Account(AccountId(20)))];
    let newer = [IdentityId(2)];
    let cases: Vec<(&str, Chosen<'_>)> = vec![
        ("the one heard from last", (vec![], vec![mail(), instagram(), sms()], asking, Some("instagram"))),
        (
            "never what is in the incident",
            (instagram_down.to_vec(), vec![instagram(), sms()], asking, Some("twilio")),
        ),
        ("nor what shares its company", none(&meta_down, way(2, "whatsapp", AddressKind::Phone, "meta"))),
        ("nor what is just coming back", none(&just_over, sms())),
        (
            "another address than the link's",
            (vec![], vec![sms(), mail()], Asking { linked: Some(IdentityId(2)), newer: &[] }, Some("email")),
        ),
        (
            "the link's own where there is no other",
            (vec![], vec![sms()], Asking { linked: Some(IdentityId(2)), newer: &[] }, Some("twilio")),
        ),
        (
            "nothing that the visitor may have brought",
            (vec![], vec![sms()], Asking { linked: None, newer: &newer }, None),
        ),
        ("never a web chat", none(&[], way(2, "webchat", AddressKind::Webchat, "self"))),
        ("claimed", none(&[], Way { proof: Proof::Claimed, ..sms() })),
        ("invited", none(&[], Way { proof: Proof::Invited, ..sms() })),
        ("known without consent", none(&[], Way { consent: Consent::None, ..sms() })),
        ("STOP", none(&[], Way { consent: Consent::Withdrawn, ..sms() })),
        ("its window closed", none(&[], Way { window: Window::Closed, ..sms() })),
        ("our account stopped", none(&[], Way { stopped: Some("token".into()), ..sms() })),
        ("not reachable", none(&[], Way { unreachable: Some("gone".into()), ..sms() })),
    ];
    for (case, (faults, ways, asking, channel)) in cases {
        let chosen = choose(&ways, &faults, asking).ok().map(|way| way.channel.as_str());
        assert_eq!(chosen, channel, "{case}");
    }
}
