//! Rate limits: token buckets for sessions, addresses and requests without a session.
//!
//! Reads no clock: callers pass the time in. Each command takes a token from a bucket first; an empty
//! bucket refuses with `too_fast`. These are all figures, with the default [`Limits`]:
//!
//! | [`Cost`]     | one session, one person over HTTP | one address, one network's guests, all datagrams |
//! |--------------|-----------------------------------|--------------------------------------------------|
//! | `Message`    | 5 a second, burst 20              | 20 times that                                    |
//! | `Signal`     | as `Message`                      | not used                                         |
//! | `Join`       | 1 a second, burst 40 (over HTTP for renames) | not used                              |
//! | `Connection` | not used                          | 20 times `Join`                                  |
//! | `Read`       | 10 a second, burst 40             | 20 times that                                    |
//! | `Room`       | not used                          | 0.2 a second, burst 60 (no multiple)             |
//!
//! Loopback addresses have no limit as addresses. At most 10,000 keys of each kind are tracked.

use std::{
    collections::HashMap,
    mem::{Discriminant, discriminant},
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use common::{person::PersonId, refusal::Refusal};
use parking_lot::Mutex;
use tokio::time::Instant;

/// How many times the limit of one session an address gets: a school class behind one router shares one.
const SHARED_FACTOR: f64 = 20.0;

/// The most keys of one kind that are tracked. Beyond it, keys with full buckets are dropped first: a full
/// bucket equals a new one.
const MAX_TRACKED_KEYS: usize = 10_000;

/// The most rooms one connection may be in.
pub const ROOMS_PER_CONNECTION: usize = 50;

/// The configured limits of a server.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Messages and other appended actions of a session. Signals that are not stored, such as typing, have
    /// a bucket of the same rate.
    pub messages: Rate,
    /// Joins, renames and other commands of a session that reach the disk.
    pub joins: Rate,
    /// Pages of history read by a session.
    pub reads: Rate,
    /// New rooms per address. Rooms are stored for good, so this is the strictest limit.
    pub rooms: Rate,
}

/// A sustained rate and a burst size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Tokens added per second.
    pub per_second: f64,
    /// The capacity of the bucket.
    pub burst: f64,
}

/// What a token is taken for. Each cost has a bucket of its own.
#[derive(Clone, Copy, Debug)]
pub enum Cost {
    /// A message or another action that is appended to a log.
    Message,
    /// Typing, away and back, and questions whose answers are not in the log.
    Signal,
    /// A join, a rename or another command that reaches the disk.
    Join,
    /// A connection, or a request about a person, the list of rooms or one room.
    Connection,
    /// A page of history.
    Read,
    /// A new room.
    Room,
}

impl Cost {
    /// All costs, in the order in which [`Buckets`] holds their buckets.
    const ALL: [Cost; 6] =
        [Cost::Message, Cost::Signal, Cost::Join, Cost::Connection, Cost::Read, Cost::Room];
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            messages: Rate { per_second: 5.0, burst: 20.0 },
            joins: Rate { per_second: 1.0, burst: 40.0 },
            reads: Rate { per_second: 10.0, burst: 40.0 },
            rooms: Rate { per_second: 0.2, burst: 60.0 },
        }
    }
}

impl Limits {
    fn rate(&self, cost: Cost) -> Rate {
        match cost {
            Cost::Message | Cost::Signal => self.messages,
            Cost::Join | Cost::Connection => self.joins,
            Cost::Read => self.reads,
            Cost::Room => self.rooms,
        }
    }

    /// The limits of many people together. The rate of new rooms is one per address already.
    fn shared(self) -> Limits {
        Limits {
            messages: self.messages.shared(),
            joins: self.joins.shared(),
            reads: self.reads.shared(),
            rooms: self.rooms,
        }
    }
}

impl Rate {
    fn shared(self) -> Rate {
        Rate { per_second: self.per_second * SHARED_FACTOR, burst: self.burst * SHARED_FACTOR }
    }
}

/// One token bucket for each [`Cost`]: the limits of one session, or of one [`RateKey`].
#[derive(Clone, Copy, Debug)]
pub struct Buckets([Bucket; Cost::ALL.len()]);

impl Buckets {
    /// Creates full buckets.
    pub fn new(limits: Limits, now: Instant) -> Buckets {
        Buckets(Cost::ALL.map(|cost| Bucket::new(limits.rate(cost), now)))
    }

    /// Takes one token. The refusal is `too_fast`.
    pub fn take(&mut self, cost: Cost, now: Instant) -> Result<(), Refusal> {
        self.0[cost as usize].take(now)
    }

    /// How long until the first of the empty buckets has a token again; `None` if none is empty.
    pub fn refill_delay(&self, now: Instant) -> Option<Duration> {
        self.0.iter().filter_map(|bucket| bucket.refill_delay(now)).min()
    }

    fn are_full(&self, now: Instant) -> bool {
        self.0.iter().all(|bucket| bucket.is_full(now))
    }
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    rate: Rate,
    tokens: f64,
    updated_at: Instant,
}

impl Bucket {
    fn new(rate: Rate, now: Instant) -> Bucket {
        Bucket { rate, tokens: rate.burst, updated_at: now }
    }

    fn take(&mut self, now: Instant) -> Result<(), Refusal> {
        self.tokens = self.tokens_at(now);
        self.updated_at = now;
        if self.tokens < 1.0 {
            return Err(Refusal::TooFast);
        }
        self.tokens -= 1.0;
        Ok(())
    }

    fn is_full(&self, now: Instant) -> bool {
        self.tokens_at(now) >= self.rate.burst
    }

    /// How long until there is a token; `None` if there is one.
    fn refill_delay(&self, now: Instant) -> Option<Duration> {
        let missing = 1.0 - self.tokens_at(now);
        (missing > 0.0).then(|| Duration::from_secs_f64(missing / self.rate.per_second))
    }

    fn tokens_at(&self, now: Instant) -> f64 {
        let elapsed = now.saturating_duration_since(self.updated_at).as_secs_f64();
        (self.tokens + elapsed * self.rate.per_second).min(self.rate.burst)
    }
}

/// Identifies the buckets that requests and sessions share; a session also has buckets of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateKey {
    /// All traffic of one address or network, see [`network_of`].
    Address(IpAddr),
    /// The requests of a registered person that belong to no session.
    Person(PersonId),
    /// Such requests of all guests of one network, loopback included: a guest has a new id in each request.
    Guests(IpAddr),
    /// All datagrams together: their source addresses can be forged.
    Datagrams,
}

/// The buckets of all [`RateKey`]s. A person gets as much as one session, other keys as much as twenty.
pub struct RateLimiter {
    limits: Limits,
    /// One map for each kind of key, so that a flood of addresses takes no entry from registered people.
    tracked: Mutex<HashMap<Discriminant<RateKey>, HashMap<RateKey, Buckets>>>,
}

impl RateLimiter {
    pub fn new(limits: Limits) -> RateLimiter {
        RateLimiter { limits, tracked: Mutex::default() }
    }

    /// Takes one token of an address; loopback is exempt. The refusal is `too_fast`.
    pub fn take_from_address(&self, address: IpAddr, cost: Cost, now: Instant) -> Result<(), Refusal> {
        // A reverse proxy on this machine carries many people's connections and has to limit them itself.
        if is_loopback(address) {
            return Ok(());
        }
        self.take(RateKey::Address(network_of(address)), cost, now)
    }

    /// Takes one token. The refusal is `too_fast`, also if too many keys are tracked and none can be dropped.
    pub fn take(&self, key: RateKey, cost: Cost, now: Instant) -> Result<(), Refusal> {
        let mut tracked = self.tracked.lock();
        let same_kind = tracked.entry(discriminant(&key)).or_default();
        if same_kind.len() >= MAX_TRACKED_KEYS {
            same_kind.retain(|_, buckets| !buckets.are_full(now));
        }
        if same_kind.len() >= MAX_TRACKED_KEYS && !same_kind.contains_key(&key) {
            return Err(Refusal::TooFast);
        }
        same_kind.entry(key).or_insert_with(|| Buckets::new(self.limits_of(key), now)).take(cost, now)
    }

    fn limits_of(&self, key: RateKey) -> Limits {
        match key {
            RateKey::Person(_) => self.limits,
            RateKey::Address(_) | RateKey::Guests(_) | RateKey::Datagrams => self.limits.shared(),
        }
    }
}

/// Whether this is a loopback address, also as an IPv4-mapped one from a dual-stack socket.
pub fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Returns the key under which an address is limited: IPv6 customers usually own a whole /64.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6(Ipv6Addr::from(u128::from(v6) >> 64 << 64)),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Counts how many of 10,000 attempts at the same moment are allowed.
    fn count_allowed(mut take: impl FnMut() -> Result<(), Refusal>) -> usize {
        (0..10_000).filter(|_| take().is_ok()).count()
    }

    #[test]
    fn a_burst_is_allowed_and_the_next_is_refused() {
        let start = Instant::now();
        let mut bucket = Bucket::new(Rate { per_second: 5.0, burst: 20.0 }, start);
        assert!((0..20).all(|_| bucket.take(start).is_ok()));
        assert_eq!(bucket.take(start), Err(Refusal::TooFast));
        assert_eq!(bucket.take(start + Duration::from_millis(200)), Ok(()));
    }

    #[test]
    fn an_empty_bucket_has_a_token_after_the_delay_it_tells() {
        let start = Instant::now();
        let mut buckets = Buckets::new(Limits::default(), start);
        assert_eq!(buckets.refill_delay(start), None);
        while buckets.take(Cost::Message, start).is_ok() {}
        while buckets.take(Cost::Join, start).is_ok() {}
        let delay = buckets.refill_delay(start).unwrap();
        assert!(buckets.take(Cost::Message, start + delay / 2).is_err());
        assert!(buckets.take(Cost::Message, start + delay + Duration::from_millis(1)).is_ok());
    }

    #[test]
    fn every_cost_has_a_bucket_of_its_own() {
        let now = Instant::now();
        let mut buckets = Buckets::new(Limits::default(), now);
        let allowed = Cost::ALL.map(|cost| count_allowed(|| buckets.take(cost, now)));
        assert_eq!(allowed, [20, 20, 40, 40, 40, 60]);
    }

    #[test]
    fn one_key_is_one_v4_address_or_one_v6_network() {
        let same = |a: &str, b: &str| network_of(a.parse().unwrap()) == network_of(b.parse().unwrap());
        assert!(same("2001:db8::1", "2001:db8::ffff:1"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("::ffff:192.0.2.7", "192.0.2.7"));
    }

    #[test]
    fn every_loopback_address_is_recognised() {
        for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert!(is_loopback(address.parse().unwrap()), "{address}");
        }
        assert!(!is_loopback("::ffff:192.0.2.7".parse().unwrap()));
    }

    #[test]
    fn an_address_has_a_limit_of_its_own_unless_it_is_loopback() {
        let (limiter, now) = (RateLimiter::new(Limits::default()), Instant::now());
        let allowed = |address: &str, cost| {
            count_allowed(|| limiter.take_from_address(address.parse().unwrap(), cost, now))
        };
        assert_eq!(allowed("192.0.2.7", Cost::Message), 400);
        assert_eq!(allowed("192.0.2.7", Cost::Connection), 800);
        assert_eq!(allowed("192.0.2.7", Cost::Room), 60, "new rooms have no multiple");
        assert_eq!(allowed("::1", Cost::Message), 10_000);
    }

    #[test]
    fn requests_of_a_person_are_limited_like_a_session_and_those_of_guests_like_twenty() {
        let (limiter, now) = (RateLimiter::new(Limits::default()), Instant::now());
        let allowed = |key| count_allowed(|| limiter.take(key, Cost::Message, now));
        assert_eq!(allowed(RateKey::Person(PersonId(1))), 20);
        assert_eq!(allowed(RateKey::Person(PersonId(2))), 20);
        assert_eq!(allowed(RateKey::Guests("127.0.0.1".parse().unwrap())), 400);
        assert_eq!(allowed(RateKey::Datagrams), 400);
    }

    #[test]
    fn the_number_of_tracked_keys_is_bounded() {
        let (limiter, now) = (RateLimiter::new(Limits::default()), Instant::now());
        let take = |id, now| limiter.take(RateKey::Person(PersonId(id)), Cost::Message, now);
        assert!((0..MAX_TRACKED_KEYS as u64).all(|id| take(id, now).is_ok()));
        assert_eq!(take(u64::MAX, now), Err(Refusal::TooFast));
        assert_eq!(
            limiter.take(RateKey::Datagrams, Cost::Message, now),
            Ok(()),
            "each kind has its own bound"
        );
        assert_eq!(
            take(u64::MAX, now + Duration::from_secs(1)),
            Ok(()),
            "keys with full buckets are dropped"
        );
    }

    proptest! {
        #[test]
        fn a_bucket_never_allows_more_than_rate_and_burst(waits in prop::collection::vec(0u64..400, 1..200)) {
            let start = Instant::now();
            let mut bucket = Bucket::new(Rate { per_second: 5.0, burst: 20.0 }, start);
            let (mut now, mut passed) = (start, 0.0);
            for wait in waits {
                now += Duration::from_millis(wait);
                passed += f64::from(u8::from(bucket.take(now).is_ok()));
                prop_assert!(passed <= (now - start).as_secs_f64() * 5.0 + 20.0 + 1e-6);
            }
        }
    }
}
