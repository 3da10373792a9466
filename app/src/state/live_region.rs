//! Screen-reader announcements: each message when quiet, a count every few seconds in bursts,
//! because spoken text cannot be skimmed.

use std::mem;

use common::{markup, protocol::event::Event};

/// The text to announce.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Announcement {
    One {
        author: String,
        text: String,
    },
    /// The number of messages, without their texts.
    Many(usize),
}

#[derive(Debug, Default)]
pub(crate) struct LiveRegion {
    /// The number of messages that were not announced yet.
    pending_count: usize,
    /// The latest of them.
    latest: Option<Event>,
    /// Whether an announcement is being read.
    is_announcing: bool,
}

impl LiveRegion {
    /// The time between two announcements, in ms.
    pub(crate) const INTERVAL: u32 = 4_000;

    /// Adds an event. Returns true if nothing is being read: call
    /// [`next_announcement`](LiveRegion::next_announcement) then, and again after each interval
    /// until it returns `None`.
    pub(crate) fn push(&mut self, event: Event) -> bool {
        if event.kind.body().is_none() {
            return false;
        }
        self.pending_count += 1;
        self.latest = Some(event);
        !mem::replace(&mut self.is_announcing, true)
    }

    pub(crate) fn next_announcement(&mut self) -> Option<Announcement> {
        let latest = self.latest.take();
        let announcement = match mem::take(&mut self.pending_count) {
            0 | 1 => latest.and_then(|event| {
                let text = markup::plain_text(event.kind.body()?.as_str());
                Some(Announcement::One { author: event.person.marked_name(), text })
            }),
            count => Some(Announcement::Many(count)),
        };
        self.is_announcing = announcement.is_some();
        announcement
    }

    /// Drops what was not announced, because another room is shown.
    pub(crate) fn clear(&mut self) {
        self.pending_count = 0;
        self.latest = None;
    }
}

#[cfg(test)]
mod tests {
    use common::{
        message::{Body, Cid, Seq, Timestamp},
        person::{DisplayName, Person, PersonId},
        protocol::event::EventKind,
    };

    use super::*;

    fn event(text: &str) -> Event {
        let person = Person::new(PersonId(1), DisplayName::parse("지은").unwrap());
        let kind = EventKind::posted(Cid::parse("c").unwrap(), Body::parse(text).unwrap());
        Event { seq: Seq(1), at: Timestamp(0), person, kind }
    }

    #[test]
    fn one_message_is_announced_and_several_are_counted() {
        let mut region = LiveRegion::default();
        assert!(region.push(event("*안녕*")));
        let one = Announcement::One { author: "지은".to_owned(), text: "안녕".to_owned() };
        assert_eq!(region.next_announcement(), Some(one));
        for text in ["하나", "둘", "셋"] {
            assert!(!region.push(event(text)), "an announcement is being read");
        }
        assert_eq!(region.next_announcement(), Some(Announcement::Many(3)));
        assert_eq!(region.next_announcement(), None);
        assert!(region.push(event("넷")), "it is quiet again");
    }

    #[test]
    fn only_messages_of_the_current_room_are_announced() {
        let mut region = LiveRegion::default();
        assert!(!region.push(Event { kind: EventKind::Deleted { target: Seq(1) }, ..event("x") }));
        assert!(region.push(event("하나")));
        region.next_announcement();
        region.push(event("둘"));
        region.clear();
        assert_eq!(region.next_announcement(), None);
    }
}
