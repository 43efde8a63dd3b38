//! Incidents in words a shop owner understands. Honest: one account's evidence never says "for everybody".

use super::attribute::Attribution;
use super::incident::Incident;
use super::{Direction, Scope};

/// What is down, e.g. "Instagram: sending fails". `name` gives the people's word for an account, channel or company.
pub fn what(incident: &Incident, name: impl Fn(&Scope) -> String) -> String {
    let what = match incident.direction {
        Direction::Send => "sending fails",
        Direction::Auth => "sign-in is refused",
        Direction::Delivery => "messages are accepted and do not arrive",
        Direction::Webhook => "messages come in late or not at all",
        Direction::Inbound => "nothing comes in",
    };
    let scope = incident.scope().map_or_else(|| "A channel".to_owned(), &name);
    let seen = match (incident.scope(), incident.declared, incident.accounts_hit()) {
        (_, true, _) => " (declared by a person)",
        (Some(Scope::Channel(_) | Scope::Company(_)), false, 1) => " (seen on one of our accounts only)",
        _ => "",
    };
    format!("{scope}: {what}{seen}")
}

/// Explanations less likely than this are not told.
pub const SHARE_TOLD: f64 = 0.02;

/// How sure, e.g. "71 % Instagram, 27 % this account". Explanations under [`SHARE_TOLD`] are left out.
pub fn sure(attribution: &Attribution, name: impl Fn(&Scope) -> String) -> String {
    attribution
        .0
        .iter()
        .filter(|likely| likely.share >= SHARE_TOLD)
        .map(|likely| format!("{:.0} % {}", likely.share * 100.0, name(&likely.scope)))
        .collect::<Vec<_>>()
        .join(", ")
}
