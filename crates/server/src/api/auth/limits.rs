//! How often login and other public endpoints may be asked.

use std::net::IpAddr;
use std::num::NonZeroU32;

use everthread_core::ids::UserId;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::api::error::ApiError;

/// Tries per e-mail address: five at once, then one every 12 s. A person mistypes; a guesser gets 7,200 a day.
const PER_EMAIL: Quota = Quota::per_minute(NonZeroU32::new(5).expect("five is not zero"));

/// Codes of a second factor per person: five at once, then one a minute. A guesser who knows the password gets 1,445
/// tries a day at three codes in a million each: about 0.4 %.
const PER_PERSON: Quota = Quota::per_minute(NonZeroU32::new(1).expect("one is not zero"))
    .allow_burst(NonZeroU32::new(5).expect("five is not zero"));

/// Requests to public endpoints per network address: an office behind one address must fit.
const PER_ADDRESS: Quota = Quota::per_second(NonZeroU32::new(5).expect("five is not zero"))
    .allow_burst(NonZeroU32::new(60).expect("sixty is not zero"));

/// Keys kept before stale ones are dropped; a key takes some 100 bytes.
const KEYS_MAX: usize = 10_000;

/// Rate limits of endpoints that anybody can reach. Monotonic time, in memory: a restart forgives.
#[derive(Debug)]
pub struct Limits {
    emails: DefaultKeyedRateLimiter<String>,
    people: DefaultKeyedRateLimiter<i64>,
    addresses: DefaultKeyedRateLimiter<IpAddr>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            emails: RateLimiter::keyed(PER_EMAIL),
            people: RateLimiter::keyed(PER_PERSON),
            addresses: RateLimiter::keyed(PER_ADDRESS),
        }
    }
}

impl Limits {
    /// Counts one request from `address`. Fails when there were too many.
    pub fn public(&self, address: IpAddr) -> Result<(), ApiError> {
        prune(&self.addresses);
        self.addresses.check_key(&subnet(address)).map_err(|wait| limited(&wait))
    }

    /// Counts one code that was shown for a person. Fails when there were too many.
    pub fn code(&self, user: UserId) -> Result<(), ApiError> {
        prune(&self.people);
        self.people.check_key(&user.0).map_err(|wait| limited(&wait))
    }

    /// Counts one login for `email` (any spelling of case). Fails when there were too many.
    pub fn login(&self, email: &str) -> Result<(), ApiError> {
        prune(&self.emails);
        let key: String = email.trim().to_lowercase().chars().take(256).collect();
        self.emails.check_key(&key).map_err(|wait| limited(&wait))
    }
}

fn prune<K: std::hash::Hash + Eq + Clone>(limiter: &DefaultKeyedRateLimiter<K>) {
    if limiter.len() > KEYS_MAX {
        limiter.retain_recent();
        limiter.shrink_to_fit();
    }
}

/// One key per IPv4 address, and per /64 of IPv6, as that is what one customer of a provider holds.
fn subnet(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let mut octets = v6.octets();
            octets[8..].fill(0);
            IpAddr::from(octets)
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

fn limited(wait: &governor::NotUntil<<DefaultClock as Clock>::Instant>) -> ApiError {
    let after = wait.wait_time_from(DefaultClock::default().now());
    ApiError::RateLimited { after_s: after.as_secs() + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_guess_waits_and_another_address_does_not() {
        let limits = Limits::default();
        for _ in 0..5 {
            limits.login("Ann@example.org").unwrap();
        }
        assert_eq!(limits.login(" ann@EXAMPLE.org").unwrap_err().code(), "rate_limited");
        limits.login("bob@example.org").unwrap();
    }

    #[test]
    fn one_ipv6_network_is_one_key() {
        let limits = Limits::default();
        for n in 0..60_u16 {
            limits.public(format!("2001:db8::{n:x}").parse().unwrap()).unwrap();
        }
        assert!(limits.public("2001:db8::ffff".parse().unwrap()).is_err());
        limits.public("2001:db8:1::1".parse().unwrap()).unwrap();
    }
}
