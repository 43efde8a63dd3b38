//! One press takes a component, or everything, of a platform or of a whole company down.
//!
//! A press becomes ordinary [`Fault`]s, with the kinds of failure that its components are seen to have in real outages:
//! sending is refused, what should come in is kept and comes late, reading back fails, logging in fails.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::account::Platform;
use crate::fault::{self, Component, Fault, Kind};
use crate::world::World;

/// What of a platform is taken down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Calls that send.
    Send,
    /// Customers' messages to the business.
    Receive,
    /// Sent, delivered, read, failed, and echoes.
    Receipts,
    /// Reading back.
    History,
    /// Checking tokens, and with it every call.
    Auth,
    /// Everything: no call works and nothing comes in.
    All,
}

impl Part {
    /// Every part that can be named, in the order people read them.
    pub const EACH: [Self; 5] = [Self::Send, Self::Receive, Self::Receipts, Self::History, Self::Auth];

    fn component(self) -> Option<Component> {
        Some(match self {
            Self::Send => Component::Send,
            Self::Receive => Component::Receive,
            Self::Receipts => Component::Receipts,
            Self::History => Component::History,
            Self::Auth => Component::Auth,
            Self::All => return None,
        })
    }
}

/// A press. Platform, company or account says where; with an account the other two may be left out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Press {
    /// One platform.
    #[serde(default)]
    pub platform: Option<Platform>,
    /// Every platform of a company, e.g. `meta`.
    #[serde(default)]
    pub company: Option<String>,
    /// Only this account (the id given at registration).
    #[serde(default)]
    pub account: Option<String>,
    /// Only what is read of this customer; `history` alone can fail so.
    #[serde(default)]
    pub customer: Option<String>,
    /// What fails.
    pub component: Part,
    /// How; chosen by component if absent.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// Share of the calls and webhooks hit, 0 to 1; all if absent.
    #[serde(default)]
    pub share: Option<f64>,
    /// Begins so many milliseconds from now.
    #[serde(default)]
    pub start_in_ms: u64,
    /// Ends so many milliseconds after it began; lasts until removed if absent.
    #[serde(default)]
    pub for_ms: Option<u64>,
}

/// Takes it down: all of the press's faults, or none. Returns their ids. Fails if nothing of the kind is registered, or the kind
/// can't happen to the component.
pub(crate) fn press(world: &Arc<World>, press: &Press) -> Result<Vec<u64>, Error> {
    let platforms = platforms(world, press)?;
    let mut faults = Vec::new();
    for platform in platforms {
        for (component, kind) in kinds(press)? {
            faults.push(Fault {
                platform,
                account: press.account.clone(),
                customer: press.customer.clone(),
                component,
                kind,
                rate: press.share.unwrap_or(1.0),
                latency_ms: None,
                start_in_ms: press.start_in_ms,
                for_ms: press.for_ms,
            });
        }
    }
    faults.iter().try_for_each(|one| fault::check(world, one))?;
    faults.into_iter().map(|one| fault::inject(world, one)).collect()
}

fn platforms(world: &World, press: &Press) -> Result<Vec<Platform>, Error> {
    let refused = |why: String| Err(Error::Refused(why));
    let of_account = match &press.account {
        None => None,
        Some(id) => match world.state().accounts.get(id) {
            Some(account) => Some(account.view.platform),
            None => return refused(format!("no account {id}")),
        },
    };
    let platforms = match (press.platform, press.company.as_deref(), of_account) {
        (Some(_), Some(_), _) => return refused("say platform or company, not both".to_owned()),
        (Some(platform), None, _) => vec![platform],
        (None, Some(company), _) => {
            Platform::ALL.into_iter().filter(|platform| platform.company() == company).collect()
        }
        (None, None, Some(platform)) => vec![platform],
        (None, None, None) => return refused("say which platform, company or account".to_owned()),
    };
    if platforms.is_empty() {
        let company = press.company.as_deref().unwrap_or_default();
        return refused(format!("no company {company} has a platform here"));
    }
    match of_account {
        None => Ok(platforms),
        Some(platform) if platforms.contains(&platform) => Ok(vec![platform]),
        Some(platform) => refused(format!("that account lives on {}", platform.name())),
    }
}

/// What is to fail, and how.
fn kinds(press: &Press) -> Result<Vec<(Component, Kind)>, Error> {
    if let Some(component) = press.component.component() {
        let kind = press.kind.unwrap_or_else(|| usual(component, press.account.is_some()));
        if !kind.fits(component) {
            let text = format!("{kind:?} can't happen to {component:?}; leave kind out, or see fault kinds");
            return Err(Error::Refused(text));
        }
        return Ok(vec![(component, kind)]);
    }
    // A fault of the login hits every call there is, so these three are everything.
    let everything = [Component::Auth, Component::Receive, Component::Receipts];
    let chosen = everything.map(|component| {
        let fits = press.kind.filter(|kind| kind.fits(component));
        // All of a platform is down by itself, not because of anybody's credential.
        (component, fits.unwrap_or_else(|| usual(component, false)))
    });
    Ok(chosen.to_vec())
}

/// How a component fails when nobody says.
fn usual(component: Component, one_account: bool) -> Kind {
    match component {
        Component::Send | Component::History => Kind::Error,
        Component::Receive | Component::Receipts => Kind::Hold,
        // A platform's login breaks for everybody; a single account's credential is taken away.
        Component::Auth if one_account => Kind::Revoked,
        Component::Auth => Kind::Error,
    }
}
