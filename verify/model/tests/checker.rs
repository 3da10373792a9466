//! The checker finds what it should: shortest paths, bad ends, cycles.

use model::checker::{Cause, Model, Rest, check};

/// Two counters, each of which may go up to three.
#[derive(Default)]
struct Counters {
    /// The sum that violates the invariant.
    forbidden: Option<u8>,
    /// The sum after which only time goes on; its state at rest is refused.
    timer_only_at: Option<u8>,
    /// The cause of the step from the end back to the start, if there is one.
    back_edge: Option<Cause>,
}

const TOP: u8 = 3;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Left,
    Right,
    Back,
}

impl Model for Counters {
    type State = (u8, u8);
    type Action = Step;

    fn initial_state(&self) -> (u8, u8) {
        (0, 0)
    }

    fn actions(&self, &(left, right): &(u8, u8)) -> Vec<Step> {
        let left_step = (left < TOP).then_some(Step::Left);
        let right_step = (right < TOP).then_some(Step::Right);
        let back_edge = (left + right == 2 * TOP && self.back_edge.is_some()).then_some(Step::Back);
        [left_step, right_step, back_edge].into_iter().flatten().collect()
    }

    fn next_state(&self, &(left, right): &(u8, u8), step: Step) -> (u8, u8) {
        match step {
            Step::Left => (left + 1, right),
            Step::Right => (left, right + 1),
            Step::Back => (0, 0),
        }
    }

    fn cause(&self, step: Step) -> Cause {
        match step {
            Step::Left if self.timer_only_at.is_some() => Cause::Time,
            Step::Left | Step::Right => Cause::Progress,
            Step::Back => self.back_edge.unwrap_or(Cause::Progress),
        }
    }

    fn check_always(&self, (left, right): &(u8, u8)) -> Result<(), String> {
        if Some(left + right) == self.forbidden { Err("forbidden".to_owned()) } else { Ok(()) }
    }

    fn check_at_rest(&self, (left, right): &(u8, u8), rest: Rest) -> Result<(), String> {
        match rest {
            Rest::UntilTimer if self.timer_only_at == Some(left + right) => {
                Err("it waits for time too early".to_owned())
            }
            Rest::Final if left + right < 2 * TOP => Err("it ends too early".to_owned()),
            Rest::UntilTimer | Rest::Final => Ok(()),
        }
    }
}

#[test]
fn every_state_is_visited_once() {
    let coverage = check(&Counters::default()).unwrap();
    assert_eq!((coverage.states, coverage.transitions), (16, 24));
}

#[test]
fn the_path_to_a_violation_is_a_shortest_one() {
    let found = check(&Counters { forbidden: Some(4), ..Counters::default() }).unwrap_err();
    assert_eq!((found.violation.as_str(), found.path.len()), ("forbidden", 4));
}

#[test]
fn a_state_with_only_timers_left_is_at_rest() {
    let found = check(&Counters { timer_only_at: Some(4), ..Counters::default() }).unwrap_err();
    assert_eq!(found.violation, "it waits for time too early");
    assert_eq!(found.path.iter().filter(|step| **step == Step::Right).count(), usize::from(TOP));
}

#[test]
fn a_cycle_without_a_fault_is_found() {
    let check_cycle = |cause| check(&Counters { back_edge: Some(cause), ..Counters::default() });
    assert_eq!(check_cycle(Cause::Progress).unwrap_err().violation, "the model never comes to rest");
    assert_eq!(check_cycle(Cause::Time).unwrap_err().violation, "the model never comes to rest");
    assert!(check_cycle(Cause::Fault).is_ok());
}
