//! The protocol keeps its promises in every order of events; each mistake made on purpose is found.
//!
//! `cargo test -p model -- --nocapture` also says how much was visited, and shows each shortest way
//! to a broken promise.

use model::{
    checker::check,
    protocol::{Config, Faults, Mutation},
};

const NO_FAULTS: Faults = Faults { breaks: 0, crashes: 0, losses: 0, full_disks: 0, reloads: 0 };

/// Two clients with a message each; a page brings one event, so that coming back takes several.
fn two_writers(faults: Faults) -> Config {
    Config { messages: vec![1, 1], page: 1, queue: 3, faults, mutation: None }
}

fn writer_and_reader(faults: Faults) -> Config {
    Config { messages: vec![2, 0], ..two_writers(faults) }
}

fn holds(config: &Config) {
    let visited = check(config).unwrap_or_else(|found| panic!("{found:?}"));
    println!("{visited:?} with {config:?}");
}

#[test]
fn promises_hold_when_nothing_goes_wrong() {
    holds(&two_writers(NO_FAULTS));
}

#[test]
fn promises_hold_with_two_readers_beside_a_writer() {
    holds(&Config { messages: vec![1, 0, 0], ..two_writers(NO_FAULTS) });
}

#[test]
fn promises_hold_when_lines_break() {
    holds(&two_writers(Faults { breaks: 1, ..NO_FAULTS }));
}

#[test]
fn promises_hold_when_queues_overflow() {
    holds(&Config { queue: 2, ..two_writers(NO_FAULTS) });
}

#[test]
fn promises_hold_when_the_server_is_killed() {
    holds(&writer_and_reader(Faults { crashes: 1, ..NO_FAULTS }));
}

#[test]
fn promises_hold_when_pages_are_reloaded() {
    holds(&two_writers(Faults { reloads: 1, ..NO_FAULTS }));
}

#[test]
fn promises_hold_when_packets_vanish() {
    holds(&two_writers(Faults { losses: 1, ..NO_FAULTS }));
}

#[test]
fn promises_hold_when_the_disk_is_full() {
    holds(&two_writers(Faults { full_disks: 2, ..NO_FAULTS }));
}

#[test]
fn promises_hold_when_everything_goes_wrong_for_one() {
    let faults = Faults { breaks: 1, crashes: 1, losses: 1, full_disks: 1, reloads: 1 };
    holds(&Config { messages: vec![2], ..two_writers(faults) });
}

#[test]
fn only_what_vanishes_needs_a_heartbeat() {
    let faults = Faults { breaks: 1, full_disks: 1, ..NO_FAULTS };
    holds(&Config { mutation: Some(Mutation::NoHeartbeat), ..writer_and_reader(faults) });
}

/// Takes minutes, and more than half a gigabyte of memory.
#[test]
#[ignore = "for the night"]
fn promises_hold_in_larger_worlds() {
    holds(&Config { messages: vec![2, 1], ..two_writers(NO_FAULTS) });
    holds(&Config { messages: vec![1, 0, 0], ..two_writers(Faults { breaks: 1, ..NO_FAULTS }) });
    holds(&two_writers(Faults { crashes: 1, ..NO_FAULTS }));
    holds(&two_writers(Faults { breaks: 1, full_disks: 1, ..NO_FAULTS }));
    holds(&writer_and_reader(Faults { breaks: 1, crashes: 1, ..NO_FAULTS }));
    holds(&writer_and_reader(Faults { breaks: 1, losses: 1, ..NO_FAULTS }));
    holds(&Config { queue: 2, ..two_writers(Faults { breaks: 1, ..NO_FAULTS }) });
    holds(&Config { messages: vec![1, 1, 0], ..two_writers(NO_FAULTS) });
}

/// A mistake, the world it is made in, and the promise that is seen to break.
#[test]
fn every_mistake_is_found() {
    let nothing_wrong = writer_and_reader(NO_FAULTS);
    let a_break = writer_and_reader(Faults { breaks: 1, ..NO_FAULTS });
    let a_loss = writer_and_reader(Faults { losses: 1, ..NO_FAULTS });
    let a_full_disk = writer_and_reader(Faults { full_disks: 1, ..NO_FAULTS });
    let a_reload = two_writers(Faults { reloads: 1, ..NO_FAULTS });
    let mistakes = [
        (Mutation::AckBeforeCommit, &nothing_wrong, "was acknowledged and is not in the log"),
        (Mutation::FanOutBeforeCommit, &nothing_wrong, "where it is not in the log"),
        (Mutation::NoDedupe, &a_break, "of its sender's in the log"),
        (Mutation::CountInMemory, &a_full_disk, "the log has a gap"),
        (Mutation::ReadBeforeSitting, &nothing_wrong, "never hears of the last event"),
        (Mutation::LastBeforeSitting, &a_break, "never hears of the last event"),
        (Mutation::OverflowSkips, &nothing_wrong, "something written never comes into the log"),
        (Mutation::NoHeartbeat, &a_loss, "never hears of the last event"),
        (Mutation::SeqUnchecked, &nothing_wrong, "where it is not in the log"),
        (Mutation::TwoInFlight, &a_full_disk, "of its sender's in the log"),
        (Mutation::OldIsAwaited, &a_reload, "is never empty"),
    ];
    for (mutation, world, broken) in mistakes {
        let config = Config { queue: 2, mutation: Some(mutation), ..world.clone() };
        let found = check(&config).expect_err(&format!("{mutation:?} is not found"));
        assert!(found.broken.contains(broken), "{mutation:?}: {found:?}");
        println!("{mutation:?}: {found:?}");
    }
}
