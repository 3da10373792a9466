//! For each rule a history that breaks it, and correct histories that break none.

use std::time::{Duration, Instant};

use common::{
    message::{Body, Cid, Seq},
    refusal::Refusal,
    room::RoomName,
};
use proptest::prelude::*;

use super::{Harm, Rule, Scope, check, check_served};
use crate::{
    history::{
        Applied, History, LineConnection, LineMessage, LineOutcome, Outcome, RoomConnection, RoomHistory,
        SentMessage,
    },
    log::{Entry, Log},
};

const SCOPE: Scope = Scope { complete_pushes: true, drained: true };

/// A run in one room: the order of the senders, received by every client. Each message is sent after the
/// acknowledgement of the one before.
struct Run {
    log: Log,
    histories: Vec<History>,
}

fn room() -> RoomName {
    RoomName::parse("마당").unwrap()
}

fn local_address() -> std::net::SocketAddr {
    "127.0.0.1:9".parse().unwrap()
}

impl Run {
    /// Builds a correct run in which these clients send in this order; each joined after the event in
    /// `joins`.
    fn new(joins: &[u64], senders: &[usize]) -> Run {
        let began = Instant::now();
        let at = |step: usize| began + Duration::from_millis(step as u64);
        let mut rooms: Vec<RoomHistory> = joins
            .iter()
            .map(|from| {
                let connection = RoomConnection {
                    local_address: local_address(),
                    opened_at: began,
                    join_last: Some(Seq(*from)),
                    pushes: Vec::new(),
                    open_at_end: true,
                };
                RoomHistory {
                    applied_after: Some(Seq(*from)),
                    connections: vec![connection],
                    ..RoomHistory::default()
                }
            })
            .collect();
        let mut entries = Vec::new();
        for (step, sender) in senders.iter().enumerate() {
            let seq = Seq(step as u64 + 1);
            let cid = Cid::parse(&format!("m{}", seq.0)).unwrap();
            let body = Body::parse(&format!("{}번째", seq.0)).unwrap();
            let outcome = Outcome::Acked { at: at(step * 2 + 1), seq };
            let first_sent = Some(at(step * 2));
            rooms[*sender].messages.push(SentMessage {
                cid: cid.clone(),
                body: body.clone(),
                first_sent,
                outcome,
            });
            for room_history in rooms.iter_mut().filter(|room_history| room_history.applied_after < Some(seq))
            {
                let (cid, body) = (cid.clone(), body.clone());
                room_history.applied.push(Applied { seq, cid, body, at: at(step * 2 + 1) });
                room_history.connections[0].pushes.push(seq);
            }
            entries.push(Entry { seq, cid, body });
        }
        let name = |number: usize| format!("c{number}");
        let history = |(number, room_history)| {
            let rooms = [(room(), room_history)].into();
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
fn a_correct_run_breaks_no_rule() {
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
        run.client(0).messages[0].outcome = Outcome::Acked { at, seq: Seq(2) };
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
    breaks(Rule::Acked, Harm::Lost, |run| run.client(0).messages[0].outcome = Outcome::Unknown);
    breaks(Rule::Acked, Harm::Lost, |run| {
        run.client(0).messages[0].outcome = Outcome::Refused(Refusal::CidTaken);
    });
    let mut run = run();
    run.client(0).messages[1].outcome = Outcome::Unknown;
    assert_eq!(
        check(&run.histories, &run.log, Scope { drained: false, ..SCOPE }).len(),
        0,
        "it may still be"
    );
}

#[test]
fn an_identity_that_was_acknowledged_and_is_gone_is_lost() {
    breaks(Rule::Acked, Harm::Lost, |run| run.histories[1].unknown_tokens = 1);
}

#[test]
fn a_gap_in_the_numbers_is_a_loss_and_a_number_twice_a_double() {
    breaks(Rule::Numbered, Harm::Lost, |run| drop(run.entries().remove(1)));
    breaks(Rule::Numbered, Harm::Doubled, |run| run.entries()[2].seq = Seq(2));
}

#[test]
fn one_senders_messages_that_change_places_are_out_of_order() {
    breaks(Rule::SenderOrder, Harm::OutOfOrder, |run| run.client(0).messages.swap(0, 1));
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
fn a_message_sent_after_an_acknowledgement_must_stand_behind_it() {
    breaks(Rule::RealTime, Harm::OutOfOrder, |run| {
        // The second was sent and acknowledged before the first was sent.
        let (early, late) =
            (run.client(0).messages[0].first_sent.unwrap(), run.client(1).messages[1].first_sent.unwrap());
        run.client(1).messages[0].first_sent = Some(early - Duration::from_millis(9));
        run.client(1).messages[0].outcome =
            Outcome::Acked { at: early - Duration::from_millis(5), seq: Seq(2) };
        run.client(0).messages[0].outcome = Outcome::Acked { at: late, seq: Seq(1) };
    });
}

#[test]
fn an_unsent_message_is_invented_and_a_sent_text_under_another_cid_is_doubled() {
    let strange = |run: &mut Run, text: &str| {
        let (cid, body) = (Cid::parse("strange").unwrap(), Body::parse(text).unwrap());
        run.entries().push(Entry { seq: Seq(5), cid, body });
    };
    breaks(Rule::Genuine, Harm::Invented, |run| strange(run, "아무도"));
    breaks(Rule::Genuine, Harm::Doubled, |run| strange(run, "1번째"));
}

#[test]
fn a_connection_must_receive_every_event_once_and_in_order() {
    breaks(Rule::Delivered, Harm::Lost, |run| {
        run.client(1).connections[0].pushes.remove(2);
    });
    breaks(Rule::Delivered, Harm::Doubled, |run| run.client(1).connections[0].pushes.insert(2, Seq(2)));
    breaks(Rule::Delivered, Harm::OutOfOrder, |run| run.client(1).connections[0].pushes.swap(1, 2));
    breaks(Rule::Delivered, Harm::Lost, |run| {
        run.client(1).connections[0].pushes.remove(0);
    });
    breaks(Rule::Delivered, Harm::Lost, |run| run.client(1).connections[0].pushes.clear());
    breaks(Rule::Delivered, Harm::Lost, |run| {
        run.client(1).connections[0].pushes.pop();
    });
}

#[test]
fn a_cut_connection_need_not_have_received_the_end() {
    let mut run = run();
    run.client(1).connections[0].open_at_end = false;
    run.client(1).connections[0].pushes.pop();
    assert_eq!(run.broken(), []);
}

/// A run over lines: two clients, each shown the messages of the other.
fn line_run() -> Run {
    let began = Instant::now();
    let texts = ["aa", "bb", "ab", "ba"];
    let sent_by = |sender: usize| {
        let own = texts.iter().enumerate().skip(sender).step_by(2);
        own.map(|(step, text)| {
            let at = |half: usize| began + Duration::from_millis((step * 2 + half) as u64);
            LineMessage {
                text: Body::parse(text).unwrap(),
                sent_at: at(0),
                outcome: LineOutcome::Accepted { at: at(1) },
            }
        })
    };
    let client = |sender: usize| {
        let shown = sent_by(1 - sender).map(|message| message.text.as_str().to_owned()).collect();
        let connection = LineConnection {
            messages: sent_by(sender).collect(),
            received: shown,
            from_join: 0,
            open_at_end: true,
        };
        let room_history = RoomHistory { line_connections: vec![connection], ..RoomHistory::default() };
        History { client: format!("c{sender}"), rooms: [(room(), room_history)].into(), ..History::default() }
    };
    let entry = |(seq, text): (u64, &&str)| Entry {
        seq: Seq(seq),
        cid: Cid::from_random(u128::from(seq)),
        body: Body::parse(text).unwrap(),
    };
    let entries = (1..).zip(&texts).map(entry).collect();
    Run { log: [(room(), entries)].into(), histories: vec![client(0), client(1)] }
}

#[track_caller]
fn breaks_line_run(rule: Rule, harm: Harm, change: impl FnOnce(&mut Run)) {
    let mut run = line_run();
    assert_eq!(run.broken(), []);
    change(&mut run);
    let broken = run.broken();
    assert!(broken.contains(&(rule, harm)), "{rule:?} {harm:?} is not among {broken:?}");
}

#[test]
fn an_accepted_line_message_is_stored_once_and_a_refused_one_is_not() {
    breaks_line_run(Rule::Acked, Harm::Lost, |run| drop(run.entries().pop()));
    breaks_line_run(Rule::Acked, Harm::Doubled, |run| {
        let again = Entry { seq: Seq(5), ..run.entries()[0].clone() };
        run.entries().push(again);
    });
    breaks_line_run(Rule::Acked, Harm::Invented, |run| {
        run.client(0).line_connections[0].messages[0].outcome = LineOutcome::Refused(Refusal::NotStored);
    });
}

#[test]
fn line_messages_keep_their_order_among_themselves_and_with_others() {
    breaks_line_run(Rule::SenderOrder, Harm::OutOfOrder, |run| {
        run.client(0).line_connections[0].messages.swap(0, 1);
    });
    breaks_line_run(Rule::RealTime, Harm::OutOfOrder, |run| {
        run.entries().swap(0, 1);
        (run.entries()[0].seq, run.entries()[1].seq) = (Seq(1), Seq(2));
    });
}

#[test]
fn only_the_beginning_of_a_cut_line_may_be_stored() {
    let cut = |text: &str| {
        let mut run = line_run();
        let outcome = LineOutcome::Unknown;
        let text_of_call = Body::parse("완전한 줄").unwrap();
        let lost = LineMessage { text: text_of_call, sent_at: Instant::now(), outcome };
        run.client(0)
            .line_connections
            .push(LineConnection { messages: vec![lost], ..LineConnection::default() });
        let (cid, body) = (Cid::parse("cut").unwrap(), Body::parse(text).unwrap());
        run.entries().push(Entry { seq: Seq(5), cid, body });
        for number in 0..2 {
            run.client(number).line_connections[0].open_at_end = false;
        }
        run.broken()
    };
    assert_eq!(cut("완전"), []);
    assert_eq!(cut("완전한 줄"), []);
    assert_eq!(cut("전한 줄"), [(Rule::Genuine, Harm::Invented)]);
}

#[test]
fn a_line_client_must_be_shown_consecutive_messages_without_its_own() {
    let shown = |run: &mut Run| std::mem::take(&mut run.client(0).line_connections[0].received);
    breaks_line_run(Rule::Delivered, Harm::Lost, |run| {
        let rest = shown(run).split_off(1);
        run.client(0).line_connections[0].received = rest;
    });
    breaks_line_run(Rule::Delivered, Harm::Lost, |run| {
        drop(run.client(0).line_connections[0].received.pop());
    });
    breaks_line_run(Rule::Delivered, Harm::Lost, |run| drop(shown(run)));
    breaks_line_run(Rule::Delivered, Harm::Doubled, |run| {
        run.client(0).line_connections[0].received.push("ba".to_owned());
    });
    breaks_line_run(Rule::Delivered, Harm::OutOfOrder, |run| {
        run.client(0).line_connections[0].received.swap(0, 1);
    });
    breaks_line_run(Rule::Delivered, Harm::Invented, |run| {
        run.client(0).line_connections[0].received.push("?".to_owned());
    });
    let mut late = line_run();
    late.client(0).line_connections[0] = LineConnection {
        received: vec!["ba".to_owned()],
        from_join: 1,
        open_at_end: true,
        ..LineConnection::default()
    };
    assert!(
        !late.broken().iter().any(|(rule, _)| *rule == Rule::Delivered),
        "it joined when the rest was over"
    );
}

#[test]
fn the_served_log_must_equal_the_stored_log() {
    let (mut served, stored) = (run(), run());
    assert_eq!(check_served(&served.log, &stored.log).len(), 0);
    served.entries().pop();
    assert_eq!(check_served(&served.log, &stored.log)[0].rule, Rule::Served);
}

/// Breaks one thing in a run, at this place.
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
            run.client(0).connections[0].pushes.remove(at);
        }
        5 => {
            let again = run.client(0).connections[0].pushes[at];
            run.client(0).connections[0].pushes.insert(at, again);
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
    fn a_correct_run_passes_and_a_broken_one_fails_for_any_order_of_senders(
        senders in prop::collection::vec(0usize..5, 2..60),
        joins in prop::collection::vec(0u64..60, 4),
        what in 0u8..7,
        at in 0usize..60,
    ) {
        // The first client is there from the beginning; none joins after the end.
        let joins: Vec<u64> =
            [0].into_iter().chain(joins.into_iter().map(|join| join.min(senders.len() as u64))).collect();
        let mut run = Run::new(&joins, &senders);
        prop_assert_eq!(run.broken(), []);
        break_one(&mut run, what, at);
        prop_assert!(!run.broken().is_empty());
    }
}
