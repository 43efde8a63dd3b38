//! Outages by component: for one account, a channel, a company, or our own way out; whole or partial, steady or flapping.

use everthread_core::directory::AccountInfo;
use everthread_core::ids::AccountId;
use everthread_core::time::{Span, Timestamp};

use crate::rng::Rng;
use crate::scene::Scene;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Component {
    /// Calls are refused, and it says that nothing was done.
    Send,
    /// Calls are carried out, and the answer does not say so.
    Answers,
    /// Calls are accepted, and what they carry arrives when it is over, or never.
    Stuck,
    /// What arrives is not reported, or only when it is over.
    Receipts,
    /// What customers write comes in when it is over, or never.
    Inbound,
    /// Credentials are refused.
    Auth,
}

const COMPONENTS: [Component; 6] = [
    Component::Send,
    Component::Answers,
    Component::Stuck,
    Component::Receipts,
    Component::Inbound,
    Component::Auth,
];

/// For whom.
#[derive(Clone, Debug)]
enum Reach {
    Account(AccountId),
    Channel(String),
    Company(String),
    /// No way out of our house.
    Network,
}

#[derive(Clone, Debug)]
pub(crate) struct Outage {
    reach: Reach,
    pub(crate) component: Component,
    from: Timestamp,
    pub(crate) until: Timestamp,
    /// On and off in turn, each for so long.
    flap: Option<Span>,
    /// Of the calls that it concerns, in thousandths.
    share: u32,
    /// Probes of the API show nothing of it.
    hidden: bool,
}

impl Outage {
    fn draw(scene: &Scene, now: Timestamp, rng: &mut Rng) -> Option<Self> {
        let others: Vec<_> = scene.accounts.iter().filter(|info| info.channel != "webchat").collect();
        let info = rng.pick(&others)?;
        let reach = match rng.below(8) {
            0 | 1 => Reach::Account(info.id),
            2..=4 => Reach::Channel(info.channel.clone()),
            5 | 6 => Reach::Company(info.fate.first().cloned().unwrap_or_default()),
            _ => Reach::Network,
        };
        let component = match reach {
            Reach::Network => Component::Send,
            _ => rng.pick(&COMPONENTS).copied().unwrap_or(Component::Send),
        };
        let length = rng.millis(5_000, 300_000);
        let flap = rng.chance(200).then(|| rng.millis(2_000, 40_000));
        let share = if rng.chance(300) { 300 + rng.below(600) as u32 } else { 1_000 };
        Some(Self { reach, component, from: now, until: now + length, flap, share, hidden: rng.chance(400) })
    }

    fn holds(&self, info: &AccountInfo, now: Timestamp) -> bool {
        let reached = match &self.reach {
            Reach::Account(id) => *id == info.id,
            Reach::Channel(channel) => *channel == info.channel,
            Reach::Company(group) => info.fate.contains(group),
            Reach::Network => info.channel != "webchat",
        };
        let on = self.flap.is_none_or(|flap| {
            let passed = now.since(self.from).as_micros();
            passed.div_euclid(flap.as_micros().max(1)) % 2 == 0
        });
        reached && on && (self.from..self.until).contains(&now)
    }
}

/// All that is broken now.
#[derive(Debug, Default)]
pub(crate) struct Outages(Vec<Outage>);

impl Outages {
    /// One more begins.
    pub(crate) fn begin(&mut self, scene: &Scene, now: Timestamp, rng: &mut Rng) {
        self.0.retain(|outage| outage.until > now);
        self.0.extend(Outage::draw(scene, now, rng));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The outage of this component that meets this call or event.
    pub(crate) fn hit(
        &self,
        component: Component,
        info: &AccountInfo,
        (now, rng): (Timestamp, &mut Rng),
    ) -> Option<&Outage> {
        self.0.iter().find(|outage| {
            outage.component == component && outage.holds(info, now) && rng.chance(outage.share)
        })
    }

    /// Whether a probe of the API is refused, and whether it is the credential that is.
    pub(crate) fn probe(&self, info: &AccountInfo, now: Timestamp) -> Option<Component> {
        let seen =
            |component| self.0.iter().any(|o| o.component == component && !o.hidden && o.holds(info, now));
        [Component::Auth, Component::Send].into_iter().find(|component| seen(*component))
    }
}
