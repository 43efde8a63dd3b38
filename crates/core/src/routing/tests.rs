//! One line per case: the ways, the fault, what comes of it.

use proptest::prelude::*;

use super::*;
use crate::invariants::route_allowed;
use crate::time::Span;

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

/// An address that may be written to and was last heard from `id` hours ago.
pub(crate) fn way(id: i64, channel: &str, kind: AddressKind, fate: &str) -> Way {
    Way {
        identity: IdentityId(id),
        account: AccountId(id * 10),
        channel: channel.into(),
        kind,
        fate: vec![fate.into()],
        proof: Proof::Verified,
        stopped: None,
        unreachable: None,
        consent: Consent::WroteThere,
        window: Window::Open { until: NOW + Span::hours(3) },
        template: None,
        misfit: None,
        last_in_at: Some(NOW - Span::hours(i64::from(id as i32))),
        cost: 0,
        preferred: false,
    }
}

fn ways() -> Vec<Way> {
    vec![
        way(1, "instagram", AddressKind::Instagram, "meta"),
        way(2, "whatsapp", AddressKind::Phone, "meta"),
        Way {
            consent: Consent::None,
            window: Window::Unlimited,
            ..way(3, "twilio", AddressKind::Phone, "twilio")
        },
        Way { window: Window::Unlimited, ..way(4, "email", AddressKind::Email, "mail") },
    ]
}

fn fault(phase: Phase, attributed: Scope) -> Fault {
    let undecided = matches!(attributed, Scope::Company(_));
    Fault {
        incident: IncidentKey(1),
        number: 12,
        phase,
        direction: Direction::Send,
        attributed,
        undecided,
        suspected_at: NOW - Span::mins(10),
    }
}

fn need() -> Need {
    Need {
        left_behind: false,
        author: Author::Person,
        text_only: true,
        waiting_since: Some(NOW - Span::mins(2)),
        last_in_at: Some(NOW - Span::mins(2)),
        spent: 0,
        carried: false,
    }
}

fn automatic() -> Policy {
    Policy { mode: Mode::Automatic, ..Policy::default() }
}

fn decide(ways: &[Way], faults: &[Fault], policy: &Policy) -> Plan {
    let route = (IdentityId(1), AccountId(10));
    plan(&Input { ways, route, faults, policy, need: need(), explicit: None, now: NOW })
}

fn carried(plan: &Plan) -> Option<&str> {
    plan.verdicts
        .iter()
        .find(|v| v.chosen && matches!(plan.decision, Decision::Carry { .. }))
        .map(|v| v.channel.as_str())
}

struct Plain;

impl Names for Plain {
    fn channel(&self, word: &str) -> String {
        word.to_owned()
    }
    fn scope(&self, scope: &Scope) -> String {
        scope.id()
    }
    fn cost(&self, millionths: i64) -> String {
        format!("{:.2}", millionths as f64 / 1e6)
    }
}

fn told(plan: &Plan) -> Vec<String> {
    plan.verdicts.iter().map(|v| verdict_sentence(v, &Plain, NOW)).collect()
}

#[test]
fn instagram_alone_goes_to_whatsapp_and_a_wider_or_unclear_fault_does_not() {
    let instagram = [fault(Phase::Confirmed, Scope::Channel("instagram".into()))];
    let alone = decide(&ways(), &instagram, &automatic());
    assert_eq!(carried(&alone), Some("whatsapp"));
    let meta = [fault(Phase::Confirmed, Scope::Company("meta".into()))];
    let wide = decide(&ways(), &meta, &automatic());
    assert_eq!(carried(&wide), Some("email"));
    insta::assert_snapshot!(told(&wide).join("\n"), @r"
    email: chosen, last used 4 hours ago.
    instagram: the same company as incident 12, and it is not clear yet how far that reaches.
    whatsapp: the same company as incident 12, and it is not clear yet how far that reaches.
    twilio: no consent.
    ");
}

#[test]
fn decisions() {
    let instagram = || vec![fault(Phase::Confirmed, Scope::Channel("instagram".into()))];
    let suspect = vec![fault(Phase::Suspect, Scope::Channel("instagram".into()))];
    let recovering = vec![fault(Phase::Recovering, Scope::Channel("instagram".into()))];
    let young = vec![Fault { suspected_at: NOW - Span::secs(60), ..instagram()[0].clone() }];
    let first = NOW + Span::secs(120);
    let none: Vec<Way> = ways().into_iter().map(|w| Way { consent: Consent::None, ..w }).collect();
    let off = Policy { mode: Mode::Off, ..automatic() };
    let order = Policy { order: vec!["email".into()], ..automatic() };
    let exclude = Policy { exclude: vec!["whatsapp".into(), "email".into()], ..automatic() };
    let hold = |why| Decision::Hold { until: NOW + Span::mins(10), why };
    let to = |id: i64| Decision::Carry {
        identity: IdentityId(id),
        account: AccountId(id * 10),
        template: None,
        line: true,
    };
    for (case, ways, faults, policy, expected) in [
        ("no fault", ways(), vec![], automatic(), Decision::Stay),
        ("suspect", ways(), suspect, automatic(), hold(HoldWhy::Suspect)),
        ("recovering", ways(), recovering, automatic(), Decision::Stay),
        ("hold first", ways(), young, automatic(), Decision::Hold { until: first, why: HoldWhy::HoldFirst }),
        ("switched off", ways(), instagram(), off, hold(HoldWhy::NoWay)),
        ("no consent anywhere", none, instagram(), automatic(), hold(HoldWhy::NoWay)),
        ("best by recency", ways(), instagram(), automatic(), to(2)),
        ("policy order", ways(), instagram(), order, to(4)),
        ("all excluded", ways(), instagram(), exclude, hold(HoldWhy::NoWay)),
    ] {
        assert_eq!(decide(&ways, &faults, &policy).decision, expected, "{case}");
    }
}

#[test]
fn reasons() {
    let w = || way(2, "whatsapp", AddressKind::Phone, "meta");
    let closed = Window::Closed;
    let human = Window::HumanOnly { until: NOW + Span::hours(1) };
    let dear = Policy { cost_message_max: Some(50_000), ..automatic() };
    let total = Policy { cost_incident_max: Some(50_000), ..automatic() };
    let proven = Policy { proof_min: Proof::Verified, ..automatic() };
    for (way, policy, expected) in [
        (
            Way { stopped: Some("token refused".into()), ..w() },
            automatic(),
            "our account is stopped: token refused.",
        ),
        (
            Way { unreachable: Some("blocked us".into()), ..w() },
            automatic(),
            "the customer can't be reached there: blocked us.",
        ),
        (Way { consent: Consent::Withdrawn, ..w() }, automatic(), "the customer said stop there."),
        (Way { consent: Consent::None, ..w() }, automatic(), "no consent."),
        (Way { proof: Proof::Claimed, ..w() }, proven, "the address is only claimed."),
        (Way { window: closed, ..w() }, automatic(), "the reply window is closed."),
        (
            Way { window: closed, template: Some("we_go_on".into()), ..w() },
            automatic(),
            "chosen as template we_go_on, last used 2 hours ago.",
        ),
        (Way { window: human, ..w() }, automatic(), "chosen, last used 2 hours ago."),
        (Way { misfit: Some("it can't carry video".into()), ..w() }, automatic(), "it can't carry video."),
        (Way { cost: 80_000, ..w() }, dear, "it would cost 0.08, the limit is 0.05."),
        (Way { cost: 80_000, ..w() }, total, "it would cost 0.08, the limit is 0.05."),
    ] {
        let ways = vec![ways().swap_remove(0), way];
        let instagram = [fault(Phase::Confirmed, Scope::Channel("instagram".into()))];
        let told = told(&decide(&ways, &instagram, &policy));
        assert!(told.contains(&format!("whatsapp: {expected}")), "{expected}: {told:?}");
    }
}

#[test]
fn a_person_may_choose_the_faulty_channel_but_not_without_consent() {
    let instagram = [fault(Phase::Confirmed, Scope::Channel("instagram".into()))];
    let choose = |id: i64| {
        let (ways, policy) = (ways(), automatic());
        let wish = Some(Wish { identity: IdentityId(id), account: None });
        let route = (IdentityId(4), AccountId(40));
        plan(&Input {
            ways: &ways,
            route,
            faults: &instagram,
            policy: &policy,
            need: need(),
            explicit: wish,
            now: NOW,
        })
        .decision
    };
    assert!(matches!(choose(1), Decision::Carry { identity: IdentityId(1), .. }));
    assert!(matches!(choose(3), Decision::Hold { why: HoldWhy::NoWay, .. }), "no consent");
}

#[test]
fn quiet_hours_hold_unless_the_customer_waits_now() {
    let quiet = |from: &str, to: &str| {
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(String::from).to_vec();
        let open = vec![crate::rules::OpenHours { days, from: from.into(), to: to.into() }];
        Policy { quiet: Some(Quiet { tz: "Europe/Berlin".into(), open }), ..automatic() }
    };
    let instagram = [fault(Phase::Confirmed, Scope::Channel("instagram".into()))];
    let decide = |policy: &Policy, waiting_since| {
        assert_eq!(policy.check(|_| true), Ok(()));
        let (ways, route) = (ways(), (IdentityId(1), AccountId(10)));
        let need = Need { waiting_since, ..need() };
        plan(&Input { ways: &ways, route, faults: &instagram, policy, need, explicit: None, now: NOW })
            .decision
    };
    let ago = |minutes| Some(NOW - Span::mins(minutes));
    // It is 16:13 in Berlin; the first quarter of an hour that is not quiet begins two hours later.
    let afternoon = quiet("16:00", "18:00");
    let held = Decision::Hold { until: NOW + Span::mins(120), why: HoldWhy::Quiet };
    assert_eq!(decide(&afternoon, None), held);
    assert_eq!(decide(&afternoon, ago(61)), held);
    for (case, policy, waiting_since) in [
        ("the customer waits now", afternoon, ago(2)),
        ("it is not quiet", quiet("18:00", "20:00"), None),
        ("quiet all week: no end, no hold", quiet("00:00", "24:00"), None),
    ] {
        assert!(matches!(decide(&policy, waiting_since), Decision::Carry { .. }), "{case}");
    }
    let bad = Policy { order: vec!["pigeon".into()], ..automatic() };
    assert_eq!(bad.check(|_| false).unwrap_err().to_string(), "order: there is no channel called `pigeon`");
}

#[test]
fn the_first_line() {
    let policy = Policy {
        lines: [("pt".to_owned(), "{{channel}} caiu; {{ business }} aqui. {{ x }}".to_owned())].into(),
        ..automatic()
    };
    let said =
        |locale, link| first_line(policy.line(Some(locale), !str::is_empty(link)), "Instagram", "Acme", link);
    let own = "Instagram caiu; Acme aqui. {{ x }}";
    let plain = "Instagram is having trouble, so Acme is answering you here.";
    for (locale, link, line) in [
        ("pt-BR", "", own.to_owned()),
        ("pt-BR", "https://a.example/c/x", own.to_owned()),
        ("de", "", plain.to_owned()),
        (
            "de",
            "https://a.example/c/x",
            format!("{plain} You can also go on in our web chat: https://a.example/c/x"),
        ),
    ] {
        assert_eq!(said(locale, link), line, "{locale} {link}");
    }
    let asked = "We go on here, {{ business }}. {{link}}";
    assert_eq!(first_line(asked, "Instagram", "Acme", ""), "We go on here, Acme.");
    assert_eq!(first_line("a {{ link }} b\nc  d", "Instagram", "Acme", ""), "a b\nc d");
    assert_eq!(first_line("a\n\nb  c", "Instagram", "Acme", ""), "a\n\nb  c");
    assert!(wants_link(asked) && !wants_link(own));
}

#[test]
fn what_waits_never_moves_by_itself_to_who_merely_had_a_link() {
    let chat = |proof| Way {
        proof,
        window: Window::Unlimited,
        last_in_at: Some(NOW - Span::mins(1)),
        ..way(5, "webchat", AddressKind::Webchat, "self")
    };
    let only = |proof| vec![way(1, "instagram", AddressKind::Instagram, "meta"), chat(proof)];
    let down = [fault(Phase::Confirmed, Scope::Channel("instagram".into()))];
    let policy = Policy { hold_first_s: 0, ..automatic() };
    assert_eq!(carried(&decide(&only(Proof::Verified), &down, &policy)), Some("webchat"));
    let held = decide(&only(Proof::Invited), &down, &policy);
    assert!(matches!(held.decision, Decision::Hold { why: HoldWhy::NoWay, .. }), "{held:?}");
    let chosen = plan(&Input {
        ways: &only(Proof::Invited),
        route: (IdentityId(1), AccountId(10)),
        faults: &down,
        policy: &policy,
        need: need(),
        explicit: Some(Wish { identity: IdentityId(5), account: Some(AccountId(50)) }),
        now: NOW,
    });
    assert_eq!(carried(&chosen), Some("webchat"), "a person may");
}

#[test]
fn the_drain_takes_closing_windows_first_then_class_then_the_newest_of_an_old_backlog() {
    use crate::state::Class;
    let lane = |window: Option<i64>, class, last_in: i64, queued: i64| Waiting {
        window_until: window.map(|m| NOW + Span::mins(m)),
        class,
        last_in_at: Some(NOW - Span::mins(last_in)),
        queued_at: NOW - Span::mins(queued),
    };
    let order = |fresh: bool| {
        let age = if fresh { 10 } else { 1 };
        let mut lanes = [
            (lane(None, Class::Bulk, 5, 50 / age), "bulk"),
            (lane(None, Class::Live, 40, 40 / age), "older"),
            (lane(None, Class::Live, 30, 30 / age), "newer"),
            (lane(Some(90), Class::Bot, 60, 20 / age), "closes later"),
            (lane(Some(10), Class::Bulk, 60, 10 / age), "closes soon"),
        ];
        drain_order(&mut lanes, NOW);
        lanes.map(|(_, name)| name)
    };
    assert_eq!(order(false), ["closes soon", "closes later", "newer", "older", "bulk"]);
    assert_eq!(order(true), ["closes soon", "closes later", "older", "newer", "bulk"]);
}

#[test]
fn what_lost_its_meaning_does_not_go_out() {
    use crate::outbox::Next;
    use crate::state::Status;
    let ago = |minutes| NOW - Span::mins(minutes);
    for (case, author, queued, last_in, status, returned) in [
        ("fresh", Author::Person, ago(30), Some(ago(60)), Status::Open, None),
        ("stale", Author::Person, ago(121), Some(ago(200)), Status::Open, Some(true)),
        ("overtaken", Author::Person, ago(30), Some(ago(10)), Status::Open, Some(true)),
        ("a notice keeps", Author::Notice, ago(300), Some(ago(400)), Status::Open, None),
        ("a bulk message of a closed case", Author::Broadcast, ago(5), None, Status::Resolved, Some(false)),
    ] {
        let became =
            thin(author, queued, last_in, status, NOW).map(|next| matches!(next, Next::Returned { .. }));
        assert_eq!(became, returned, "{case}");
    }
}

fn any_way() -> impl Strategy<Value = Way> {
    let channel = prop_oneof![
        Just(("instagram", AddressKind::Instagram, "meta")),
        Just(("whatsapp", AddressKind::Phone, "meta")),
        Just(("telegram", AddressKind::Telegram, "telegram")),
        Just(("email", AddressKind::Email, "mail")),
    ];
    let window = prop_oneof![
        Just(Window::Unlimited),
        Just(Window::Open { until: NOW + Span::mins(5) }),
        Just(Window::HumanOnly { until: NOW + Span::mins(5) }),
        Just(Window::Closed),
    ];
    let consent = prop_oneof![
        Just(Consent::None),
        Just(Consent::WroteThere),
        Just(Consent::Granted),
        Just(Consent::Withdrawn)
    ];
    (1..6_i64, channel, window, consent, any::<(bool, bool, bool)>()).prop_map(
        |(id, (name, kind, fate), window, consent, (template, misfit, stopped))| Way {
            window,
            consent,
            template: template.then(|| "we_go_on".into()),
            misfit: misfit.then(|| "too large".into()),
            stopped: stopped.then(|| "token refused".into()),
            ..way(id, name, kind, fate)
        },
    )
}

#[test]
fn a_lane_that_stays_says_what_speaks_against_its_way() {
    let mut ways = ways();
    ways[0].stopped = Some("the token was refused".to_owned());
    let made = decide(&ways, &[], &automatic());
    assert_eq!(made.decision, Decision::Stay);
    let verdict = made.verdicts.iter().find(|verdict| verdict.account == AccountId(10)).expect("its own way");
    assert_eq!(verdict.why, Some(Why::AccountStopped { reason: "the token was refused".to_owned() }));
}

#[test]
fn what_was_left_behind_follows_the_customer_who_turned_the_route() {
    let (ways, policy) = (ways(), Policy::default());
    let faults = [fault(Phase::Confirmed, Scope::Channel("instagram".into()))];
    let decide = |route: i64, left_behind| {
        plan(&Input {
            ways: &ways,
            route: (IdentityId(route), AccountId(route * 10)),
            faults: &faults,
            policy: &policy,
            need: Need { left_behind, ..need() },
            explicit: None,
            now: NOW,
        })
        .decision
    };
    let (identity, account) = (IdentityId(4), AccountId(40));
    assert_eq!(decide(4, true), Decision::Carry { identity, account, template: None, line: false });
    assert_eq!(decide(4, false), Decision::Stay);
    // No consent there: it stays held where it is.
    assert_eq!(decide(3, true), Decision::Stay);
}

proptest! {
    /// I6, and every way has its verdict.
    #[test]
    fn what_is_chosen_is_allowed(
        ways in prop::collection::vec(any_way(), 0..6),
        scope in prop_oneof![
            Just(Scope::Channel("instagram".into())), Just(Scope::Company("meta".into())), Just(Scope::Network),
            (1..6_i64).prop_map(|id| Scope::Account(AccountId(id * 10)))
        ],
        author in prop_oneof![Just(Author::Person), Just(Author::Bot)],
        explicit in prop::option::of(1..6_i64),
    ) {
        let faults = [fault(Phase::Confirmed, scope)];
        let explicit = explicit.map(|id| Wish { identity: IdentityId(id), account: (id % 2 == 0).then_some(AccountId(id * 10)) });
        let policy = automatic();
        let need = Need { author, ..need() };
        let route = (IdentityId(1), AccountId(10));
        let made = plan(&Input { ways: &ways, route, faults: &faults, policy: &policy, need, explicit, now: NOW });
        prop_assert_eq!(made.verdicts.len(), ways.len());
        if let Decision::Carry { identity, account, .. } = made.decision {
            let taken: Vec<&Way> = ways.iter().filter(|w| (w.identity, w.account) == (identity, account)).collect();
            prop_assert!(taken.iter().any(|way| route_allowed(&faults, way, author, explicit.is_some())));
        }
    }
}
