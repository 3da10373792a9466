//! How fast is too fast: token buckets for connections and for the addresses they come from.
//!
//! Plain arithmetic over times that are passed in. Every command that costs something takes from a
//! bucket first; an empty bucket refuses with `too_fast`.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::Mutex,
};

use common::{person::PersonId, refusal::Refusal};
use tokio::time::Instant;

use crate::lock::lock;

/// A steady rate and how much may come at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Tokens that come back each second.
    pub per_second: f64,
    /// How many tokens a full bucket holds.
    pub burst: f64,
}

impl Rate {
    /// What many may do together: everybody at one address, or all who call from outside.
    pub fn of_many(self) -> Rate {
        Rate { per_second: self.per_second * PEOPLE_PER_ADDRESS, burst: self.burst * PEOPLE_PER_ADDRESS }
    }
}

/// The limits of one server.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Messages of one connection, and whatever else is kept; as many signals that are not.
    pub messages: Rate,
    /// Joins, renames and other commands of one connection that reach the disk.
    pub joins: Rate,
    /// Reads of one connection: pages of history.
    pub reads: Rate,
    /// New rooms of everybody at one address; rooms stay for ever.
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

/// An address may do this many times what one connection may: a class behind one router is many.
const PEOPLE_PER_ADDRESS: f64 = 20.0;

/// How many addresses, or passers, are remembered at once. Beyond it those are forgotten whose
/// buckets are full again, which is the same as never having come.
const MAX_REMEMBERED: usize = 10_000;

/// How many rooms one connection may be in.
pub const ROOMS_PER_CONNECTION: usize = 50;

/// Something that empties by use and fills by time.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    rate: Rate,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// A full bucket.
    pub fn new(rate: Rate, now: Instant) -> Bucket {
        Bucket { rate, tokens: rate.burst, at: now }
    }

    /// Takes one token; the refusal is `too_fast`.
    pub fn take(&mut self, now: Instant) -> Result<(), Refusal> {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate.per_second).min(self.rate.burst);
        self.at = now;
        if self.tokens < 1.0 {
            return Err(Refusal::TooFast);
        }
        self.tokens -= 1.0;
        Ok(())
    }

    fn is_full(&self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens + passed * self.rate.per_second >= self.rate.burst
    }
}

/// What one connection may still do.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    pub messages: Bucket,
    /// That somebody types, is away, is back; and what is asked and is in no log.
    pub signals: Bucket,
    pub joins: Bucket,
    pub reads: Bucket,
}

impl Allowance {
    /// A fresh connection's.
    pub fn new(limits: Limits, now: Instant) -> Allowance {
        Allowance {
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

/// What everybody at one address together may still do.
pub struct Addresses {
    limits: Limits,
    known: Mutex<HashMap<IpAddr, Shared>>,
}

#[derive(Clone, Copy)]
struct Shared {
    entrances: Bucket,
    messages: Bucket,
    rooms: Bucket,
}

impl Shared {
    fn is_full(&self, now: Instant) -> bool {
        [self.entrances, self.messages, self.rooms].iter().all(|bucket| bucket.is_full(now))
    }
}

impl Addresses {
    pub fn new(limits: Limits) -> Addresses {
        Addresses { limits, known: Mutex::default() }
    }

    /// Takes a new connection or identity from the address' bucket; the refusal is `too_fast`.
    pub fn enter(&self, address: IpAddr, now: Instant) -> Result<(), Refusal> {
        self.with(address, now, |shared| shared.entrances.take(now))
    }

    /// Takes a new room from the address' bucket; the refusal is `too_fast`.
    pub fn open_room(&self, address: IpAddr, now: Instant) -> Result<(), Refusal> {
        self.with(address, now, |shared| shared.rooms.take(now))
    }

    /// Takes a message from the address' bucket; the refusal is `too_fast`.
    pub fn post(&self, address: IpAddr, now: Instant) -> Result<(), Refusal> {
        self.with(address, now, |shared| shared.messages.take(now))
    }

    fn with(
        &self,
        address: IpAddr,
        now: Instant,
        take: impl FnOnce(&mut Shared) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        // A reverse proxy on this machine is not one guest; what it lets through is its to bound.
        if is_loopback(address) {
            return Ok(());
        }
        let fresh = || Shared {
            entrances: Bucket::new(self.limits.joins.of_many(), now),
            messages: Bucket::new(self.limits.messages.of_many(), now),
            rooms: Bucket::new(self.limits.rooms, now),
        };
        let mut known = lock(&self.known);
        take(remember(&mut known, network(address), |shared| shared.is_full(now), fresh)?)
    }
}

/// Somebody who does one thing and is gone, without a connection to be measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Passer {
    Person(PersonId),
    /// All guests of one network together, loopback included: each of them is new every time.
    Guests(IpAddr),
}

/// What those may still do who pass by: a person as much as one connection, guests as many.
pub struct Passers {
    limits: Limits,
    known: Mutex<HashMap<Passer, Allowance>>,
}

impl Passers {
    pub fn new(limits: Limits) -> Passers {
        Passers { limits, known: Mutex::default() }
    }

    /// Takes a message from the passer's bucket; the refusal is `too_fast`.
    pub fn post(&self, passer: Passer, now: Instant) -> Result<(), Refusal> {
        self.with(passer, now, |allowance| allowance.messages.take(now))
    }

    /// Takes a page of history from the passer's bucket; the refusal is `too_fast`.
    pub fn read(&self, passer: Passer, now: Instant) -> Result<(), Refusal> {
        self.with(passer, now, |allowance| allowance.reads.take(now))
    }

    fn with(
        &self,
        passer: Passer,
        now: Instant,
        take: impl FnOnce(&mut Allowance) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let Limits { messages, reads, .. } = self.limits;
        let limits = match passer {
            Passer::Person(_) => self.limits,
            Passer::Guests(_) => {
                Limits { messages: messages.of_many(), reads: reads.of_many(), ..self.limits }
            }
        };
        let mut known = lock(&self.known);
        let fresh = || Allowance::new(limits, now);
        take(remember(&mut known, passer, |allowance| allowance.is_full(now), fresh)?)
    }
}

/// What is known of `key`, or something `fresh`. When too many are known, and none can be forgotten,
/// the refusal is `too_fast`.
fn remember<K: Eq + Hash, V>(
    known: &mut HashMap<K, V>,
    key: K,
    is_full: impl Fn(&V) -> bool,
    fresh: impl FnOnce() -> V,
) -> Result<&mut V, Refusal> {
    if known.len() >= MAX_REMEMBERED {
        known.retain(|_, buckets| !is_full(buckets));
    }
    if known.len() >= MAX_REMEMBERED && !known.contains_key(&key) {
        return Err(Refusal::TooFast);
    }
    Ok(known.entry(key).or_insert_with(fresh))
}

/// Whether this is the machine itself, also when IPv4 comes mapped through a socket for both.
pub fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// What counts as one address: an IPv6 customer has a whole /64 to choose from.
pub fn network(address: IpAddr) -> IpAddr {
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
    fn a_burst_passes_and_the_next_waits() {
        let start = Instant::now();
        let mut bucket = Bucket::new(Rate { per_second: 5.0, burst: 20.0 }, start);
        assert!((0..20).all(|_| bucket.take(start).is_ok()));
        assert_eq!(bucket.take(start), Err(Refusal::TooFast));
        assert_eq!(bucket.take(start + Duration::from_millis(200)), Ok(()));
    }

    #[test]
    fn one_address_is_one_v4_address_or_one_v6_network() {
        let same = |a: &str, b: &str| network(a.parse().unwrap()) == network(b.parse().unwrap());
        assert!(same("2001:db8::1", "2001:db8::ffff:1"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("::ffff:192.0.2.7", "192.0.2.7"));
    }

    #[test]
    fn the_machine_itself_is_known_by_all_its_addresses() {
        for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert!(is_loopback(address.parse().unwrap()), "{address}");
        }
        assert!(!is_loopback("::ffff:192.0.2.7".parse().unwrap()));
    }

    #[test]
    fn an_address_is_bounded_whatever_its_connections_do() {
        let limits = Limits::default();
        let (addresses, now) = (Addresses::new(limits), Instant::now());
        let address = "192.0.2.7".parse().unwrap();
        let passed = (0..10_000).filter(|_| addresses.post(address, now).is_ok()).count();
        assert_eq!(passed, 400);
    }

    #[test]
    fn who_passes_by_may_do_as_much_as_a_connection_and_guests_as_much_as_twenty() {
        let (passers, now) = (Passers::new(Limits::default()), Instant::now());
        let passed = |passer| (0..10_000).filter(|_| passers.post(passer, now).is_ok()).count();
        assert_eq!(passed(Passer::Person(PersonId(1))), 20);
        assert_eq!(passed(Passer::Person(PersonId(2))), 20);
        assert_eq!(passed(Passer::Guests("127.0.0.1".parse().unwrap())), 400);
    }

    #[test]
    fn however_many_come_only_so_many_are_remembered() {
        let (passers, now) = (Passers::new(Limits::default()), Instant::now());
        let come = |id, now| passers.post(Passer::Person(PersonId(id)), now);
        assert!((0..MAX_REMEMBERED as u64).all(|id| come(id, now).is_ok()));
        assert_eq!(come(u64::MAX, now), Err(Refusal::TooFast));
        assert_eq!(come(u64::MAX, now + Duration::from_secs(1)), Ok(()), "the others are forgotten");
    }

    proptest! {
        #[test]
        fn never_more_than_the_rate_and_the_burst(waits in prop::collection::vec(0u64..400, 1..200)) {
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
