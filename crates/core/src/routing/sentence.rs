//! Plans as sentences that people read.

use super::{Decision, HoldWhy, Verdict, Why};
use crate::health::Scope;
use crate::time::{Span, Timestamp};

/// People's words for ids.
pub trait Names {
    /// Of a channel, e.g. `WhatsApp`.
    fn channel(&self, word: &str) -> String;
    /// Of a scope, e.g. `Instagram`, `Meta`, `our account @acme`.
    fn scope(&self, scope: &Scope) -> String;
    /// Of an amount in millionths of the currency.
    fn cost(&self, millionths: i64) -> String;
}

/// E.g. "WhatsApp: same company as incident 12 (Meta)."
pub fn verdict_sentence(verdict: &Verdict, names: &impl Names, now: Timestamp) -> String {
    let channel = names.channel(&verdict.channel);
    let Some(why) = &verdict.why else {
        let template = verdict.template.as_ref().map(|t| format!(" as template {t}")).unwrap_or_default();
        let last =
            verdict.last_in_at.map(|at| format!(", last used {}", ago(now.since(at)))).unwrap_or_default();
        return format!("{channel}: chosen{template}{last}.");
    };
    let reason = match why {
        Why::SameFault { incident, scope: Scope::Company(_), undecided: true } => {
            format!("the same company as incident {incident}, and it is not clear yet how far that reaches")
        }
        Why::SameFault { incident, scope, .. } => {
            format!("inside incident {incident} ({})", names.scope(scope))
        }
        Why::AccountStopped { reason } => format!("our account is stopped: {reason}"),
        Why::Unreachable { reason } => format!("the customer can't be reached there: {reason}"),
        Why::Withdrawn => "the customer said stop there".to_owned(),
        Why::NoConsent => "no consent".to_owned(),
        Why::Unproven { proof } => format!("the address is only {}", proof.as_str()),
        Why::WindowClosed => "the reply window is closed".to_owned(),
        Why::NeedsTemplate => "the reply window is closed for this, and no template is set".to_owned(),
        Why::CannotCarry { reason } => reason.clone(),
        Why::TooDear { cost, limit } => {
            format!("it would cost {}, the limit is {}", names.cost(*cost), names.cost(*limit))
        }
        Why::Excluded => "not used as a backup, by your policy".to_owned(),
        Why::Second => "possible, another way is better".to_owned(),
    };
    format!("{channel}: {reason}.")
}

/// What was decided, e.g. "Held until 14:32: no other way is allowed."
pub fn decision_sentence(decision: &Decision) -> String {
    match decision {
        Decision::Stay => "Stays on its channel.".to_owned(),
        Decision::Carry { .. } => "Carried on over another channel.".to_owned(),
        Decision::Hold { why, .. } => hold_sentence(*why).to_owned(),
    }
}

/// Why a lane waits.
pub const fn hold_sentence(why: HoldWhy) -> &'static str {
    match why {
        HoldWhy::Suspect => "Held: the channel may be down, and it is being checked.",
        HoldWhy::HoldFirst => "Held for now: many disturbances are over within minutes.",
        HoldWhy::Quiet => "Held until the quiet hours end.",
        HoldWhy::NoWay => "Held: no other way to this customer is allowed.",
        HoldWhy::NotLive => "Held until the channel is back: the customer has not written lately.",
    }
}

fn ago(span: Span) -> String {
    let minutes = (span.as_micros() / Span::mins(1).as_micros()).max(0);
    let (n, unit) = match minutes {
        0..2 => return "just now".to_owned(),
        2..120 => (minutes, "minutes"),
        120..2_880 => (minutes / 60, "hours"),
        _ => (minutes / 1_440, "days"),
    };
    format!("{n} {unit} ago")
}
