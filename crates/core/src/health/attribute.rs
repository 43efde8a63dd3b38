//! For whom it is down: the scope that explains the evidence best, and how sure (outage model, 2.7).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::detector::{Member, Weight};
use super::evidence::EFFECTS;
use super::{Direction, Scope};

/// Beyond this share left outside, a scope counts as unclear and the next wider one is taken for routing (I6).
const UNCLEAR_ABOVE: f64 = 0.10;

/// No single member may shout the others down.
const SOFT_NATS: f64 = 12.0;

/// One explanation and its share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Likely {
    pub scope: Scope,
    /// 0 to 1; all shares of an attribution add up to 1.
    pub share: f64,
}

/// Explanations, likeliest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Attribution(pub Vec<Likely>);

impl Attribution {
    /// A person's word, or the only possibility: one scope, sure.
    pub fn certain(scope: Scope) -> Self {
        Self(vec![Likely { scope, share: 1.0 }])
    }

    /// The likeliest scope. `None` only where nothing was ever weighed.
    pub fn top(&self) -> Option<&Scope> {
        self.0.first().map(|likely| &likely.scope)
    }

    /// Its share.
    pub fn sure(&self) -> f64 {
        self.0.first().map_or(0.0, |likely| likely.share)
    }

    /// The *attributed scope* that routing keeps out of (I6): the likeliest one, widened along account, channel, company for as
    /// long as more than a tenth of the probability lies outside. So an unclear scope within one company counts as the company.
    pub fn attributed(&self, members: &[Member]) -> Option<Scope> {
        let mut scope = self.top()?.clone();
        loop {
            let outside: f64 = self
                .0
                .iter()
                .filter(|likely| !covers(&scope, &likely.scope, members))
                .map(|likely| likely.share)
                .sum();
            if outside <= UNCLEAR_ABOVE {
                return Some(scope);
            }
            let wider = self
                .0
                .iter()
                .map(|likely| &likely.scope)
                .filter(|wider| rank(wider) > rank(&scope) && covers(wider, &scope, members))
                .min_by_key(|wider| rank(wider));
            match wider {
                Some(wider) => scope = wider.clone(),
                None => return Some(scope),
            }
        }
    }
}

const fn rank(scope: &Scope) -> u8 {
    match scope {
        Scope::Account(_) => 0,
        Scope::Channel(_) => 1,
        Scope::Company(_) => 2,
        Scope::Network => 3,
    }
}

/// Whether everything in `narrow` lies in `wide`.
pub(super) fn covers(wide: &Scope, narrow: &Scope, members: &[Member]) -> bool {
    if wide == narrow {
        return true;
    }
    if rank(wide) <= rank(narrow) {
        return false;
    }
    let mut inside = members.iter().filter(|member| narrow.holds(member)).peekable();
    inside.peek().is_some() && inside.all(|member| wide.holds(member))
}

/// Prior weight per month of a fault of this scope (outage model, 2.7). Guesses until the hub has a history of its own.
const fn prior(scope: &Scope, direction: Direction) -> f64 {
    match (direction, scope) {
        (Direction::Auth, Scope::Account(_)) => 1.0 / 3.0,
        (Direction::Auth, Scope::Channel(_) | Scope::Company(_)) => 1.0 / 24.0,
        (_, Scope::Network) => 1.0,
        (_, Scope::Channel(_)) => 1.0 / 2.0,
        (_, Scope::Company(_)) => 1.0 / 4.0,
        (_, Scope::Account(_)) => 1.0 / 12.0,
    }
}

/// Weighs the scopes that could explain what the accounts showed since the onset. Each member comes with what it
/// showed; `canary` the sum of the network's own canary, where there is one.
pub(super) fn attribute(
    direction: Direction,
    members: &[(Member, Weight)],
    canary: Option<f64>,
) -> Attribution {
    let suspects: Vec<&Member> =
        members.iter().filter(|(_, weight)| weight.is_bad()).map(|(member, _)| member).collect();
    let mut scopes = BTreeSet::new();
    for member in &suspects {
        scopes.insert(Scope::Account(member.account));
        scopes.insert(Scope::Channel(member.channel.clone()));
        scopes.extend(member.fate.iter().cloned().map(Scope::Company));
    }
    // Without a canary's word, only a second company's trouble makes our own network an explanation worth naming.
    let companies: BTreeSet<&str> =
        suspects.iter().filter_map(|m| m.fate.first().map(String::as_str)).collect();
    if direction == Direction::Send && (canary.is_some() || companies.len() > 1) {
        scopes.insert(Scope::Network);
    }
    let scored: Vec<(Scope, f64)> = scopes
        .into_iter()
        .map(|scope| {
            let fit = (0..EFFECTS.len())
                .map(|e| {
                    let inside = members.iter().filter(|(member, _)| scope.holds(member));
                    inside.map(|(_, weight)| soft(weight.about(&scope)[e])).sum()
                })
                .fold(f64::NEG_INFINITY, f64::max);
            let own = if scope == Scope::Network { canary.unwrap_or(0.0) } else { 0.0 };
            let score = prior(&scope, direction).ln() + fit + own;
            (scope, score)
        })
        .collect();
    softmax(scored)
}

fn soft(sum: f64) -> f64 {
    sum.signum() * SOFT_NATS * (1.0 + sum.abs() / SOFT_NATS).ln()
}

fn softmax(mut scored: Vec<(Scope, f64)>) -> Attribution {
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let Some(highest) = scored.first().map(|(_, score)| *score) else { return Attribution::default() };
    let weights: Vec<f64> = scored.iter().map(|(_, score)| (score - highest).exp()).collect();
    let total: f64 = weights.iter().sum();
    Attribution(
        scored
            .into_iter()
            .zip(weights)
            .map(|((scope, _), weight)| Likely { scope, share: weight / total })
            .collect(),
    )
}
