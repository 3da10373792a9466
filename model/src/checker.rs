//! An explicit-state model checker: visits every state a model can reach, breadth first, so that
//! the way it shows to a broken promise is a shortest one.
//!
//! It knows nothing of chats. States are remembered by a 64-bit fingerprint; that two of a few
//! million share one, and one goes unvisited, is less likely than one in a million.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    fmt,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash},
};

/// What can happen, and what must hold whatever happens.
pub trait Model {
    type State: Hash;
    type Action: Copy + fmt::Debug;

    fn start(&self) -> Self::State;

    /// What can happen next.
    fn actions(&self, state: &Self::State) -> Vec<Self::Action>;

    fn act(&self, state: &Self::State, action: Self::Action) -> Self::State;

    fn cause(&self, action: Self::Action) -> Cause;

    /// Must hold in every state.
    fn always(&self, state: &Self::State) -> Result<(), String>;

    /// Must hold where nothing happens any more.
    fn at_rest(&self, state: &Self::State, rest: Rest) -> Result<(), String>;
}

/// Why something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// By itself, sooner or later.
    Work,
    /// Because time passes: a clock strikes, patience ends.
    Time,
    /// It may never happen.
    Fault,
}

/// How deep the peace is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// All work is done; only the passing of time can make more.
    Pause,
    /// Without another fault nothing will ever happen.
    End,
}

/// How much was visited.
#[derive(Clone, Copy, Debug)]
pub struct Visited {
    pub states: usize,
    pub transitions: usize,
}

/// A shortest way to a state in which a promise is broken.
pub struct Counterexample<Action> {
    pub broken: String,
    pub way: Vec<Action>,
}

impl<Action: fmt::Debug> fmt::Debug for Counterexample<Action> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, after", self.broken)?;
        self.way.iter().try_for_each(|action| writeln!(f, "    {action:?}"))
    }
}

/// Visits every state. Promises hold always and at rest, and without faults there is always a rest:
/// work and time alone never lead back to a state, so whatever the order, they come to an end.
pub fn check<M: Model>(model: &M) -> Result<Visited, Counterexample<M::Action>> {
    let mut ways = Ways::default();
    let mut peaceful = Peaceful::default();
    let mut waiting = VecDeque::new();
    let mut transitions = 0;
    let start = model.start();
    ways.find(&start, None);
    waiting.push_back(start);
    for here in 0.. {
        let Some(state) = waiting.pop_front() else { break };
        model.always(&state).map_err(|broken| ways.counterexample(broken, here))?;
        let actions = model.actions(&state);
        let can = |cause| actions.iter().any(|action| model.cause(*action) == cause);
        if !can(Cause::Work) {
            let rest = if can(Cause::Time) { Rest::Pause } else { Rest::End };
            model.at_rest(&state, rest).map_err(|broken| ways.counterexample(broken, here))?;
        }
        peaceful.begin(here);
        for action in actions {
            let next = model.act(&state, action);
            transitions += 1;
            let (there, new) = ways.find(&next, Some((here, action)));
            if new {
                waiting.push_back(next);
            }
            if model.cause(action) != Cause::Fault {
                peaceful.add(there);
            }
        }
    }
    match peaceful.endless(ways.steps.len()) {
        Some(state) => Err(ways.counterexample("it goes on for ever".to_owned(), state)),
        None => Ok(Visited { states: ways.steps.len(), transitions }),
    }
}

/// The states found so far, numbered, each with the step by which it was first reached.
struct Ways<Action> {
    numbers: HashMap<u64, u32, BuildHasherDefault<DefaultHasher>>,
    steps: Vec<Option<(u32, Action)>>,
}

impl<Action> Default for Ways<Action> {
    fn default() -> Self {
        Ways { numbers: HashMap::default(), steps: Vec::new() }
    }
}

impl<Action: Copy> Ways<Action> {
    /// The number of a state, and whether it was not known before.
    fn find(&mut self, state: &impl Hash, step: Option<(u32, Action)>) -> (u32, bool) {
        let fingerprint = self.numbers.hasher().hash_one(state);
        match self.numbers.entry(fingerprint) {
            Entry::Occupied(known) => (*known.get(), false),
            Entry::Vacant(free) => {
                let number = u32::try_from(self.steps.len()).expect("a model this large is not checked");
                free.insert(number);
                self.steps.push(step);
                (number, true)
            }
        }
    }

    fn counterexample(&self, broken: String, mut state: u32) -> Counterexample<Action> {
        let mut way = VecDeque::new();
        while let Some((before, action)) = self.steps[state as usize] {
            way.push_front(action);
            state = before;
        }
        Counterexample { broken, way: way.into() }
    }
}

/// Where the states lead without faults: for each, in the order of their numbers, a run of `to`.
#[derive(Default)]
struct Peaceful {
    begins: Vec<usize>,
    to: Vec<u32>,
}

impl Peaceful {
    fn begin(&mut self, state: u32) {
        debug_assert_eq!(state as usize, self.begins.len());
        self.begins.push(self.to.len());
    }

    fn add(&mut self, there: u32) {
        self.to.push(there);
    }

    fn from(&self, state: usize) -> &[u32] {
        let end = self.begins.get(state + 1).copied().unwrap_or(self.to.len());
        &self.to[self.begins[state]..end]
    }

    /// The first state on a circle, or behind one: takes away, again and again, what nothing leads to.
    fn endless(&self, states: usize) -> Option<u32> {
        let mut leading_here = vec![0_u32; states];
        for there in &self.to {
            leading_here[*there as usize] += 1;
        }
        let mut free: Vec<usize> = (0..states).filter(|state| leading_here[*state] == 0).collect();
        while let Some(state) = free.pop() {
            for there in self.from(state) {
                let there = *there as usize;
                leading_here[there] -= 1;
                if leading_here[there] == 0 {
                    free.push(there);
                }
            }
        }
        (0_u32..).zip(leading_here).find(|(_, leading)| *leading > 0).map(|(state, _)| state)
    }
}
