//! What we want to become of messages and the server has not confirmed: edits, deletions, reactions.
//!
//! They are shown at once, sent one after the other in the order they were wanted, and let go of
//! when the timeline has gone as far as the server's answer. `chat` sends them and keeps the texts
//! of edits where a reload finds them.

use common::{
    event::{Edit, Reaction},
    message::{Body, Cid, Emoji, Seq},
    person::Person,
    refusal::Refusal,
    room::RoomName,
};

use super::rows::Delivery;

#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    wanted: Vec<Wanted>,
    /// Those of the edits kept in this browser that are ours to take away again; the others wait in
    /// other windows.
    kept: Vec<Cid>,
}

/// One change of one message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) room: RoomName,
    pub(crate) seq: Seq,
    pub(crate) cid: Cid,
    pub(crate) change: Change,
    stage: Stage,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Edit(Body),
    Delete,
    React { emoji: Emoji, on: bool },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Waiting,
    Sent,
    /// The event with this number says so.
    Accepted(Seq),
    Failed(Refusal),
}

impl Change {
    /// Whether this takes the place of `other`, which nobody has heard of.
    fn replaces(&self, other: &Change) -> bool {
        match (self, other) {
            (Change::React { emoji, .. }, Change::React { emoji: other, .. }) => emoji == other,
            (Change::Edit(_), Change::Edit(_)) | (Change::Delete, _) => true,
            _ => false,
        }
    }
}

impl Wanted {
    pub(crate) fn new(room: RoomName, seq: Seq, cid: Cid, change: Change) -> Wanted {
        Wanted { room, seq, cid, change, stage: Stage::Waiting }
    }
}

impl Changes {
    /// So many changes wait at most.
    const MOST: usize = 100;

    /// Wants a change. When too many wait, one of the first is given up: no edit, if there is another.
    pub(crate) fn push(&mut self, wanted: Wanted) {
        self.wanted.retain(|other| {
            let unheard = matches!(other.stage, Stage::Waiting | Stage::Failed(_));
            !(unheard && other.is_of(&wanted.room, wanted.seq) && wanted.change.replaces(&other.change))
        });
        if self.wanted.len() >= Self::MOST {
            let is_edit = |wanted: &Wanted| matches!(wanted.change, Change::Edit(_));
            self.wanted.remove(self.wanted.iter().position(|wanted| !is_edit(wanted)).unwrap_or(0));
        }
        self.wanted.push(wanted);
    }

    /// The one to send now, among those in rooms that can be sent to. One at a time is on its way.
    pub(crate) fn next(&mut self, can_send_to: impl Fn(&RoomName) -> bool) -> Option<Wanted> {
        if self.wanted.iter().any(|wanted| wanted.stage == Stage::Sent) {
            return None;
        }
        let next = self
            .wanted
            .iter_mut()
            .find(|wanted| wanted.stage == Stage::Waiting && can_send_to(&wanted.room))?;
        next.stage = Stage::Sent;
        Some(next.clone())
    }

    /// The server's answer: the event that says so, or why not; nothing at all without a connection.
    pub(crate) fn answered(&mut self, cid: &Cid, answer: Option<Result<Seq, Refusal>>) {
        let Some(wanted) = self.wanted.iter_mut().find(|wanted| wanted.cid == *cid) else { return };
        wanted.stage = match answer {
            Some(Ok(seq)) => Stage::Accepted(seq),
            Some(Err(refusal)) => Stage::Failed(refusal),
            None => Stage::Waiting,
        };
    }

    /// Lets go of what is in the log of this room, which is known up to `last`.
    pub(crate) fn settle(&mut self, room: &RoomName, last: Seq) {
        self.wanted.retain(|wanted| {
            wanted.room != *room || !matches!(wanted.stage, Stage::Accepted(seq) if seq <= last)
        });
    }

    /// Tries again what failed with this message.
    pub(crate) fn retry(&mut self, room: &RoomName, seq: Seq) {
        for wanted in self.wanted.iter_mut().filter(|wanted| wanted.is_of(room, seq)) {
            if matches!(wanted.stage, Stage::Failed(_)) {
                wanted.stage = Stage::Waiting;
            }
        }
    }

    /// Gives up what failed with this message.
    pub(crate) fn discard(&mut self, room: &RoomName, seq: Seq) {
        self.wanted.retain(|wanted| !(wanted.is_of(room, seq) && matches!(wanted.stage, Stage::Failed(_))));
    }

    /// Nobody is there any more for whom it was wanted.
    pub(crate) fn forget_room(&mut self, room: &RoomName) {
        self.wanted.retain(|wanted| wanted.room != *room);
    }

    /// Wants the edits again that an earlier visit left unsaid.
    pub(crate) fn recall(&mut self, kept: Vec<Edit>) {
        for Edit { room, seq, cid, body } in kept {
            self.kept.push(cid.clone());
            self.push(Wanted::new(room, seq, cid, Change::Edit(body)));
        }
    }

    /// The edits to be kept in this browser, where these are: all windows keep theirs in one list.
    pub(crate) fn keep(&mut self, mut kept: Vec<Edit>) -> Vec<Edit> {
        let ours = self.edits();
        kept.retain(|edit| !self.kept.contains(&edit.cid) && ours.iter().all(|own| own.cid != edit.cid));
        self.kept = ours.iter().map(|edit| edit.cid.clone()).collect();
        kept.extend(ours);
        kept
    }

    /// The edits the server does not have.
    fn edits(&self) -> Vec<Edit> {
        let unheard = self.wanted.iter().filter(|wanted| !matches!(wanted.stage, Stage::Accepted(_)));
        unheard
            .filter_map(|wanted| match &wanted.change {
                Change::Edit(body) => Some(Edit {
                    room: wanted.room.clone(),
                    seq: wanted.seq,
                    cid: wanted.cid.clone(),
                    body: body.clone(),
                }),
                Change::Delete | Change::React { .. } => None,
            })
            .collect()
    }

    /// What is wanted of this message.
    pub(crate) fn of<'a>(&'a self, room: &'a RoomName, seq: Seq) -> impl Iterator<Item = &'a Wanted> {
        self.wanted.iter().filter(move |wanted| wanted.is_of(room, seq))
    }
}

impl Wanted {
    fn is_of(&self, room: &RoomName, seq: Seq) -> bool {
        self.seq == seq && self.room == *room
    }

    /// How far it has come.
    pub(crate) fn delivery(&self) -> Delivery {
        match self.stage {
            Stage::Waiting | Stage::Sent => Delivery::Sending,
            Stage::Accepted(_) => Delivery::Said,
            Stage::Failed(refusal) => Delivery::Failed(refusal),
        }
    }

    /// Puts a reaction of ours among those there are, or takes it away.
    pub(crate) fn show_reaction(reactions: &mut Vec<Reaction>, emoji: &Emoji, on: bool, me: &Person) {
        let known = reactions.iter_mut().find(|reaction| reaction.emoji == *emoji);
        let is_on =
            known.as_ref().is_some_and(|reaction| reaction.people.iter().any(|person| person.id == me.id));
        match (known, on) {
            (Some(reaction), true) if !is_on => {
                reaction.count += 1;
                reaction.people.push(me.clone());
            }
            (Some(reaction), false) if is_on => {
                reaction.count = reaction.count.saturating_sub(1);
                reaction.people.retain(|person| person.id != me.id);
            }
            (None, true) => {
                reactions.push(Reaction { emoji: emoji.clone(), count: 1, people: vec![me.clone()] });
            }
            _ => {}
        }
        reactions.retain(|reaction| reaction.count > 0);
    }
}

#[cfg(test)]
mod tests {
    use common::person::{DisplayName, PersonId};

    use super::*;

    fn room(name: &str) -> RoomName {
        RoomName::parse(name).unwrap()
    }

    fn edit(text: &str) -> Change {
        Change::Edit(Body::parse(text).unwrap())
    }

    fn react(emoji: &str, on: bool) -> Change {
        Change::React { emoji: Emoji::parse(emoji).unwrap(), on }
    }

    fn cid(number: u128) -> Cid {
        Cid::from_random(number)
    }

    /// A change of the first message of 마당, known by this number.
    fn wanted(number: u128, change: Change) -> Wanted {
        Wanted::new(room("마당"), Seq(1), cid(number), change)
    }

    /// These, wanted one after the other and known by their places from one on.
    fn changes(all: impl IntoIterator<Item = Change>) -> Changes {
        let mut changes = Changes::default();
        for (number, change) in (1..).zip(all) {
            changes.push(wanted(number, change));
        }
        changes
    }

    fn left(changes: &Changes) -> Vec<Change> {
        changes.wanted.iter().map(|wanted| wanted.change.clone()).collect()
    }

    fn send(changes: &mut Changes) -> Option<Change> {
        changes.next(|_| true).map(|wanted| wanted.change)
    }

    #[test]
    fn a_change_takes_the_place_of_one_nobody_has_heard_of() {
        let cases = [
            (vec![edit("가"), edit("나")], vec![edit("나")]),
            (vec![react("👍", true), react("👍", false)], vec![react("👍", false)]),
            (vec![react("👍", true), react("🎉", true)], vec![react("👍", true), react("🎉", true)]),
            (vec![react("👍", true), edit("가")], vec![react("👍", true), edit("가")]),
            (vec![react("👍", true), edit("가"), Change::Delete], vec![Change::Delete]),
        ];
        for (wanted, expected) in cases {
            assert_eq!(left(&changes(wanted)), expected);
        }
        let mut changes = changes([edit("가")]);
        assert_eq!(send(&mut changes), Some(edit("가")));
        changes.push(wanted(2, edit("나")));
        assert_eq!(left(&changes), [edit("가"), edit("나")], "the server may have heard of the first");
    }

    #[test]
    fn one_is_on_its_way_at_a_time_and_no_room_waits_for_another() {
        let mut changes = changes([edit("가"), react("👍", true)]);
        changes.push(Wanted::new(room("뒷마당"), Seq(1), cid(3), Change::Delete));
        let elsewhere = changes.next(|name| *name == room("뒷마당")).map(|wanted| wanted.change);
        assert_eq!(elsewhere, Some(Change::Delete));
        assert_eq!(send(&mut changes), None);
        changes.answered(&cid(3), Some(Ok(Seq(2))));
        assert_eq!(send(&mut changes), Some(edit("가")));
    }

    #[test]
    fn what_the_server_has_is_shown_until_the_log_says_so() {
        let mut changes = changes([edit("가")]);
        send(&mut changes);
        changes.answered(&cid(1), Some(Ok(Seq(9))));
        changes.settle(&room("마당"), Seq(8));
        changes.settle(&room("뒷마당"), Seq(9));
        let delivery = changes.of(&room("마당"), Seq(1)).map(Wanted::delivery).collect::<Vec<_>>();
        assert_eq!(delivery, [Delivery::Said]);
        changes.settle(&room("마당"), Seq(9));
        assert!(left(&changes).is_empty());
    }

    #[test]
    fn what_was_not_answered_is_tried_again_and_what_was_refused_only_when_asked_to() {
        let mut changes = changes([edit("가")]);
        send(&mut changes);
        changes.answered(&cid(1), None);
        assert_eq!(send(&mut changes), Some(edit("가")));
        changes.answered(&cid(1), Some(Err(Refusal::NotYours)));
        assert_eq!(send(&mut changes), None);
        changes.retry(&room("마당"), Seq(1));
        assert_eq!(send(&mut changes), Some(edit("가")));
        changes.answered(&cid(1), Some(Err(Refusal::NotYours)));
        changes.discard(&room("마당"), Seq(1));
        assert!(left(&changes).is_empty());
    }

    #[test]
    fn an_edit_is_kept_until_the_server_has_it() {
        let mut changes = changes([edit("가"), react("👍", true)]);
        let kept = changes.keep(Vec::new());
        assert_eq!(kept.len(), 1);
        send(&mut changes);
        assert_eq!(changes.keep(kept.clone()), kept);
        changes.answered(&cid(1), Some(Ok(Seq(9))));
        assert!(changes.keep(kept).is_empty());
    }

    #[test]
    fn what_one_window_keeps_is_not_lost_with_what_another_does() {
        let cids = |kept: &[Edit]| kept.iter().map(|edit| edit.cid.clone()).collect::<Vec<_>>();
        let (mut one, mut other) = (changes([edit("가")]), Changes::default());
        let kept = one.keep(Vec::new());
        assert_eq!(cids(&kept), [cid(1)]);
        other.push(wanted(2, react("👍", true)));
        let kept = other.keep(kept);
        assert_eq!(cids(&kept), [cid(1)]);
        other.push(wanted(3, edit("나")));
        let kept = other.keep(kept);
        assert_eq!(cids(&kept), [cid(1), cid(3)]);
        // A third finds them all, and takes away what it has said.
        let mut third = Changes::default();
        third.recall(kept.clone());
        assert_eq!(send(&mut third), Some(edit("나")), "it takes the place of the one before");
        third.answered(&cid(3), Some(Ok(Seq(9))));
        assert!(third.keep(kept.clone()).is_empty());
        one.forget_room(&room("마당"));
        assert_eq!(cids(&one.keep(kept)), [cid(3)]);
    }

    #[test]
    fn when_too_many_wait_an_edit_is_the_last_to_be_given_up() {
        let mut changes = changes([edit("가"), react("👍", true)]);
        for number in 3..=Changes::MOST as u64 + 1 {
            changes.push(Wanted::new(room("마당"), Seq(number), cid(number.into()), Change::Delete));
        }
        assert_eq!(left(&changes).len(), Changes::MOST);
        assert_eq!(left(&changes)[..2], [edit("가"), Change::Delete]);
    }

    #[test]
    fn a_reaction_of_ours_counts_once_and_the_last_one_takes_the_emoji_with_it() {
        let person = |id| Person { id: PersonId(id), name: DisplayName::parse("지은").unwrap() };
        let emoji = Emoji::parse("👍").unwrap();
        let of = |people: &[u64]| {
            let people: Vec<Person> = people.iter().map(|id| person(*id)).collect();
            let reaction = Reaction { emoji: emoji.clone(), count: people.len() as u32, people };
            Vec::from_iter(Some(reaction).filter(|reaction| reaction.count > 0))
        };
        let cases: [(&[u64], bool, &[u64]); 6] = [
            (&[], true, &[1]),
            (&[2], true, &[2, 1]),
            (&[2, 1], true, &[2, 1]),
            (&[2, 1], false, &[2]),
            (&[1], false, &[]),
            (&[2], false, &[2]),
        ];
        for (before, on, afterwards) in cases {
            let mut reactions = of(before);
            Wanted::show_reaction(&mut reactions, &emoji, on, &person(1));
            assert_eq!(reactions, of(afterwards), "{before:?} {on}");
        }
    }
}
