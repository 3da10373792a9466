//! The checker finds what is there: a shortest way, a bad end, a circle.

use model::checker::{Cause, Model, Rest, check};

/// Two counters of which either may go up to three.
#[derive(Default)]
struct Counters {
    /// The sum that must never be reached.
    forbidden: Option<u8>,
    /// The sum behind which only time goes on.
    pause: Option<u8>,
    /// What leads from the end back to the start, if anything.
    back: Option<Cause>,
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

    fn start(&self) -> (u8, u8) {
        (0, 0)
    }

    fn actions(&self, &(left, right): &(u8, u8)) -> Vec<Step> {
        let left_step = (left < TOP).then_some(Step::Left);
        let right_step = (right < TOP).then_some(Step::Right);
        let back = (left + right == 2 * TOP && self.back.is_some()).then_some(Step::Back);
        [left_step, right_step, back].into_iter().flatten().collect()
    }

    fn act(&self, &(left, right): &(u8, u8), step: Step) -> (u8, u8) {
        match step {
            Step::Left => (left + 1, right),
            Step::Right => (left, right + 1),
            Step::Back => (0, 0),
        }
    }

    fn cause(&self, step: Step) -> Cause {
        match step {
            Step::Left if self.pause.is_some() => Cause::Time,
            Step::Left | Step::Right => Cause::Work,
            Step::Back => self.back.unwrap_or(Cause::Work),
        }
    }

    fn always(&self, (left, right): &(u8, u8)) -> Result<(), String> {
        if Some(left + right) == self.forbidden { Err("forbidden".to_owned()) } else { Ok(()) }
    }

    fn at_rest(&self, (left, right): &(u8, u8), rest: Rest) -> Result<(), String> {
        match rest {
            Rest::Pause if self.pause == Some(left + right) => Err("a pause too early".to_owned()),
            Rest::End if left + right < 2 * TOP => Err("an end too early".to_owned()),
            Rest::Pause | Rest::End => Ok(()),
        }
    }
}

#[test]
fn every_state_is_visited_once() {
    let visited = check(&Counters::default()).unwrap();
    assert_eq!((visited.states, visited.transitions), (16, 24));
}

#[test]
fn the_way_to_a_broken_promise_is_a_shortest_one() {
    let found = check(&Counters { forbidden: Some(4), ..Counters::default() }).unwrap_err();
    assert_eq!((found.broken.as_str(), found.way.len()), ("forbidden", 4));
}

#[test]
fn where_only_time_goes_on_is_a_pause() {
    let found = check(&Counters { pause: Some(4), ..Counters::default() }).unwrap_err();
    assert_eq!(found.broken, "a pause too early");
    assert_eq!(found.way.iter().filter(|step| **step == Step::Right).count(), usize::from(TOP));
}

#[test]
fn what_goes_round_without_a_fault_is_found() {
    let round = |cause| check(&Counters { back: Some(cause), ..Counters::default() });
    assert_eq!(round(Cause::Work).unwrap_err().broken, "it goes on for ever");
    assert_eq!(round(Cause::Time).unwrap_err().broken, "it goes on for ever");
    assert!(round(Cause::Fault).is_ok());
}
