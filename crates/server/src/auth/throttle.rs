//! Slows down guessing: failed logins are counted by account and address, and by address.
//!
//! Only failures count, so that somebody who knows the password is never in the way of
//! themselves; a guesser gets a few attempts and then one in a while.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use parking_lot::Mutex;
use runtime::SharedClock;
use state::TokenHash;

use super::secret::hash_of;

/// Failures in a row for one account from one address, then one each [`ACCOUNT_PAUSE`].
const ACCOUNT_BURST: NonZeroU32 = NonZeroU32::new(5).expect("five is not zero");
const ACCOUNT_PAUSE: Duration = Duration::from_secs(30);

/// Failures in a row from one address, whatever the account, then one each [`ADDRESS_PAUSE`].
const ADDRESS_BURST: NonZeroU32 = NonZeroU32::new(20).expect("twenty is not zero");
const ADDRESS_PAUSE: Duration = Duration::from_secs(5);

/// Guessers remembered at one time; beyond this the quiet ones are forgotten.
const KEYS_MAX: usize = 10_000;

/// Our clock in the shape that the limiter asks for.
#[derive(Clone, Debug)]
struct Monotonic(SharedClock);

impl GovernorClock for Monotonic {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.monotonic()
    }
}

/// Of a fixed size: what a guesser calls an account may be as long as a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Account(TokenHash, IpAddr),
    Address(IpAddr),
}

type Limiter = RateLimiter<Key, HashMapStateStore<Key>, Monotonic, NoOpMiddleware<Duration>>;

#[derive(Debug)]
pub(crate) struct Throttle {
    clock: SharedClock,
    accounts: Limiter,
    addresses: Limiter,
    /// Until when a key must wait. Held only to read or change an entry.
    locked: Mutex<HashMap<Key, Duration>>,
}

impl Throttle {
    pub fn new(clock: SharedClock) -> Self {
        let quota = |pause, burst| {
            Quota::with_period(pause).unwrap_or_else(|| Quota::per_minute(burst)).allow_burst(burst)
        };
        let limiter = |quota| RateLimiter::hashmap_with_clock(quota, Monotonic(clock.clone()));
        Self {
            accounts: limiter(quota(ACCOUNT_PAUSE, ACCOUNT_BURST)),
            addresses: limiter(quota(ADDRESS_PAUSE, ADDRESS_BURST)),
            clock,
            locked: Mutex::default(),
        }
    }

    /// How long this caller must wait before it may try; none when it may now.
    pub fn pause(&self, account: &str, address: IpAddr) -> Option<Duration> {
        let now = self.clock.monotonic();
        let mut locked = self.locked.lock();
        locked.retain(|_, until| *until > now);
        keys(account, address)
            .iter()
            .filter_map(|key| locked.get(key))
            .max()
            .map(|until| until.saturating_sub(now))
    }

    pub fn failed(&self, account: &str, address: IpAddr) {
        for key in keys(account, address) {
            let limiter = if matches!(key, Key::Account(..)) { &self.accounts } else { &self.addresses };
            if limiter.len() >= KEYS_MAX {
                limiter.retain_recent();
            }
            if let Err(refusal) = limiter.check_key(&key) {
                self.locked.lock().insert(key, refusal.earliest_possible());
            }
        }
    }
}

fn keys(account: &str, address: IpAddr) -> [Key; 2] {
    let address = network_of(address);
    [Key::Account(hash_of(&account.to_lowercase()), address), Key::Address(address)]
}

/// Whoever has one address of IPv6 has 2^64 of them.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use testkit::FakeClock;

    use super::*;

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const AWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

    #[tokio::test]
    async fn a_guesser_waits_and_others_do_not() {
        let clock = FakeClock::new();
        let throttle = Throttle::new(Arc::new(clock.clone()));
        for _ in 0..5 {
            assert_eq!(throttle.pause("ada", HOME), None);
            throttle.failed("Ada", HOME);
        }
        assert_eq!(throttle.pause("ada", HOME), None);
        throttle.failed("ada", HOME);
        let pause = throttle.pause("ADA", HOME).unwrap();
        assert!(pause <= ACCOUNT_PAUSE && pause > Duration::ZERO, "{pause:?}");
        assert_eq!(throttle.pause("ada", AWAY), None);
        assert_eq!(throttle.pause("bob", HOME), None);
        clock.advance(ACCOUNT_PAUSE).await;
        assert_eq!(throttle.pause("ada", HOME), None);
    }

    #[tokio::test]
    async fn a_neighbour_in_the_same_network_of_ipv6_is_the_same_guesser() {
        let throttle = Throttle::new(Arc::new(FakeClock::new()));
        for host in 0..6u16 {
            throttle.failed("ada", Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, host).into());
        }
        assert!(throttle.pause("ada", Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 9, 9, 9, 9).into()).is_some());
        assert_eq!(throttle.pause("ada", Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 1).into()), None);
    }

    #[test]
    fn a_guesser_cannot_fill_the_memory_with_long_names() {
        assert!(!std::mem::needs_drop::<Key>(), "a key holds nothing of its own on the heap");
    }

    #[tokio::test]
    async fn trying_many_accounts_from_one_address_is_guessing_too() {
        let throttle = Throttle::new(Arc::new(FakeClock::new()));
        for attempt in 0..21 {
            throttle.failed(&format!("user{attempt}"), HOME);
        }
        assert!(throttle.pause("somebody", HOME).is_some());
        assert_eq!(throttle.pause("somebody", AWAY), None);
    }
}
