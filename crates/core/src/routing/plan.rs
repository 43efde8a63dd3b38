//! The decision.

use super::{Consent, Decision, Fault, HoldWhy, Input, Mode, Plan, Verdict, Way, Why};
use crate::health::Phase;
use crate::invariants::route_allowed;
use crate::outbox::{Author, Window};
use crate::state::Proof;
use crate::time::{Span, Timestamp};

/// A customer who wrote within this time waits in front of the screen: quiet hours do not hold the answer back.
const WAITS_NOW: Span = Span::mins(60);

/// A hold without another date is looked at again after this time.
const LOOK_AGAIN: Span = Span::mins(10);

/// Weighs every way and decides. The plan is complete: it holds a verdict for every way given.
pub fn plan(input: &Input<'_>) -> Plan {
    let mut weighed: Vec<(Rank, &Way, Option<Why>)> =
        input.ways.iter().map(|way| (rank(input, way), way, against(input, way))).collect();
    weighed.sort_by(|a, b| (a.2.is_some(), &a.0).cmp(&(b.2.is_some(), &b.0)));
    let on_route = |way: &Way| (way.identity, way.account) == input.route;
    let fault = input.ways.iter().find(|way| on_route(way)).and_then(|way| worst(input.faults, way));
    let chosen = match (input.explicit, fault) {
        (Some(wish), _) => {
            weighed.iter().position(|(_, way, why)| wish.means(way.identity, way.account) && why.is_none())
        }
        (None, None) => weighed.iter().position(|(_, way, why)| on_route(way) && why.is_none()),
        (None, Some(_)) => weighed.iter().position(|(_, way, why)| why.is_none() && !on_route(way)),
    };
    let decision = decide(input, fault, chosen.map(|at| weighed[at].1));
    let carried = match &decision {
        Decision::Carry { identity, account, .. } => Some((*identity, *account)),
        // Where something speaks against the route itself, it says so.
        Decision::Stay => chosen.map(|_| input.route),
        Decision::Hold { .. } => None,
    };
    let verdicts = weighed
        .into_iter()
        .map(|(_, way, why)| {
            let chosen = carried == Some((way.identity, way.account));
            let why = if chosen { None } else { Some(why.unwrap_or(Why::Second)) };
            Verdict {
                identity: way.identity,
                account: way.account,
                channel: way.channel.clone(),
                chosen,
                why,
                template: needed_template(input, way).filter(|_| chosen),
                last_in_at: way.last_in_at,
                cost: way.cost,
            }
        })
        .collect();
    Plan { decision, verdicts }
}

fn decide(input: &Input<'_>, fault: Option<&Fault>, chosen: Option<&Way>) -> Decision {
    let hold = |until: Timestamp, why| Decision::Hold { until, why };
    let again = input.now + LOOK_AGAIN;
    if input.explicit.is_none() {
        let Some(fault) = fault else { return stay(input, chosen) };
        if fault.phase == Phase::Suspect {
            return hold(again, HoldWhy::Suspect);
        }
        let first = fault.suspected_at + input.policy.hold_first();
        if first > input.now {
            return hold(first, HoldWhy::HoldFirst);
        }
        if input.policy.mode == Mode::Off {
            return hold(again, HoldWhy::NoWay);
        }
        let live = Span::hours(i64::from(input.policy.live_hours));
        if input.need.last_in_at.is_none_or(|at| input.now.since(at) > live) {
            return hold(again, HoldWhy::NotLive);
        }
        let waits = input.need.waiting_since.is_some_and(|at| input.now.since(at) <= WAITS_NOW);
        if !waits && let Some(until) = input.policy.quiet_until(input.now) {
            return hold(until, HoldWhy::Quiet);
        }
    }
    let Some(way) = chosen else { return hold(again, HoldWhy::NoWay) };
    debug_assert!(route_allowed(input.faults, way, input.need.author, input.explicit.is_some()));
    if (way.identity, way.account) == input.route {
        return Decision::Stay;
    }
    Decision::Carry {
        identity: way.identity,
        account: way.account,
        template: needed_template(input, way),
        line: !input.need.carried,
    }
}

/// The route is fine. What still waits for another one follows the customer, where it may.
fn stay(input: &Input<'_>, chosen: Option<&Way>) -> Decision {
    // It was written for the customer, not for who merely had a link.
    match chosen.filter(|way| input.need.left_behind && way.proof != Proof::Invited) {
        Some(way) => Decision::Carry {
            identity: way.identity,
            account: way.account,
            template: needed_template(input, way),
            line: false,
        },
        None => Decision::Stay,
    }
}

/// The template it would take.
fn needed_template(input: &Input<'_>, way: &Way) -> Option<String> {
    let open = match way.window {
        Window::Unlimited | Window::Open { .. } => true,
        Window::HumanOnly { .. } => input.need.author == Author::Person && input.need.text_only,
        Window::Closed => false,
    };
    if open { None } else { way.template.clone() }
}

/// The most advanced fault that holds a way.
fn worst<'a>(faults: &'a [Fault], way: &Way) -> Option<&'a Fault> {
    faults
        .iter()
        .filter(|fault| fault.direction.stops_sending() && fault.holds(way))
        .filter(|fault| matches!(fault.phase, Phase::Suspect | Phase::Confirmed))
        .max_by_key(|fault| fault.phase)
}

/// What speaks against a way; the first of these is told.
fn against(input: &Input<'_>, way: &Way) -> Option<Why> {
    let explicit = input.explicit.is_some_and(|wish| wish.means(way.identity, way.account));
    let on_route = (way.identity, way.account) == input.route;
    if !explicit && let Some(fault) = worst(input.faults, way) {
        let (incident, scope) = (fault.number, fault.attributed.clone());
        return Some(Why::SameFault { incident, scope, undecided: fault.undecided });
    }
    if let Some(reason) = &way.stopped {
        return Some(Why::AccountStopped { reason: reason.clone() });
    }
    if let Some(reason) = &way.unreachable {
        return Some(Why::Unreachable { reason: reason.clone() });
    }
    match way.consent {
        Consent::Withdrawn => return Some(Why::Withdrawn),
        Consent::None => return Some(Why::NoConsent),
        Consent::WroteThere | Consent::Granted => {}
    }
    if !explicit && !on_route {
        // What waits was written for the customer: it goes to nobody who merely had a link.
        if way.proof < input.policy.proof_min || way.proof == Proof::Invited {
            return Some(Why::Unproven { proof: way.proof });
        }
        if input.policy.exclude.contains(&way.channel) {
            return Some(Why::Excluded);
        }
        if let Some(limit) = input.policy.cost_message_max.filter(|limit| way.cost > *limit) {
            return Some(Why::TooDear { cost: way.cost, limit });
        }
        let total = input.need.spent.saturating_add(way.cost);
        if let Some(limit) = input.policy.cost_incident_max.filter(|limit| way.cost > 0 && total > *limit) {
            return Some(Why::TooDear { cost: total, limit });
        }
    }
    match way.window {
        Window::Unlimited | Window::Open { .. } => {}
        Window::HumanOnly { .. } if input.need.author == Author::Person && input.need.text_only => {}
        _ if way.template.is_some() => {}
        Window::HumanOnly { .. } => return Some(Why::NeedsTemplate),
        Window::Closed => return Some(Why::WindowClosed),
    }
    way.misfit.clone().map(|reason| Why::CannotCarry { reason })
}

/// Lower is better: the policy's order, the contact's wish, no template, proof, recency, cost.
type Rank = (usize, bool, bool, std::cmp::Reverse<Proof>, std::cmp::Reverse<Option<Timestamp>>, i64);

fn rank(input: &Input<'_>, way: &Way) -> Rank {
    let place = input.policy.order.iter().position(|channel| *channel == way.channel).unwrap_or(usize::MAX);
    (
        place,
        !way.preferred,
        needed_template(input, way).is_some(),
        std::cmp::Reverse(way.proof),
        std::cmp::Reverse(way.last_in_at),
        way.cost,
    )
}
