//! What readers aloud are told of what others say: at once where it is quiet, and where much is said
//! how much, now and then. What is read out can not be skimmed.

use std::mem;

use common::{event::Event, markup};

/// What is read out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Announcement {
    One {
        who: String,
        text: String,
    },
    /// So many messages, all together.
    Many(usize),
}

#[derive(Debug, Default)]
pub(crate) struct Announcer {
    /// How many messages are to be told of, and the latest of them.
    waiting: usize,
    latest: Option<Event>,
    /// Something is being read out.
    speaking: bool,
}

impl Announcer {
    /// The time between two announcements, in milliseconds.
    pub(crate) const REST: u32 = 4_000;

    /// Takes in what somebody else did. Whether nothing is being read out, so that
    /// [`next`](Announcer::next) is to be asked now, and after each rest until it has nothing.
    pub(crate) fn hear(&mut self, event: Event) -> bool {
        if event.what.body().is_none() {
            return false;
        }
        self.waiting += 1;
        self.latest = Some(event);
        !mem::replace(&mut self.speaking, true)
    }

    pub(crate) fn next(&mut self) -> Option<Announcement> {
        let latest = self.latest.take();
        let announcement = match mem::take(&mut self.waiting) {
            0 | 1 => latest.and_then(|event| {
                let text = markup::plain(event.what.body()?.as_str());
                Some(Announcement::One { who: event.person.name.to_string(), text })
            }),
            count => Some(Announcement::Many(count)),
        };
        self.speaking = announcement.is_some();
        announcement
    }

    /// What was said is somewhere else now.
    pub(crate) fn forget(&mut self) {
        self.waiting = 0;
        self.latest = None;
    }
}

#[cfg(test)]
mod tests {
    use common::{
        event::What,
        message::{Body, Cid, Seq, Timestamp},
        person::{DisplayName, Person, PersonId},
    };

    use super::*;

    fn said(text: &str) -> Event {
        let person = Person { id: PersonId(1), name: DisplayName::parse("지은").unwrap() };
        let what = What::posted(Cid::parse("c").unwrap(), Body::parse(text).unwrap());
        Event { seq: Seq(1), at: Timestamp(0), person, what }
    }

    #[test]
    fn one_message_is_read_out_and_several_are_counted() {
        let mut announcer = Announcer::default();
        assert!(announcer.hear(said("*안녕*")));
        let one = Announcement::One { who: "지은".to_owned(), text: "안녕".to_owned() };
        assert_eq!(announcer.next(), Some(one));
        for text in ["하나", "둘", "셋"] {
            assert!(!announcer.hear(said(text)), "something is being read out");
        }
        assert_eq!(announcer.next(), Some(Announcement::Many(3)));
        assert_eq!(announcer.next(), None);
        assert!(announcer.hear(said("넷")), "it is quiet again");
    }

    #[test]
    fn what_is_no_message_is_not_read_out_and_nothing_of_another_room() {
        let mut announcer = Announcer::default();
        assert!(!announcer.hear(Event { what: What::Deleted { of: Seq(1) }, ..said("x") }));
        assert!(announcer.hear(said("하나")));
        announcer.next();
        announcer.hear(said("둘"));
        announcer.forget();
        assert_eq!(announcer.next(), None);
    }
}
