//! How often things go wrong, drawn per seed; some are off altogether, so that others are seen alone.

use crate::rng::Rng;

/// Rates in thousandths unless they say otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// At each point where a process can die.
    pub(crate) crash: u32,
    /// Of the crashes, those that take the disk's unsynced writes with them.
    pub(crate) power_cut: u32,
    /// Executed, and the answer does not arrive.
    pub(crate) lost_answer: u32,
    /// Not executed, and no answer arrives.
    pub(crate) lost_call: u32,
    pub(crate) throttle: u32,
    /// Refusals that take their time.
    pub(crate) slow: u32,
    pub(crate) refuse: u32,
    pub(crate) bad_token: u32,
    /// Chance that an outage begins, per customer message.
    pub(crate) outage: u32,
    /// Webhooks that come twice.
    pub(crate) duplicate: u32,
    /// Longest way of a webhook in milliseconds: reorders them.
    pub(crate) webhook_millis: i64,
    /// Receipts and echoes that overtake the answer.
    pub(crate) early: u32,
    /// Acknowledgements that the platform does not hear.
    pub(crate) lost_ack: u32,
    pub(crate) clock_jump: u32,
    /// Journal syncs that fail.
    pub(crate) bad_sync: u32,
    /// The journal's disk is full for a while.
    pub(crate) full_disk: u32,
    /// Customers who go quiet for longer than a reply window.
    pub(crate) quiet: u32,
    /// Corrections, withdrawals and reactions, per customer message.
    pub(crate) second_thoughts: u32,
    /// Answers by people, per customer message.
    pub(crate) people: u32,
    /// Customers who answer where they were reached, on a channel that they did not write from.
    pub(crate) answers: u32,
}

impl Faults {
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let mut rate = |most: u32| if rng.chance(650) { rng.below(most as usize + 1) as u32 } else { 0 };
        Self {
            crash: rate(25),
            power_cut: rate(700),
            lost_answer: rate(150),
            lost_call: rate(100),
            throttle: rate(150),
            slow: rate(500),
            refuse: rate(80),
            bad_token: rate(15),
            outage: rate(200),
            duplicate: rate(300),
            // Some are later than any outcome stays open.
            webhook_millis: 20 + i64::from(rate(20_000)) * i64::from(1 + rate(1) * 11),
            early: rate(600),
            lost_ack: rate(150),
            clock_jump: rate(20),
            bad_sync: rate(30),
            full_disk: rate(15),
            quiet: rate(100),
            second_thoughts: rate(300),
            people: rate(500),
            answers: rate(700),
        }
    }

    /// Nothing goes wrong.
    pub(crate) fn none() -> Self {
        Self { webhook_millis: 50, ..Self::default() }
    }
}
