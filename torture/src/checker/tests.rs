//! Each rule has a history that breaks it, and histories that break nothing are left alone.

use std::time::{Duration, Instant};

use common::{
    message::{Body, Cid, Seq},
    refusal::Refusal,
    room::RoomName,
};
use proptest::prelude::*;

use super::{Harm, Rule, Scope, check, check_served};
use crate::{
    history::{Applied, Call, Fate, History, Outcome, RoomHistory, Said, Spoken, Stay},
    log::{Entry, Log},
};

const SCOPE: Scope = Scope { pushes: true, settled: true };

/// A run in one room: who said what in which order, heard by everybody. Each message is sent when
/// the one before it was acknowledged.
struct Run {
    log: Log,
    histories: Vec<History>,
}

fn room() -> RoomName {
    RoomName::parse("마당").unwrap()
}

fn line() -> std::net::SocketAddr {
    "127.0.0.1:9".parse().unwrap()
}

impl Run {
    /// A faultless run in which these clients speak in this order; each joined after the event of
    /// `joins`.
    fn new(joins: &[u64], speakers: &[usize]) -> Run {
        let began = Instant::now();
        let at = |step: usize| began + Duration::from_millis(step as u64);
        let mut rooms: Vec<RoomHistory> = joins
            .iter()
            .map(|from| {
                let stay =
                    Stay { line: line(), began, joined: Some(Seq(*from)), pushes: Vec::new(), lasted: true };
                RoomHistory { from: Some(Seq(*from)), stays: vec![stay], ..RoomHistory::default() }
            })
            .collect();
        let mut entries = Vec::new();
        for (step, speaker) in speakers.iter().enumerate() {
            let seq = Seq(step as u64 + 1);
            let cid = Cid::parse(&format!("m{}", seq.0)).unwrap();
            let body = Body::parse(&format!("{}번째", seq.0)).unwrap();
            let outcome = Outcome::Acked { at: at(step * 2 + 1), seq };
            let sent = Some(at(step * 2));
            rooms[*speaker].said.push(Said { cid: cid.clone(), body: body.clone(), sent, outcome });
            for inside in rooms.iter_mut().filter(|inside| inside.from < Some(seq)) {
                let (cid, body) = (cid.clone(), body.clone());
                inside.applied.push(Applied { seq, cid, body, at: at(step * 2 + 1) });
                inside.stays[0].pushes.push(seq);
            }
            entries.push(Entry { seq, cid, body });
        }
        let name = |number: usize| format!("c{number}");
        let history = |(number, inside)| {
            let rooms = [(room(), inside)].into();
            History { client: name(number), rooms, ..History::default() }
        };
        let histories = rooms.into_iter().enumerate().map(history).collect();
        Run { log: [(room(), entries)].into(), histories }
    }

    fn entries(&mut self) -> &mut Vec<Entry> {
        self.log.get_mut(&room()).unwrap()
    }

    fn client(&mut self, number: usize) -> &mut RoomHistory {
        self.histories[number].rooms.get_mut(&room()).unwrap()
    }

    fn broken(&self) -> Vec<(Rule, Harm)> {
        check(&self.histories, &self.log, SCOPE).into_iter().map(|found| (found.rule, found.harm)).collect()
    }
}

/// Two clients, four messages.
fn run() -> Run {
    Run::new(&[0, 0], &[0, 1, 0, 1])
}

#[track_caller]
fn breaks(rule: Rule, harm: Harm, change: impl FnOnce(&mut Run)) {
    let mut run = run();
    change(&mut run);
    let broken = run.broken();
    assert!(broken.contains(&(rule, harm)), "{rule:?} {harm:?} is not among {broken:?}");
}

#[test]
fn a_faultless_run_breaks_no_rule() {
    assert_eq!(run().broken(), []);
    assert_eq!(Run::new(&[0, 2], &[0, 0, 0, 1]).broken(), [], "one joined later");
}

#[test]
fn an_acknowledged_message_that_is_gone_is_lost() {
    breaks(Rule::Acked, Harm::Lost, |run| drop(run.entries().pop()));
}

#[test]
fn an_acknowledged_message_at_another_number_is_out_of_order() {
    breaks(Rule::Acked, Harm::OutOfOrder, |run| {
        let at = Instant::now();
        run.client(0).said[0].outcome = Outcome::Acked { at, seq: Seq(2) };
    });
}

#[test]
fn a_message_that_is_there_twice_is_doubled() {
    breaks(Rule::Acked, Harm::Doubled, |run| {
        let again = Entry { seq: Seq(5), ..run.entries()[0].clone() };
        run.entries().push(again);
    });
}

#[test]
fn a_message_with_another_text_is_invented() {
    breaks(Rule::Acked, Harm::Invented, |run| run.entries()[1].body = Body::parse("달라").unwrap());
}

#[test]
fn a_message_that_was_never_answered_or_refused_for_good_is_lost() {
    breaks(Rule::Acked, Harm::Lost, |run| run.client(0).said[0].outcome = Outcome::Unknown);
    breaks(Rule::Acked, Harm::Lost, |run| {
        run.client(0).said[0].outcome = Outcome::Refused(Refusal::CidTaken);
    });
    let mut run = run();
    run.client(0).said[1].outcome = Outcome::Unknown;
    assert_eq!(
        check(&run.histories, &run.log, Scope { settled: false, ..SCOPE }).len(),
        0,
        "it may still be"
    );
}

#[test]
fn an_identity_that_was_acknowledged_and_is_gone_is_lost() {
    breaks(Rule::Acked, Harm::Lost, |run| run.histories[1].forgotten = 1);
}

#[test]
fn a_gap_in_the_numbers_is_a_loss_and_a_number_twice_a_double() {
    breaks(Rule::Numbered, Harm::Lost, |run| drop(run.entries().remove(1)));
    breaks(Rule::Numbered, Harm::Doubled, |run| run.entries()[2].seq = Seq(2));
}

#[test]
fn one_senders_messages_that_change_places_are_out_of_order() {
    breaks(Rule::SenderOrder, Harm::OutOfOrder, |run| run.client(0).said.swap(0, 1));
}

#[test]
fn a_client_must_show_the_log_without_gap_or_repeat_to_its_end() {
    breaks(Rule::Applied, Harm::Lost, |run| drop(run.client(1).applied.remove(1)));
    breaks(Rule::Applied, Harm::Lost, |run| drop(run.client(1).applied.pop()));
    breaks(Rule::Applied, Harm::Doubled, |run| {
        let again = run.client(1).applied[1].clone();
        run.client(1).applied.insert(1, again);
    });
    breaks(Rule::Applied, Harm::Invented, |run| {
        let other = run.client(1).applied[0].cid.clone();
        run.client(1).applied[1].cid = other;
    });
}

#[test]
fn what_was_sent_after_an_acknowledgement_must_stand_behind_it() {
    breaks(Rule::RealTime, Harm::OutOfOrder, |run| {
        // The second was sent and acknowledged before the first was sent.
        let (early, late) = (run.client(0).said[0].sent.unwrap(), run.client(1).said[1].sent.unwrap());
        run.client(1).said[0].sent = Some(early - Duration::from_millis(9));
        run.client(1).said[0].outcome = Outcome::Acked { at: early - Duration::from_millis(5), seq: Seq(2) };
        run.client(0).said[0].outcome = Outcome::Acked { at: late, seq: Seq(1) };
    });
}

#[test]
fn what_nobody_said_is_invented_and_what_somebody_said_under_another_cid_is_doubled() {
    let strange = |run: &mut Run, text: &str| {
        let (cid, body) = (Cid::parse("strange").unwrap(), Body::parse(text).unwrap());
        run.entries().push(Entry { seq: Seq(5), cid, body });
    };
    breaks(Rule::Genuine, Harm::Invented, |run| strange(run, "아무도"));
    breaks(Rule::Genuine, Harm::Doubled, |run| strange(run, "1번째"));
}

#[test]
fn a_connection_must_be_told_every_event_once_and_in_order() {
    breaks(Rule::Told, Harm::Lost, |run| {
        run.client(1).stays[0].pushes.remove(2);
    });
    breaks(Rule::Told, Harm::Doubled, |run| run.client(1).stays[0].pushes.insert(2, Seq(2)));
    breaks(Rule::Told, Harm::OutOfOrder, |run| run.client(1).stays[0].pushes.swap(1, 2));
    breaks(Rule::Told, Harm::Lost, |run| {
        run.client(1).stays[0].pushes.remove(0);
    });
    breaks(Rule::Told, Harm::Lost, |run| run.client(1).stays[0].pushes.clear());
    breaks(Rule::Told, Harm::Lost, |run| {
        run.client(1).stays[0].pushes.pop();
    });
}

#[test]
fn a_connection_that_was_cut_need_not_have_been_told_the_end() {
    let mut run = run();
    run.client(1).stays[0].lasted = false;
    run.client(1).stays[0].pushes.pop();
    assert_eq!(run.broken(), []);
}

/// What was said over lines: two callers, each shown what the other said.
fn lines() -> Run {
    let began = Instant::now();
    let texts = ["aa", "bb", "ab", "ba"];
    let said = |speaker: usize| {
        let own = texts.iter().enumerate().skip(speaker).step_by(2);
        own.map(|(step, text)| {
            let at = |half: usize| began + Duration::from_millis((step * 2 + half) as u64);
            Spoken { text: Body::parse(text).unwrap(), sent: at(0), fate: Fate::Taken { at: at(1) } }
        })
    };
    let caller = |speaker: usize| {
        let shown = said(1 - speaker).map(|said| said.text.as_str().to_owned()).collect();
        let call = Call { said: said(speaker).collect(), shown, joined: 0, lasted: true };
        let inside = RoomHistory { calls: vec![call], ..RoomHistory::default() };
        History { client: format!("c{speaker}"), rooms: [(room(), inside)].into(), ..History::default() }
    };
    let entry = |(seq, text): (u64, &&str)| Entry {
        seq: Seq(seq),
        cid: Cid::from_random(u128::from(seq)),
        body: Body::parse(text).unwrap(),
    };
    let entries = (1..).zip(&texts).map(entry).collect();
    Run { log: [(room(), entries)].into(), histories: vec![caller(0), caller(1)] }
}

#[track_caller]
fn breaks_lines(rule: Rule, harm: Harm, change: impl FnOnce(&mut Run)) {
    let mut run = lines();
    assert_eq!(run.broken(), []);
    change(&mut run);
    let broken = run.broken();
    assert!(broken.contains(&(rule, harm)), "{rule:?} {harm:?} is not among {broken:?}");
}

#[test]
fn a_line_that_was_taken_is_there_once_and_one_that_was_refused_is_not() {
    breaks_lines(Rule::Acked, Harm::Lost, |run| drop(run.entries().pop()));
    breaks_lines(Rule::Acked, Harm::Doubled, |run| {
        let again = Entry { seq: Seq(5), ..run.entries()[0].clone() };
        run.entries().push(again);
    });
    breaks_lines(Rule::Acked, Harm::Invented, |run| {
        run.client(0).calls[0].said[0].fate = Fate::Refused(Refusal::NotStored);
    });
}

#[test]
fn what_is_said_over_one_line_keeps_its_order_also_beside_what_is_said_elsewhere() {
    breaks_lines(Rule::SenderOrder, Harm::OutOfOrder, |run| run.client(0).calls[0].said.swap(0, 1));
    breaks_lines(Rule::RealTime, Harm::OutOfOrder, |run| {
        run.entries().swap(0, 1);
        (run.entries()[0].seq, run.entries()[1].seq) = (Seq(1), Seq(2));
    });
}

#[test]
fn of_a_line_that_was_cut_the_beginning_may_have_arrived_and_nothing_else() {
    let cut = |text: &str| {
        let mut run = lines();
        let fate = Fate::Unknown;
        let text_of_call = Body::parse("완전한 줄").unwrap();
        let lost = Spoken { text: text_of_call, sent: Instant::now(), fate };
        run.client(0).calls.push(Call { said: vec![lost], ..Call::default() });
        let (cid, body) = (Cid::parse("cut").unwrap(), Body::parse(text).unwrap());
        run.entries().push(Entry { seq: Seq(5), cid, body });
        for number in 0..2 {
            run.client(number).calls[0].lasted = false;
        }
        run.broken()
    };
    assert_eq!(cut("완전"), []);
    assert_eq!(cut("완전한 줄"), []);
    assert_eq!(cut("전한 줄"), [(Rule::Genuine, Harm::Invented)]);
}

#[test]
fn a_line_must_be_shown_one_stretch_of_the_log_but_for_its_own() {
    let shown = |run: &mut Run| std::mem::take(&mut run.client(0).calls[0].shown);
    breaks_lines(Rule::Told, Harm::Lost, |run| {
        let rest = shown(run).split_off(1);
        run.client(0).calls[0].shown = rest;
    });
    breaks_lines(Rule::Told, Harm::Lost, |run| drop(run.client(0).calls[0].shown.pop()));
    breaks_lines(Rule::Told, Harm::Lost, |run| drop(shown(run)));
    breaks_lines(Rule::Told, Harm::Doubled, |run| {
        run.client(0).calls[0].shown.push("ba".to_owned());
    });
    breaks_lines(Rule::Told, Harm::OutOfOrder, |run| run.client(0).calls[0].shown.swap(0, 1));
    breaks_lines(Rule::Told, Harm::Invented, |run| run.client(0).calls[0].shown.push("?".to_owned()));
    let mut late = lines();
    late.client(0).calls[0] =
        Call { shown: vec!["ba".to_owned()], joined: 1, lasted: true, ..Call::default() };
    assert!(!late.broken().iter().any(|(rule, _)| *rule == Rule::Told), "it joined when the rest was over");
}

#[test]
fn what_is_served_must_be_what_is_stored() {
    let (mut served, stored) = (run(), run());
    assert_eq!(check_served(&served.log, &stored.log).len(), 0);
    served.entries().pop();
    assert_eq!(check_served(&served.log, &stored.log)[0].rule, Rule::Served);
}

/// One thing that can go wrong in a run, at a place of its own.
fn break_one(run: &mut Run, what: u8, at: usize) {
    let messages = run.entries().len();
    let at = at % messages;
    match what {
        0 => drop(run.entries().remove(at)),
        1 => {
            let again = Entry { seq: Seq(messages as u64 + 1), ..run.entries()[at].clone() };
            run.entries().push(again);
        }
        2 => run.entries()[at].cid = Cid::parse("strange").unwrap(),
        3 => drop(run.client(0).applied.remove(at)),
        4 => {
            run.client(0).stays[0].pushes.remove(at);
        }
        5 => {
            let again = run.client(0).stays[0].pushes[at];
            run.client(0).stays[0].pushes.insert(at, again);
        }
        _ => {
            let next = (at + 1) % messages;
            run.entries().swap(at, next);
            let (one, other) = (run.entries()[at].seq, run.entries()[next].seq);
            (run.entries()[at].seq, run.entries()[next].seq) = (other, one);
        }
    }
}

proptest! {
    #[test]
    fn whoever_speaks_when_a_faultless_run_is_left_alone_and_a_broken_one_is_not(
        speakers in prop::collection::vec(0usize..5, 2..60),
        joins in prop::collection::vec(0u64..60, 4),
        what in 0u8..7,
        at in 0usize..60,
    ) {
        // The first is there from the beginning; nobody joins later than the end.
        let joins: Vec<u64> =
            [0].into_iter().chain(joins.into_iter().map(|join| join.min(speakers.len() as u64))).collect();
        let mut run = Run::new(&joins, &speakers);
        prop_assert_eq!(run.broken(), []);
        break_one(&mut run, what, at);
        prop_assert!(!run.broken().is_empty());
    }
}
