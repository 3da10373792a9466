//! Newcomers: what people may not do who are new to the server.
//!
//! Whoever is kicked can make a new identity in a moment. So a room treats all newcomers of one network alike:
//! they get half of its seats, unless its owner lifts that, and a ban of one of them also keeps out those who
//! are new since then (`bans`). Nobody whom the server knew before is affected.

use common::{person::PersonId, refusal::Refusal};
use tokio::time::Instant;

use super::{origin::Origin, room::Room};

/// The seats of a room that the newcomers of one network get in any case.
const MIN_NEWCOMER_SEATS: usize = 2;

impl Room {
    /// Checks whether a person who has no seat may take one of those that are free.
    /// The refusal is `too_many_newcomers`.
    pub(super) fn check_newcomer(
        &self,
        person: PersonId,
        origin: Origin,
        now: Instant,
    ) -> Result<(), Refusal> {
        let (Some(seats), Some(network), false) = (self.seats, origin.network(), self.shared_network) else {
            return Ok(());
        };
        if person == self.owner || !origin.is_newcomer(network, now) {
            return Ok(());
        }
        let limit = MIN_NEWCOMER_SEATS.max(usize::from(seats.get()) / 2);
        let taken = self.origins().filter(|origin| origin.is_newcomer(network, now)).count();
        if taken < limit { Ok(()) } else { Err(Refusal::TooManyNewcomers) }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use common::{
        message::{Body, Cid},
        protocol::{
            command::{Command, Join, Kick, Send, WaitForSeat},
            reply::Reply,
        },
        room::Seats,
    };

    use super::*;
    use crate::{
        address::ClientAddress,
        chat::{
            broadcast::ConnectionId,
            identity::Credentials,
            member_rooms::MemberRooms,
            origin::NEWCOMER_AGE,
            room::SeatWaiter,
            test_support::{
                NullSubscriber, join_from, person, room_for_two, room_without_seat_limit, start_chat,
                stored_room,
            },
        },
        error::Error,
        store,
    };

    const NETWORK: &str = "192.0.2.7";

    /// A room with ten seats that belongs to somebody who is not in it.
    fn room_for_ten() -> Room {
        Room::new(&store::Room { seats: Seats::parse(10).ok(), ..stored_room() }, &MemberRooms::default())
    }

    #[test]
    fn newcomers_of_one_network_get_half_of_the_seats_and_everybody_else_the_rest() {
        let (mut room, now) = (room_for_ten(), Instant::now());
        let newcomer = |network| Origin::for_test(network, Some(now));
        for id in 2..=6 {
            assert_eq!(join_from(&mut room, id, id, newcomer(NETWORK), now), Ok(()));
        }
        let seventh = |room: &mut Room, origin, at| join_from(room, 7, 7, origin, at);
        assert_eq!(seventh(&mut room, newcomer(NETWORK), now), Err(Refusal::TooManyNewcomers));
        assert_eq!(join_from(&mut room, 6, 66, newcomer(NETWORK), now), Ok(()), "on a seat of their own");
        assert_eq!(join_from(&mut room, 1, 1, newcomer(NETWORK), now), Ok(()), "the owner");
        assert_eq!(join_from(&mut room, 8, 8, newcomer("192.0.2.8"), now), Ok(()));
        let known = Origin::for_test(NETWORK, now.checked_sub(NEWCOMER_AGE));
        assert_eq!(join_from(&mut room, 9, 9, known, now), Ok(()));
        assert_eq!(
            seventh(&mut room, newcomer(NETWORK), now + NEWCOMER_AGE),
            Ok(()),
            "nobody is new any more"
        );
        room.leave(PersonId(7), ConnectionId(7), None);
        room.shared_network = true;
        assert_eq!(seventh(&mut room, newcomer(NETWORK), now), Ok(()), "the owner has allowed it");
    }

    #[test]
    fn a_small_room_and_one_without_a_limit_have_seats_for_two_newcomers_of_one_network() {
        let now = Instant::now();
        for mut room in [room_for_two(), room_without_seat_limit()] {
            for id in [2, 3] {
                assert_eq!(join_from(&mut room, id, id, Origin::for_test(NETWORK, Some(now)), now), Ok(()));
            }
        }
    }

    #[test]
    fn who_waits_is_told_of_a_seat_only_if_they_may_take_it() {
        let (mut room, now) = (room_for_ten(), Instant::now());
        let newcomer = Origin::for_test(NETWORK, Some(now));
        (2..=6).for_each(|id| join_from(&mut room, id, id, newcomer, now).unwrap());
        for (id, network) in [(7, NETWORK), (8, "192.0.2.8")] {
            let origin = Origin::for_test(network, Some(now));
            let waiter = SeatWaiter { person: PersonId(id), origin, subscriber: Arc::new(NullSubscriber) };
            room.seat_waiters.add(ConnectionId(id), waiter).unwrap();
        }
        room.notify_seat_waiters();
        let waits = |room: &Room| [7, 8].map(|id| room.seat_waiters.contains(ConnectionId(id)));
        assert_eq!(waits(&room), [true, false]);
        room.leave(PersonId(2), ConnectionId(2), None);
        room.notify_seat_waiters();
        assert_eq!(waits(&room), [false, false]);
    }

    #[test]
    fn a_ban_keeps_out_newcomers_of_the_network_and_nobody_who_was_known_before() {
        let (mut room, now) = (room_without_seat_limit(), Instant::now());
        let later = now + Duration::from_secs(1);
        let (known, newcomer) =
            (Origin::for_test(NETWORK, Some(now)), Origin::for_test(NETWORK, Some(later)));
        join_from(&mut room, 2, 2, known, now).unwrap();
        room.ban(PersonId(2), known.network(), now, Duration::from_secs(600));
        assert_eq!(join_from(&mut room, 2, 3, known, later), Err(Refusal::Banned));
        assert_eq!(join_from(&mut room, 3, 3, newcomer, later), Err(Refusal::NetworkBanned));
        assert_eq!(room.check_access(PersonId(3), newcomer), Err(Refusal::NetworkBanned));
        assert_eq!(room.check_access(PersonId(4), known), Ok(()), "known to the server");
        assert_eq!(join_from(&mut room, 1, 1, newcomer, later), Ok(()), "the owner");
        assert_eq!(room.check_access(PersonId(5), Origin::for_test("192.0.2.8", Some(later))), Ok(()));
        assert_eq!(room.check_access(PersonId(6), Origin::for_test_on_loopback(later)), Ok(()));
        room.bans.expire(now + Duration::from_secs(600));
        assert_eq!(join_from(&mut room, 3, 3, newcomer, later), Ok(()));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_is_kicked_is_not_back_at_once_as_somebody_else() {
        let folder = tempfile::tempdir().unwrap();
        let chat = start_chat(&folder).await;
        let address = ClientAddress::new(NETWORK.parse().unwrap());
        let open = async |address, token: Option<String>| {
            let credentials = Credentials { token, ..Credentials::default() };
            let identity = chat.authenticate(credentials).await.unwrap();
            (chat.open_session(&identity, Arc::new(NullSubscriber), address), identity)
        };
        let join = || Command::Join(Join::new(stored_room().name));
        let refusal_of = |result: Result<Reply, Error>| result.map(drop).map_err(Error::into_refusal);
        let (mut owner, _) = open(ClientAddress::new("192.0.2.1".parse().unwrap()), None).await;
        owner.handle(join()).await.unwrap();
        let known = chat.register(&person(8)).await.unwrap().reveal().to_owned();
        // Both times are rounded to milliseconds, and who could be new counts as new.
        tokio::time::sleep(Duration::from_millis(5)).await;
        let (mut stranger, identity) = open(address, None).await;
        stranger.handle(join()).await.unwrap();
        // The ban also holds when the person has left before.
        drop(stranger);
        let kick = Command::Kick(Kick { room: stored_room().name, person: identity.person.id });
        owner.handle(kick).await.unwrap();
        let (mut again, identity) = open(address, None).await;
        assert_eq!(refusal_of(again.handle(join()).await), Err(Refusal::NetworkBanned));
        let wait = Command::WaitForSeat(WaitForSeat { room: stored_room().name });
        assert_eq!(refusal_of(again.handle(wait).await), Err(Refusal::NetworkBanned));
        let message = Send::new(stored_room().name, Cid::from_random(1), Body::parse("x").unwrap());
        let posted = chat.post(&identity, message, address).await.map_err(Error::into_refusal);
        assert_eq!(posted, Err(Refusal::NetworkBanned));
        let (mut known, _) = open(address, Some(known)).await;
        assert_eq!(refusal_of(known.handle(join()).await), Ok(()));
        let (mut neighbour, _) = open(ClientAddress::new("192.0.2.8".parse().unwrap()), None).await;
        assert_eq!(refusal_of(neighbour.handle(join()).await), Ok(()));
    }
}
