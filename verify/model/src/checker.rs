//! An explicit-state model checker. It visits every state a model can reach, breadth first, so the
//! counterexample it shows is a shortest one.
//!
//! It knows nothing about chat. Visited states are remembered by a 64-bit fingerprint. The chance
//! that two of a few million states share one, so that one of them goes unvisited, is below one in
//! a million.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    fmt,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash},
};

/// A model: its transitions, and the invariants that every run must keep.
pub trait Model {
    type State: Hash;
    type Action: Copy + fmt::Debug;

    fn initial_state(&self) -> Self::State;

    /// Returns the transitions that are possible in this state.
    fn actions(&self, state: &Self::State) -> Vec<Self::Action>;

    fn next_state(&self, state: &Self::State, action: Self::Action) -> Self::State;

    fn cause(&self, action: Self::Action) -> Cause;

    /// Checks the invariants of every state.
    fn check_always(&self, state: &Self::State) -> Result<(), String>;

    /// Checks what must also hold when no more progress is possible.
    fn check_at_rest(&self, state: &Self::State, rest: Rest) -> Result<(), String>;
}

/// Why an action happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Happens by itself, sooner or later.
    Progress,
    /// Happens because time passes: a heartbeat timer, a timeout.
    Time,
    /// May never happen.
    Fault,
}

/// Which kind of rest a state is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// All work is done; only a timer can cause more.
    UntilTimer,
    /// Without another fault nothing will ever happen.
    Final,
}

/// The size of the explored state space.
#[derive(Clone, Copy, Debug)]
pub struct Coverage {
    pub states: usize,
    pub transitions: usize,
}

/// A violated invariant, and a shortest path to a state that violates it.
pub struct Counterexample<Action> {
    pub violation: String,
    pub path: Vec<Action>,
}

impl<Action: fmt::Debug> fmt::Debug for Counterexample<Action> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, after", self.violation)?;
        self.path.iter().try_for_each(|action| writeln!(f, "    {action:?}"))
    }
}

/// Explores all states and checks the invariants in each of them. Also checks that progress and
/// time alone never form a cycle, so that every run without further faults comes to rest.
pub fn check<M: Model>(model: &M) -> Result<Coverage, Counterexample<M::Action>> {
    let mut graph = StateGraph::default();
    let mut fault_free = FaultFreeGraph::default();
    let mut queue = VecDeque::new();
    let mut transitions = 0;
    let start = model.initial_state();
    graph.insert(&start, None);
    queue.push_back(start);
    for source in 0.. {
        let Some(state) = queue.pop_front() else { break };
        model.check_always(&state).map_err(|violation| graph.counterexample(violation, source))?;
        let actions = model.actions(&state);
        let can = |cause| actions.iter().any(|action| model.cause(*action) == cause);
        if !can(Cause::Progress) {
            let rest = if can(Cause::Time) { Rest::UntilTimer } else { Rest::Final };
            model.check_at_rest(&state, rest).map_err(|violation| graph.counterexample(violation, source))?;
        }
        fault_free.add_state(source);
        for action in actions {
            let next = model.next_state(&state, action);
            transitions += 1;
            let (target, is_new) = graph.insert(&next, Some((source, action)));
            if is_new {
                queue.push_back(next);
            }
            if model.cause(action) != Cause::Fault {
                fault_free.add_edge(target);
            }
        }
    }
    match fault_free.find_cycle(graph.steps.len()) {
        Some(state) => Err(graph.counterexample("the model never comes to rest".to_owned(), state)),
        None => Ok(Coverage { states: graph.steps.len(), transitions }),
    }
}

/// The states found so far, numbered in the order of discovery, each with the step that first
/// reached it.
struct StateGraph<Action> {
    numbers: HashMap<u64, u32, BuildHasherDefault<DefaultHasher>>,
    steps: Vec<Option<(u32, Action)>>,
}

impl<Action> Default for StateGraph<Action> {
    fn default() -> Self {
        StateGraph { numbers: HashMap::default(), steps: Vec::new() }
    }
}

impl<Action: Copy> StateGraph<Action> {
    /// Returns the number of a state, and whether the state is new.
    fn insert(&mut self, state: &impl Hash, step: Option<(u32, Action)>) -> (u32, bool) {
        let fingerprint = self.numbers.hasher().hash_one(state);
        match self.numbers.entry(fingerprint) {
            Entry::Occupied(known) => (*known.get(), false),
            Entry::Vacant(ready) => {
                let number = u32::try_from(self.steps.len()).expect("a model this large is not checked");
                ready.insert(number);
                self.steps.push(step);
                (number, true)
            }
        }
    }

    fn counterexample(&self, violation: String, mut state: u32) -> Counterexample<Action> {
        let mut path = VecDeque::new();
        while let Some((before, action)) = self.steps[state as usize] {
            path.push_front(action);
            state = before;
        }
        Counterexample { violation, path: path.into() }
    }
}

/// The transitions that are not faults. The targets of each state are a slice of `targets`;
/// `starts` holds where the slice of each state begins.
#[derive(Default)]
struct FaultFreeGraph {
    starts: Vec<usize>,
    targets: Vec<u32>,
}

impl FaultFreeGraph {
    fn add_state(&mut self, state: u32) {
        debug_assert_eq!(state as usize, self.starts.len());
        self.starts.push(self.targets.len());
    }

    fn add_edge(&mut self, target: u32) {
        self.targets.push(target);
    }

    fn targets_of(&self, state: usize) -> &[u32] {
        let end = self.starts.get(state + 1).copied().unwrap_or(self.targets.len());
        &self.targets[self.starts[state]..end]
    }

    /// Finds a state that lies on a cycle or behind one. Removes states without incoming edges
    /// until none is left (Kahn's algorithm); what remains is not free of cycles.
    fn find_cycle(&self, states: usize) -> Option<u32> {
        let mut incoming = vec![0_u32; states];
        for target in &self.targets {
            incoming[*target as usize] += 1;
        }
        let mut ready: Vec<usize> = (0..states).filter(|state| incoming[*state] == 0).collect();
        while let Some(state) = ready.pop() {
            for target in self.targets_of(state) {
                let target = *target as usize;
                incoming[target] -= 1;
                if incoming[target] == 0 {
                    ready.push(target);
                }
            }
        }
        (0_u32..).zip(incoming).find(|(_, count)| *count > 0).map(|(state, _)| state)
    }
}
