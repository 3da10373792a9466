//! Where somebody wants to go: by the few letters they have typed of a room, or by walking through
//! the list of rooms.

use common::{korean::Query, room::RoomName};

use super::ranking::Ranking;

/// So many rooms are offered; whoever wants another types one more letter.
const OFFERED: usize = 12;

/// Somewhere to go.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Offer {
    /// A room there is.
    Room(RoomName),
    /// A room of just this name, to be opened.
    New(RoomName),
}

impl Offer {
    pub(crate) fn room(&self) -> &RoomName {
        match self {
            Offer::Room(room) | Offer::New(room) => room,
        }
    }
}

/// What fits what is typed, the best first; rooms that fit equally well stay in their order.
pub(crate) fn offers(typed: &str, rooms: impl Iterator<Item = RoomName>) -> Vec<Offer> {
    let query = Query::new(typed);
    let mut found = Ranking::of(OFFERED);
    for room in rooms {
        if let Some(place) = query.find(room.as_str())
            && !found.items().any(|known| *known == room)
        {
            found.add(place, room);
        }
    }
    let typed = RoomName::parse(typed).ok().filter(|typed| found.items().all(|room| room != typed));
    found.into_items().map(Offer::Room).chain(typed.map(Offer::New)).collect()
}

/// What a list is walked through with: from the end it goes on at the beginning.
pub(crate) fn step(place: usize, count: usize, step: i8) -> usize {
    let count = count.max(1);
    (place + count).saturating_add_signed(step.into()) % count
}

/// The room `by` places from here, or the next one in that direction with something unread.
pub(crate) fn beside(
    rooms: &[(RoomName, bool)],
    here: Option<&RoomName>,
    by: i8,
    unread: bool,
) -> Option<RoomName> {
    let mut place = rooms.iter().position(|(room, _)| Some(room) == here);
    for _ in rooms {
        // From a page that is no room one comes in at the end one walks away from.
        let next =
            place.map_or(if by < 0 { rooms.len() - 1 } else { 0 }, |place| step(place, rooms.len(), by));
        let (room, is_unread) = &rooms[next];
        if Some(room) != here && (*is_unread || !unread) {
            return Some(room.clone());
        }
        place = Some(next);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(typed: &str, rooms: &[&str]) -> Vec<String> {
        let rooms = rooms.iter().map(|room| RoomName::parse(room).unwrap());
        let name = |offer: &Offer| match offer {
            Offer::Room(room) => room.to_string(),
            Offer::New(room) => format!("+{room}"),
        };
        offers(typed, rooms).iter().map(name).collect()
    }

    #[test]
    fn a_room_is_found_by_its_initials_and_while_a_syllable_is_being_composed() {
        let rooms = ["주말 등산", "동네 책모임", "Design review"];
        assert_eq!(offered("ㄷㄴ", &rooms), ["동네 책모임", "+ㄷㄴ"]);
        assert_eq!(offered("도", &rooms), ["동네 책모임", "+도"]);
        assert_eq!(offered("ㄷㅅ", &rooms), ["주말 등산", "+ㄷㅅ"]);
        assert_eq!(offered("des", &rooms), ["Design review", "+des"]);
    }

    #[test]
    fn the_best_fit_comes_first_and_a_room_there_is_is_not_opened_anew() {
        let rooms = ["점심 모임", "모임", "모임 뒤풀이", "모임"];
        assert_eq!(offered("모임", &rooms), ["모임", "모임 뒤풀이", "점심 모임"]);
    }

    #[test]
    fn nothing_typed_offers_the_rooms_in_their_order() {
        assert_eq!(offered("", &["나", "가"]), ["나", "가"]);
        let many: Vec<String> = (0..50).map(|number| format!("방 {number}")).collect();
        assert_eq!(offered("", &many.iter().map(String::as_str).collect::<Vec<_>>()).len(), OFFERED);
    }

    #[test]
    fn one_walks_from_room_to_room_and_past_those_that_are_read() {
        let room = |name: &str| RoomName::parse(name).unwrap();
        let rooms = [(room("가"), false), (room("나"), false), (room("다"), true)];
        let go = |here: Option<&str>, by, unread| {
            beside(&rooms, here.map(room).as_ref(), by, unread).map(|room| room.to_string())
        };
        assert_eq!(go(Some("가"), 1, false).as_deref(), Some("나"));
        assert_eq!(go(Some("가"), -1, false).as_deref(), Some("다"));
        assert_eq!(go(Some("가"), 1, true).as_deref(), Some("다"));
        assert_eq!(go(Some("다"), 1, true), None);
        assert_eq!(go(None, 1, false).as_deref(), Some("가"));
        assert_eq!(go(None, -1, false).as_deref(), Some("다"));
        assert_eq!(beside(&[], None, 1, false), None);
    }

    #[test]
    fn a_list_has_no_end() {
        assert_eq!([step(0, 3, 1), step(2, 3, 1), step(0, 3, -1), step(0, 0, -1)], [1, 0, 2, 0]);
    }
}
