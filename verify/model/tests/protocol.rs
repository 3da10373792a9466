//! The protocol keeps its invariants in every order of events, and each deliberate mistake is
//! found.
//!
//! `cargo test -p model -- --nocapture` also prints the size of each state space and each
//! counterexample.

use model::{
    checker::check,
    config::{Config, Faults, Mutation},
};

const NO_FAULTS: Faults = Faults { breaks: 0, crashes: 0, losses: 0, failed_commits: 0, reloads: 0 };

/// Two clients with one message each. A page holds one event, so that catching up takes several.
fn two_writers(faults: Faults) -> Config {
    Config { messages: vec![1, 1], page: 1, queue: 3, faults, mutation: None }
}

fn writer_and_reader(faults: Faults) -> Config {
    Config { messages: vec![2, 0], ..two_writers(faults) }
}

fn holds(config: &Config) {
    let coverage = check(config).unwrap_or_else(|found| panic!("{found:?}"));
    println!("{coverage:?} with {config:?}");
}

#[test]
fn invariants_hold_when_nothing_goes_wrong() {
    holds(&two_writers(NO_FAULTS));
}

#[test]
fn invariants_hold_with_two_readers_beside_a_writer() {
    holds(&Config { messages: vec![1, 0, 0], ..two_writers(NO_FAULTS) });
}

#[test]
fn invariants_hold_when_connections_break() {
    holds(&two_writers(Faults { breaks: 1, ..NO_FAULTS }));
}

#[test]
fn invariants_hold_when_queues_overflow() {
    holds(&Config { queue: 2, ..two_writers(NO_FAULTS) });
}

#[test]
fn invariants_hold_when_the_server_is_killed() {
    holds(&writer_and_reader(Faults { crashes: 1, ..NO_FAULTS }));
}

#[test]
fn invariants_hold_when_pages_are_reloaded() {
    holds(&two_writers(Faults { reloads: 1, ..NO_FAULTS }));
}

#[test]
fn invariants_hold_when_packets_vanish() {
    holds(&two_writers(Faults { losses: 1, ..NO_FAULTS }));
}

#[test]
fn invariants_hold_when_the_disk_is_full() {
    holds(&two_writers(Faults { failed_commits: 2, ..NO_FAULTS }));
}

#[test]
fn invariants_hold_when_every_fault_hits_one_client() {
    let faults = Faults { breaks: 1, crashes: 1, losses: 1, failed_commits: 1, reloads: 1 };
    holds(&Config { messages: vec![2], ..two_writers(faults) });
}

#[test]
fn only_a_lost_packet_needs_a_heartbeat() {
    let faults = Faults { breaks: 1, failed_commits: 1, ..NO_FAULTS };
    holds(&Config { mutation: Some(Mutation::NoHeartbeat), ..writer_and_reader(faults) });
}

/// Takes minutes, and more than half a gigabyte of memory.
#[test]
#[ignore = "takes minutes"]
fn invariants_hold_in_larger_models() {
    holds(&Config { messages: vec![2, 1], ..two_writers(NO_FAULTS) });
    holds(&Config { messages: vec![1, 0, 0], ..two_writers(Faults { breaks: 1, ..NO_FAULTS }) });
    holds(&two_writers(Faults { crashes: 1, ..NO_FAULTS }));
    holds(&two_writers(Faults { breaks: 1, failed_commits: 1, ..NO_FAULTS }));
    holds(&writer_and_reader(Faults { breaks: 1, crashes: 1, ..NO_FAULTS }));
    holds(&writer_and_reader(Faults { breaks: 1, losses: 1, ..NO_FAULTS }));
    holds(&Config { queue: 2, ..two_writers(Faults { breaks: 1, ..NO_FAULTS }) });
    holds(&Config { messages: vec![1, 1, 0], ..two_writers(NO_FAULTS) });
}

/// Each mutation, the model it is made in, and the violation that the checker must report.
#[test]
fn every_mutation_is_found() {
    let nothing_wrong = writer_and_reader(NO_FAULTS);
    let a_break = writer_and_reader(Faults { breaks: 1, ..NO_FAULTS });
    let a_loss = writer_and_reader(Faults { losses: 1, ..NO_FAULTS });
    let a_failed_commit = writer_and_reader(Faults { failed_commits: 1, ..NO_FAULTS });
    let a_reload = two_writers(Faults { reloads: 1, ..NO_FAULTS });
    let mutations = [
        (Mutation::AckBeforeCommit, &nothing_wrong, "was acknowledged and is not in the log"),
        (Mutation::BroadcastBeforeCommit, &nothing_wrong, "where it is not in the log"),
        (Mutation::NoDedupe, &a_break, "of its sender's in the log"),
        (Mutation::SeqFromMemory, &a_failed_commit, "the log has a gap"),
        (Mutation::ReadBeforeSubscribing, &nothing_wrong, "never receives the last event"),
        (Mutation::LastBeforeSubscribing, &a_break, "never receives the last event"),
        (Mutation::OverflowDropsPacket, &nothing_wrong, "a written message never reaches the log"),
        (Mutation::NoHeartbeat, &a_loss, "never receives the last event"),
        (Mutation::SeqUnchecked, &nothing_wrong, "where it is not in the log"),
        (Mutation::TwoInFlight, &a_failed_commit, "of its sender's in the log"),
        (Mutation::KeepsSentBeforeTimeline, &a_reload, "never becomes empty"),
    ];
    for (mutation, model, violation) in mutations {
        let config = Config { queue: 2, mutation: Some(mutation), ..model.clone() };
        let found = check(&config).expect_err(&format!("{mutation:?} is not found"));
        assert!(found.violation.contains(violation), "{mutation:?}: {found:?}");
        println!("{mutation:?}: {found:?}");
    }
}
