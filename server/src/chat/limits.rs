//! Rate limits: token buckets for sessions, addresses and requests without a session.
//!
//! Reads no clock: callers pass the time in. Each command takes a token from a bucket first; an empty
//! bucket refuses with `too_fast`. These are all figures, with the default [`Limits`]:
//!
//! | [`Cost`]     | one session, one person over HTTP            | one address, one network's guests, all datagrams |
//! |--------------|----------------------------------------------|--------------------------------------------------|
//! | `Message`    | 5 a second, burst 20                         | 20 times that                                    |
//! | `Signal`     | as `Message`                                 | not used                                         |
//! | `Join`       | 1 a second, burst 40 (over HTTP for renames) | not used                                         |
//! | `Connection` | not used                                     | 20 times `Join`                                  |
//! | `Read`       | 10 a second, burst 40                        | 20 times that                                    |
//! | `Room`       | one person: 0.2 a second, burst 60           | the same (no multiple)                           |
//!
//! All sessions of a registered person together have 4 times a session's.
//!
//! A shared address ([`ClientAddress::is_shared`]) has no limit of messages and reads, which sessions, people and
//! [`RateKey::GuestSender`] have. One TCP connection from there has 100 times `Join` for `Connection`, and `Room` as
//! a person; all of them together have 1,000 times `Join`, and 20 times `Room`.
//!
//! At most 10,000 keys of each kind are tracked, about 3 MB. One more, and those that have taken the least are
//! forgotten.

use std::{
    collections::HashMap,
    mem::{Discriminant, discriminant},
    net::IpAddr,
    time::Duration,
};

use common::{person::PersonId, refusal::Refusal};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::address::ClientAddress;

/// How many times the limit of one session an address gets: a school class behind one router shares one.
const HOUSEHOLD_FACTOR: f64 = 20.0;
/// How many times the limit of one session all sessions of a person get: their telephones, computers and tabs.
const DEVICES_FACTOR: f64 = 4.0;
/// How many times the limit of one session a TCP connection gets that a proxy may share between clients.
const PROXY_CONNECTION_FACTOR: f64 = 100.0;
/// How many times the limit of one session all clients behind shared addresses get.
const PROXY_FACTOR: f64 = 1_000.0;

/// The most keys of one kind that are tracked.
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
    /// New rooms per person and per address. Rooms are stored for long, so this is the strictest limit.
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

    /// The limits of many people together.
    fn times(self, factors: Factors) -> Limits {
        let Factors { rooms, others } = factors;
        Limits {
            messages: self.messages.times(others),
            joins: self.joins.times(others),
            reads: self.reads.times(others),
            rooms: self.rooms.times(rooms),
        }
    }
}

impl Rate {
    fn times(self, factor: f64) -> Rate {
        Rate { per_second: self.per_second * factor, burst: self.burst * factor }
    }
}

/// How many times the limits of one session many people get.
#[derive(Clone, Copy)]
struct Factors {
    rooms: f64,
    others: f64,
}

impl Factors {
    fn all(factor: f64) -> Factors {
        Factors { rooms: factor, others: factor }
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

    /// How full the emptiest bucket is, from 0 to 1.
    fn fullness(&self, now: Instant) -> f64 {
        self.0.iter().map(|bucket| bucket.tokens_at(now) / bucket.rate.burst).fold(1.0, f64::min)
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
    /// All traffic of one address or network that is not shared, see [`ClientAddress::is_shared`].
    Address(IpAddr),
    /// The connections, requests and new rooms over one TCP connection of a shared address.
    Connection(u64),
    /// The same of all clients behind shared addresses.
    Shared,
    /// The requests of a registered person that belong to no session, and the new rooms of any person.
    Person(PersonId),
    /// All sessions of a registered person.
    Sessions(PersonId),
    /// The requests of all guests of one network: a guest has a new id in each request.
    Guests(IpAddr),
    /// Those of the guests behind shared addresses that can not be told apart, see [`ClientAddress::sender`].
    GuestSender(Option<u64>),
    /// All datagrams together: their source addresses can be forged.
    Datagrams,
}

impl RateKey {
    /// The key of requests of guests.
    pub(super) fn guests(address: ClientAddress) -> RateKey {
        match address.is_shared() {
            true => RateKey::GuestSender(address.sender()),
            false => RateKey::Guests(address.network()),
        }
    }

    /// How many times the limits of one session the key gets.
    fn factors(self) -> Factors {
        match self {
            RateKey::Person(_) => Factors::all(1.0),
            RateKey::Sessions(_) => Factors::all(DEVICES_FACTOR),
            RateKey::Address(_) | RateKey::Guests(_) | RateKey::GuestSender(_) | RateKey::Datagrams => {
                Factors { rooms: 1.0, ..Factors::all(HOUSEHOLD_FACTOR) }
            }
            RateKey::Connection(_) => Factors { rooms: 1.0, ..Factors::all(PROXY_CONNECTION_FACTOR) },
            RateKey::Shared => Factors { rooms: HOUSEHOLD_FACTOR, ..Factors::all(PROXY_FACTOR) },
        }
    }
}

/// The buckets of all [`RateKey`]s.
pub struct RateLimiter {
    limits: Limits,
    /// One map for each kind of key, so that a flood of addresses takes no entry from registered people.
    tracked: Mutex<HashMap<Discriminant<RateKey>, HashMap<RateKey, Buckets>>>,
}

impl RateLimiter {
    pub fn new(limits: Limits) -> RateLimiter {
        RateLimiter { limits, tracked: Mutex::default() }
    }

    /// Takes one token of an address. The refusal is `too_fast`.
    ///
    /// Behind a shared address are many clients, who have limits as sessions and people. Only what a client can
    /// do before it is one of those is limited here: first over its TCP connection, so that it can hardly use
    /// up what all of them have.
    pub fn take_from_address(&self, address: ClientAddress, cost: Cost, now: Instant) -> Result<(), Refusal> {
        if !address.is_shared() {
            return self.take(RateKey::Address(address.network()), cost, now);
        }
        if !matches!(cost, Cost::Connection | Cost::Room) {
            return Ok(());
        }
        if let Some(connection) = address.connection() {
            self.take(RateKey::Connection(connection), cost, now)?;
        }
        self.take(RateKey::Shared, cost, now)
    }

    /// Takes one token. The refusal is `too_fast`.
    pub fn take(&self, key: RateKey, cost: Cost, now: Instant) -> Result<(), Refusal> {
        let mut tracked = self.tracked.lock();
        let same_kind = tracked.entry(discriminant(&key)).or_default();
        if same_kind.len() >= MAX_TRACKED_KEYS && !same_kind.contains_key(&key) {
            evict_fullest(same_kind, now);
        }
        let new = || Buckets::new(self.limits.times(key.factors()), now);
        same_kind.entry(key).or_insert_with(new).take(cost, now)
    }
}

/// Evicts the tenth of the keys whose buckets are the fullest: whoever has taken the least loses the least, and
/// a newcomer is never refused. A tenth at once, because finding them reads all.
fn evict_fullest(tracked: &mut HashMap<RateKey, Buckets>, now: Instant) {
    let mut by_fullness: Vec<(f64, RateKey)> =
        tracked.iter().map(|(key, buckets)| (buckets.fullness(now), *key)).collect();
    let count = by_fullness.len().div_ceil(10);
    by_fullness.select_nth_unstable_by(count - 1, |(a, _), (b, _)| b.total_cmp(a));
    for (_, key) in &by_fullness[..count] {
        tracked.remove(key);
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

    fn address(text: &str) -> ClientAddress {
        ClientAddress::new(text.parse().unwrap())
    }

    #[test]
    fn an_address_has_limits_of_its_own() {
        let (limiter, now) = (RateLimiter::new(Limits::default()), Instant::now());
        let allowed = |cost| count_allowed(|| limiter.take_from_address(address("192.0.2.7"), cost, now));
        assert_eq!(allowed(Cost::Message), 400);
        assert_eq!(allowed(Cost::Connection), 800);
        assert_eq!(allowed(Cost::Room), 60, "new rooms have no multiple");
    }

    #[test]
    fn one_connection_of_a_shared_address_is_limited_and_leaves_enough_to_the_others() {
        let (limiter, now) = (RateLimiter::new(Limits::default()), Instant::now());
        let proxy = ClientAddress::of_proxy("10.0.0.1".parse().unwrap());
        let take = |address: ClientAddress, connection, cost| {
            limiter.take_from_address(address.with_connection(connection), cost, now)
        };
        for (connection, address) in [(1, address("127.0.0.1")), (2, address("::1")), (3, proxy)] {
            assert_eq!(count_allowed(|| take(address, connection, Cost::Connection)), 4_000);
            assert_eq!(count_allowed(|| take(address, connection, Cost::Room)), 60);
            assert_eq!(
                count_allowed(|| take(address, connection, Cost::Message)),
                10_000,
                "sessions' limits"
            );
        }
        let with_new_connections = |cost| {
            (0..100_000)
                .filter(|connection| take(address("127.0.0.1"), 10 + connection, cost).is_ok())
                .count()
        };
        assert_eq!(with_new_connections(Cost::Room), 20 * 60 - 3 * 60);
        assert_eq!(with_new_connections(Cost::Connection), 1_000 * 40 - 3 * 4_000);
    }

    #[test]
    fn requests_of_a_person_are_limited_like_a_session_and_those_of_guests_like_twenty() {
        let (limiter, now) = (RateLimiter::new(Limits::default()), Instant::now());
        let allowed = |key| count_allowed(|| limiter.take(key, Cost::Message, now));
        assert_eq!(allowed(RateKey::Person(PersonId(1))), 20);
        assert_eq!(allowed(RateKey::Person(PersonId(2))), 20);
        assert_eq!(allowed(RateKey::Sessions(PersonId(1))), 80);
        assert_eq!(allowed(RateKey::guests(address("192.0.2.7"))), 400);
        assert_eq!(allowed(RateKey::guests(address("127.0.0.1"))), 400);
        assert_eq!(allowed(RateKey::Datagrams), 400);
    }

    #[test]
    fn one_guest_behind_a_proxy_does_not_silence_another() {
        let (limiter, now) = (RateLimiter::new(Limits::default()), Instant::now());
        let take = |sender| {
            limiter.take(RateKey::guests(address("127.0.0.1").with_sender(sender)), Cost::Message, now)
        };
        assert_eq!(count_allowed(|| take(1)), 400);
        assert_eq!(take(2), Ok(()));
    }

    #[test]
    fn a_full_table_forgets_those_who_have_taken_the_least_and_refuses_no_newcomer() {
        let (limiter, now) = (RateLimiter::new(Limits::default()), Instant::now());
        let take = |id| limiter.take(RateKey::Person(PersonId(id)), Cost::Message, now);
        let greedy = u64::MAX;
        assert_eq!(count_allowed(|| take(greedy)), 20);
        assert!((0..3 * MAX_TRACKED_KEYS as u64).all(|id| take(id).is_ok()));
        assert_eq!(take(greedy), Err(Refusal::TooFast), "who has taken the most is remembered");
        let tracked = limiter.tracked.lock();
        assert!(tracked.values().all(|same_kind| same_kind.len() <= MAX_TRACKED_KEYS));
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
