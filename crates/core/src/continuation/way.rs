//! Over which address a code is sent.

use crate::event::AddressKind;
use crate::health::Phase;
use crate::ids::IdentityId;
use crate::outbox::Window;
use crate::routing::{Consent, Fault, Way};
use crate::state::Proof;

/// Who asks for a code.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The address that the link was sent to, if it was sent by us: reading there again says least, so it comes last.
    pub linked: Option<IdentityId>,
    /// Addresses that came to the contact after the link was opened: the visitor may have brought them, so they prove nothing.
    pub newer: &'a [IdentityId],
}

/// No address can prove anything now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no other verified address of this contact can take a code now")]
pub struct NoWay;

/// The way that a code takes: a verified address on another channel that works, outside the attributed scope of every open
/// incident, with consent, inside its window. Never a web chat: it is what asks.
pub fn choose<'w>(ways: &'w [Way], faults: &[Fault], asking: Asking<'_>) -> Result<&'w Way, NoWay> {
    ways.iter()
        .filter(|way| fit_for_code(way, faults) && !asking.newer.contains(&way.identity))
        .min_by_key(|way| {
            let linked = asking.linked == Some(way.identity);
            (linked, std::cmp::Reverse(way.last_in_at), way.cost, way.identity, way.account)
        })
        .ok_or(NoWay)
}

fn fit_for_code(way: &Way, faults: &[Fault]) -> bool {
    // Stricter than routing: a fault of any kind, and one that is just over, could delay the code past its life.
    let faulty = faults.iter().any(|fault| fault.phase != Phase::Closed && fault.holds(way));
    way.kind != AddressKind::Webchat
        && way.proof == Proof::Verified
        && !faulty
        && way.stopped.is_none()
        && way.unreachable.is_none()
        && matches!(way.consent, Consent::WroteThere | Consent::Granted)
        && matches!(way.window, Window::Unlimited | Window::Open { .. })
        && way.misfit.is_none()
}
