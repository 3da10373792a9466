//! The room switcher: searches rooms by a few letters, and walks through the room list.

use common::{name_match::Query, room::RoomName};

use super::top_n::TopN;

/// The most rooms shown.
const MAX_RESULTS: usize = 12;

/// A search result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SwitchTarget {
    /// An existing room.
    Existing(RoomName),
    /// A new room with exactly this name.
    New(RoomName),
}

impl SwitchTarget {
    pub(crate) fn room(&self) -> &RoomName {
        match self {
            SwitchTarget::Existing(room) | SwitchTarget::New(room) => room,
        }
    }
}

/// Returns the matching rooms, the best first; equally good ones keep their order.
pub(crate) fn search_rooms(query_text: &str, rooms: impl Iterator<Item = RoomName>) -> Vec<SwitchTarget> {
    let query = Query::new(query_text);
    let mut matches = TopN::new(MAX_RESULTS);
    for room in rooms {
        if let Some(rank) = query.rank(room.as_str())
            && !matches.items().any(|known| *known == room)
        {
            matches.add(rank, room);
        }
    }
    let query_text =
        RoomName::parse(query_text).ok().filter(|new| matches.items().all(|room| room.key() != new.key()));
    matches.into_items().map(SwitchTarget::Existing).chain(query_text.map(SwitchTarget::New)).collect()
}

/// Moves an index through a list that wraps around.
pub(crate) fn wrapping_step(index: usize, count: usize, step: i8) -> usize {
    let count = count.max(1);
    (index + count).saturating_add_signed(step.into()) % count
}

/// Returns the next room in this direction, optionally only an unread one.
pub(crate) fn neighbor_room(
    rooms: &[(RoomName, bool)],
    current: Option<&RoomName>,
    step: i8,
    unread_only: bool,
) -> Option<RoomName> {
    let mut index = rooms.iter().position(|(room, _)| Some(room) == current);
    for _ in rooms {
        // Without a current room the walk begins at the opposite end.
        let next = index.map_or(if step < 0 { rooms.len() - 1 } else { 0 }, |index| {
            wrapping_step(index, rooms.len(), step)
        });
        let (room, is_unread) = &rooms[next];
        if Some(room) != current && (*is_unread || !unread_only) {
            return Some(room.clone());
        }
        index = Some(next);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(query_text: &str, rooms: &[&str]) -> Vec<String> {
        let rooms = rooms.iter().map(|room| RoomName::parse(room).unwrap());
        let name = |target: &SwitchTarget| match target {
            SwitchTarget::Existing(room) => room.to_string(),
            SwitchTarget::New(room) => format!("+{room}"),
        };
        search_rooms(query_text, rooms).iter().map(name).collect()
    }

    #[test]
    fn a_room_is_found_by_its_initials_and_while_a_syllable_is_being_composed() {
        let rooms = ["주말 등산", "동네 책모임", "Design review"];
        assert_eq!(search("ㄷㄴ", &rooms), ["동네 책모임", "+ㄷㄴ"]);
        assert_eq!(search("도", &rooms), ["동네 책모임", "+도"]);
        assert_eq!(search("ㄷㅅ", &rooms), ["주말 등산", "+ㄷㅅ"]);
        assert_eq!(search("des", &rooms), ["Design review", "+des"]);
    }

    #[test]
    fn the_best_match_comes_first_and_an_existing_room_is_not_offered_as_new() {
        let rooms = ["점심 모임", "모임", "모임 뒤풀이", "모임"];
        assert_eq!(search("모임", &rooms), ["모임", "모임 뒤풀이", "점심 모임"]);
        assert_eq!(search("모임  뒤풀이", &["모임 뒤풀이"]), ["모임 뒤풀이"], "which it would lead to");
        assert_eq!(search("team", &["Team"]), ["Team"]);
    }

    #[test]
    fn an_empty_query_returns_the_rooms_in_their_order() {
        assert_eq!(search("", &["나", "가"]), ["나", "가"]);
        let many: Vec<String> = (0..50).map(|number| format!("방 {number}")).collect();
        assert_eq!(search("", &many.iter().map(String::as_str).collect::<Vec<_>>()).len(), MAX_RESULTS);
    }

    #[test]
    fn neighbors_are_all_rooms_or_only_unread_ones() {
        let room = |name: &str| RoomName::parse(name).unwrap();
        let rooms = [(room("가"), false), (room("나"), false), (room("다"), true)];
        let go = |current: Option<&str>, step, unread_only| {
            neighbor_room(&rooms, current.map(room).as_ref(), step, unread_only).map(|room| room.to_string())
        };
        assert_eq!(go(Some("가"), 1, false).as_deref(), Some("나"));
        assert_eq!(go(Some("가"), -1, false).as_deref(), Some("다"));
        assert_eq!(go(Some("가"), 1, true).as_deref(), Some("다"));
        assert_eq!(go(Some("다"), 1, true), None);
        assert_eq!(go(None, 1, false).as_deref(), Some("가"));
        assert_eq!(go(None, -1, false).as_deref(), Some("다"));
        assert_eq!(neighbor_room(&[], None, 1, false), None);
    }

    #[test]
    fn a_list_wraps_around() {
        assert_eq!(
            [
                wrapping_step(0, 3, 1),
                wrapping_step(2, 3, 1),
                wrapping_step(0, 3, -1),
                wrapping_step(0, 0, -1)
            ],
            [1, 0, 2, 0]
        );
    }
}
