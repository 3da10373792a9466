//! Rate limits: token buckets for sessions, addresses and requests without a session.
//!
//! Pure arithmetic over times that callers pass in. Each command takes a token from a bucket first; an
//! empty bucket refuses with `too_fast`.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
};

use common::{person::PersonId, refusal::Refusal};
use parking_lot::Mutex;
use tokio::time::Instant;

/// A sustained rate and a burst size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Tokens added per second.
    pub per_second: f64,
    /// The capacity of the bucket.
    pub burst: f64,
}

impl Rate {
    /// The rate for many people together: one address, or all anonymous senders.
    pub fn shared(self) -> Rate {
        Rate { per_second: self.per_second * SHARED_FACTOR, burst: self.burst * SHARED_FACTOR }
    }
}

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

/// How many times the limit of one session an address gets: a school class behind one router shares one.
const SHARED_FACTOR: f64 = 20.0;

/// The most keys a limiter tracks. Beyond it, keys with full buckets are dropped first: a full bucket
/// equals a new one.
const MAX_TRACKED_KEYS: usize = 10_000;

/// The most rooms one connection may be in.
pub const ROOMS_PER_CONNECTION: usize = 50;

/// A token bucket.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    rate: Rate,
    tokens: f64,
    updated_at: Instant,
}

impl Bucket {
    /// Creates a full bucket.
    pub fn new(rate: Rate, now: Instant) -> Bucket {
        Bucket { rate, tokens: rate.burst, updated_at: now }
    }

    /// Takes one token. The refusal is `too_fast`.
    pub fn take(&mut self, now: Instant) -> Result<(), Refusal> {
        let elapsed = now.saturating_duration_since(self.updated_at).as_secs_f64();
        self.tokens = (self.tokens + elapsed * self.rate.per_second).min(self.rate.burst);
        self.updated_at = now;
        if self.tokens < 1.0 {
            return Err(Refusal::TooFast);
        }
        self.tokens -= 1.0;
        Ok(())
    }

    fn is_full(&self, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.updated_at).as_secs_f64();
        self.tokens + elapsed * self.rate.per_second >= self.rate.burst
    }
}

/// The buckets of one session, or of one [`RateKey`].
#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    pub messages: Bucket,
    /// Typing, away and back, and questions whose answers are not in the log.
    pub signals: Bucket,
    pub joins: Bucket,
    pub reads: Bucket,
}

impl SessionLimits {
    /// Creates full buckets.
    pub fn new(limits: Limits, now: Instant) -> SessionLimits {
        SessionLimits {
            messages: Bucket::new(limits.messages, now),
            signals: Bucket::new(limits.messages, now),
            joins: Bucket::new(limits.joins, now),
            reads: Bucket::new(limits.reads, now),
        }
    }

    fn is_full(&self, now: Instant) -> bool {
        [self.messages, self.signals, self.joins, self.reads].iter().all(|bucket| bucket.is_full(now))
    }
}

/// The limits per address, over all its connections.
pub struct AddressLimits {
    limits: Limits,
    buckets: Mutex<HashMap<IpAddr, AddressBuckets>>,
}

#[derive(Clone, Copy)]
struct AddressBuckets {
    connections: Bucket,
    messages: Bucket,
    rooms: Bucket,
}

impl AddressBuckets {
    fn is_full(&self, now: Instant) -> bool {
        [self.connections, self.messages, self.rooms].iter().all(|bucket| bucket.is_full(now))
    }
}

impl AddressLimits {
    pub fn new(limits: Limits) -> AddressLimits {
        AddressLimits { limits, buckets: Mutex::default() }
    }

    /// Takes a token for a new connection or identity. The refusal is `too_fast`.
    pub fn check_connection(&self, address: IpAddr, now: Instant) -> Result<(), Refusal> {
        self.with_buckets(address, now, |shared| shared.connections.take(now))
    }

    /// Takes a token for a new room. The refusal is `too_fast`.
    pub fn check_new_room(&self, address: IpAddr, now: Instant) -> Result<(), Refusal> {
        self.with_buckets(address, now, |shared| shared.rooms.take(now))
    }

    /// Takes a token for a message. The refusal is `too_fast`.
    pub fn check_message(&self, address: IpAddr, now: Instant) -> Result<(), Refusal> {
        self.with_buckets(address, now, |shared| shared.messages.take(now))
    }

    fn with_buckets(
        &self,
        address: IpAddr,
        now: Instant,
        take: impl FnOnce(&mut AddressBuckets) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        // A reverse proxy on this machine carries many people's connections and has to limit them itself.
        if is_loopback(address) {
            return Ok(());
        }
        let new = || AddressBuckets {
            connections: Bucket::new(self.limits.joins.shared(), now),
            messages: Bucket::new(self.limits.messages.shared(), now),
            rooms: Bucket::new(self.limits.rooms, now),
        };
        let mut buckets = self.buckets.lock();
        take(get_or_insert(&mut buckets, network_of(address), |shared| shared.is_full(now), new)?)
    }
}

/// Identifies the sender of requests that belong to no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateKey {
    Person(PersonId),
    /// All guests of one network, loopback included: a guest has a new id in every request.
    Guests(IpAddr),
}

/// The limits of requests without a session. A person gets as much as one session, the guests of a
/// network as much as an address.
pub struct RequestLimits {
    limits: Limits,
    buckets: Mutex<HashMap<RateKey, SessionLimits>>,
}

impl RequestLimits {
    pub fn new(limits: Limits) -> RequestLimits {
        RequestLimits { limits, buckets: Mutex::default() }
    }

    /// Takes a token for a message. The refusal is `too_fast`.
    pub fn check_message(&self, key: RateKey, now: Instant) -> Result<(), Refusal> {
        self.with_buckets(key, now, |limits| limits.messages.take(now))
    }

    /// Takes a token for a page of history. The refusal is `too_fast`.
    pub fn check_read(&self, key: RateKey, now: Instant) -> Result<(), Refusal> {
        self.with_buckets(key, now, |limits| limits.reads.take(now))
    }

    fn with_buckets(
        &self,
        key: RateKey,
        now: Instant,
        take: impl FnOnce(&mut SessionLimits) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let Limits { messages, reads, .. } = self.limits;
        let limits = match key {
            RateKey::Person(_) => self.limits,
            RateKey::Guests(_) => {
                Limits { messages: messages.shared(), reads: reads.shared(), ..self.limits }
            }
        };
        let mut buckets = self.buckets.lock();
        let new = || SessionLimits::new(limits, now);
        take(get_or_insert(&mut buckets, key, |limits| limits.is_full(now), new)?)
    }
}

/// Returns the buckets of `key`, creating them with `new`.
/// The refusal is `too_fast` if too many keys are tracked and none can be dropped.
fn get_or_insert<K: Eq + Hash, V>(
    buckets: &mut HashMap<K, V>,
    key: K,
    is_full: impl Fn(&V) -> bool,
    new: impl FnOnce() -> V,
) -> Result<&mut V, Refusal> {
    if buckets.len() >= MAX_TRACKED_KEYS {
        buckets.retain(|_, buckets| !is_full(buckets));
    }
    if buckets.len() >= MAX_TRACKED_KEYS && !buckets.contains_key(&key) {
        return Err(Refusal::TooFast);
    }
    Ok(buckets.entry(key).or_insert_with(new))
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
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_is_allowed_and_the_next_is_refused() {
        let start = Instant::now();
        let mut bucket = Bucket::new(Rate { per_second: 5.0, burst: 20.0 }, start);
        assert!((0..20).all(|_| bucket.take(start).is_ok()));
        assert_eq!(bucket.take(start), Err(Refusal::TooFast));
        assert_eq!(bucket.take(start + Duration::from_millis(200)), Ok(()));
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
    fn an_address_has_a_limit_of_its_own() {
        let limits = Limits::default();
        let (address_limits, now) = (AddressLimits::new(limits), Instant::now());
        let address = "192.0.2.7".parse().unwrap();
        let passed = (0..10_000).filter(|_| address_limits.check_message(address, now).is_ok()).count();
        assert_eq!(passed, 400);
    }

    #[test]
    fn requests_of_a_person_are_limited_like_a_session_and_those_of_guests_like_twenty() {
        let (request_limits, now) = (RequestLimits::new(Limits::default()), Instant::now());
        let passed = |key| (0..10_000).filter(|_| request_limits.check_message(key, now).is_ok()).count();
        assert_eq!(passed(RateKey::Person(PersonId(1))), 20);
        assert_eq!(passed(RateKey::Person(PersonId(2))), 20);
        assert_eq!(passed(RateKey::Guests("127.0.0.1".parse().unwrap())), 400);
    }

    #[test]
    fn the_number_of_tracked_keys_is_bounded() {
        let (request_limits, now) = (RequestLimits::new(Limits::default()), Instant::now());
        let check = |id, now| request_limits.check_message(RateKey::Person(PersonId(id)), now);
        assert!((0..MAX_TRACKED_KEYS as u64).all(|id| check(id, now).is_ok()));
        assert_eq!(check(u64::MAX, now), Err(Refusal::TooFast));
        assert_eq!(
            check(u64::MAX, now + Duration::from_secs(1)),
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
