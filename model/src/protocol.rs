//! What can happen: every step of the clients, the lines and the server, and every fault.

use crate::{
    checker::{Cause, Model, Rest},
    client::Client,
    line::Way,
    promises,
    server::Server,
};

/// How large the world is, how much may go wrong in it, and what is broken on purpose.
#[derive(Clone, Debug)]
pub struct Config {
    /// How many messages each client has written.
    pub messages: Vec<u8>,
    /// The most events on a page.
    pub page: usize,
    /// The most packets in a line's queue; one more, and the line is cut.
    pub queue: usize,
    pub faults: Faults,
    pub mutation: Option<Mutation>,
}

/// How often each may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Faults {
    /// A line breaks, noticed first by the client or first by the server.
    pub breaks: u8,
    /// The server is killed.
    pub crashes: u8,
    /// A packet to a client vanishes and its line lives on.
    pub losses: u8,
    /// A transaction can not be committed.
    pub full_disks: u8,
    /// A client is closed and opened again, with nothing but what it kept on its disk.
    pub reloads: u8,
}

/// A mistake in the protocol, to show that the promises would be seen to break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// The sender is answered when the message is written, not when it is committed.
    AckBeforeCommit,
    /// The room is told when the message is written, not when it is committed.
    FanOutBeforeCommit,
    /// A `cid` that is in the log already is stored again.
    NoDedupe,
    /// Numbers are counted in memory, not in the transaction.
    CountInMemory,
    /// `join` reads the log before it takes its place in the room.
    ReadBeforeSitting,
    /// `join` says how far the log went before it took its place in the room.
    LastBeforeSitting,
    /// A full queue loses the packet, not the line.
    OverflowSkips,
    NoHeartbeat,
    /// A client shows what it is told in the order it is told.
    SeqUnchecked,
    /// A client sends its next message before the last one is answered.
    TwoInFlight,
    /// A client keeps what it sent until it is in its timeline, which may begin only after it.
    OldIsAwaited,
}

/// The world at one moment.
#[derive(Clone, Hash)]
pub struct State {
    pub(crate) server: Server,
    pub(crate) ways: Vec<Way>,
    pub(crate) clients: Vec<Client>,
    pub(crate) left: Faults,
}

/// One thing that happens; the number is a client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Connect(usize),
    Send(usize),
    Hear(usize),
    /// The client notices that the server has cut its line; what was still on its way is lost.
    NoticeCut(usize),
    /// A client has waited too long for a reply, and gives its line up.
    LosePatience(usize),
    /// A session does its next step.
    Serve(usize),
    /// A command of an earlier line is taken up.
    ServeLeftover(usize),
    /// What else an earlier line brought is dropped.
    DropLeftover(usize),
    Begin,
    Commit,
    /// The writer answers for one message.
    Answer,
    /// The bus brings one event to the room.
    Tell,
    Heartbeat(usize),
    /// The client's end of a line breaks.
    BreakHere(usize),
    /// The server's end of a line breaks.
    BreakThere(usize),
    Reload(usize),
    /// The next packet for a client vanishes.
    LosePacket(usize),
    FailCommit,
    Crash,
}

impl Model for Config {
    type State = State;
    type Action = Action;

    fn start(&self) -> State {
        State {
            server: Server::default(),
            ways: vec![Way::default(); self.messages.len()],
            clients: (0..).zip(&self.messages).map(|(number, count)| Client::new(number, *count)).collect(),
            left: self.faults,
        }
    }

    fn actions(&self, state: &State) -> Vec<Action> {
        let mut actions = Vec::new();
        for client in 0..state.clients.len() {
            self.actions_of_client(state, client, &mut actions);
        }
        let State { server, left, .. } = state;
        let possible = [
            (Action::Begin, server.can_begin()),
            (Action::Commit, server.can_commit()),
            (Action::Answer, server.can_answer()),
            (Action::Tell, server.can_tell()),
            (Action::FailCommit, server.can_commit() && left.full_disks > 0),
            (Action::Crash, left.crashes > 0),
        ];
        actions.extend(possible.into_iter().filter_map(|(action, possible)| possible.then_some(action)));
        actions
    }

    fn act(&self, state: &State, action: Action) -> State {
        let mut state = state.clone();
        self.change(&mut state, action);
        state.server.forget_empty_room(&state.ways);
        state
    }

    fn cause(&self, action: Action) -> Cause {
        match action {
            Action::LosePatience(_) | Action::Heartbeat(_) => Cause::Time,
            Action::BreakHere(_)
            | Action::BreakThere(_)
            | Action::Reload(_)
            | Action::LosePacket(_)
            | Action::FailCommit
            | Action::Crash => Cause::Fault,
            _ => Cause::Work,
        }
    }

    fn always(&self, state: &State) -> Result<(), String> {
        promises::always(state)
    }

    fn at_rest(&self, state: &State, rest: Rest) -> Result<(), String> {
        // Only what was lost without a trace may have to wait for a heartbeat.
        let lossless = state.left.losses == self.faults.losses;
        if rest == Rest::End || lossless { promises::all_is_well(state) } else { Ok(()) }
    }
}

impl Config {
    fn actions_of_client(&self, state: &State, number: usize, actions: &mut Vec<Action>) {
        let State { server, ways, clients, left } = state;
        let (way, client) = (&ways[number], &clients[number]);
        let Some(line) = &way.line else {
            actions.push(Action::Connect(number));
            return self.actions_of_leftover(way, number, actions);
        };
        let cut = line.session.is_none();
        let beats = server.heartbeat(way).is_some_and(|last| client.would_learn(last))
            && self.mutation != Some(Mutation::NoHeartbeat);
        let possible = [
            (Action::Send(number), client.to_send(self.mutation).is_some()),
            (Action::Hear(number), !line.down.is_empty()),
            (Action::NoticeCut(number), cut),
            (Action::LosePatience(number), !cut && client.waits() && !line.is_busy()),
            (Action::Serve(number), Server::can_serve(way)),
            (Action::Heartbeat(number), beats && !line.has_heartbeat()),
            (Action::BreakHere(number), left.breaks > 0),
            (Action::BreakThere(number), left.breaks > 0 && !cut),
            (Action::Reload(number), left.reloads > 0),
            (Action::LosePacket(number), left.losses > 0 && !line.down.is_empty()),
        ];
        actions.extend(possible.into_iter().filter_map(|(action, possible)| possible.then_some(action)));
        self.actions_of_leftover(way, number, actions);
    }

    fn actions_of_leftover(&self, way: &Way, number: usize, actions: &mut Vec<Action>) {
        if !way.leftover.is_empty() {
            actions.extend([Action::ServeLeftover(number), Action::DropLeftover(number)]);
        }
    }

    fn change(&self, state: &mut State, action: Action) {
        let State { server, ways, clients, left } = state;
        match action {
            Action::Connect(number) => clients[number].connect(&mut ways[number]),
            Action::Send(number) => clients[number].send(&mut ways[number], self.mutation),
            Action::Hear(number) => clients[number].hear(&mut ways[number], self.mutation),
            Action::NoticeCut(number) | Action::LosePatience(number) => state.give_up(number),
            Action::Serve(number) => server.serve(ways, number, self),
            Action::ServeLeftover(number) => server.serve_leftover(&mut ways[number]),
            Action::DropLeftover(number) => ways[number].leftover.clear(),
            Action::Begin => server.begin(ways, self),
            Action::Commit => server.commit(),
            Action::Answer => server.answer_next(ways, self),
            Action::Tell => server.tell(ways, self),
            Action::Heartbeat(number) => server.beat(ways, number, self),
            Action::BreakHere(number) => {
                left.breaks -= 1;
                state.give_up(number);
            }
            Action::BreakThere(number) => {
                left.breaks -= 1;
                server.cut(ways, number);
            }
            Action::Reload(number) => {
                left.reloads -= 1;
                clients[number].reload();
                state.give_up(number);
            }
            Action::LosePacket(number) => {
                left.losses -= 1;
                ways[number].lose_packet();
            }
            Action::FailCommit => {
                left.full_disks -= 1;
                server.fail_commit();
            }
            Action::Crash => {
                left.crashes -= 1;
                server.crash(ways);
            }
        }
    }
}

impl State {
    /// A client lets go of its line.
    fn give_up(&mut self, number: usize) {
        self.clients[number].lose_line();
        self.ways[number].give_up();
        self.server.stop_waiting(number);
    }
}
