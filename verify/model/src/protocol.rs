//! The actions: every step of the clients, the connections and the server, and every fault.

use crate::{
    checker::{Cause, Model, Rest},
    client::Client,
    config::{Config, Mutation},
    connection::Channel,
    invariants,
    server::Server,
    state::State,
};

/// One step; the number is a client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Connect(usize),
    Send(usize),
    Receive(usize),
    /// The client detects that the server closed the connection; packets in flight are lost.
    DetectClose(usize),
    /// The client has waited too long for a reply, and closes its connection.
    TimeOut(usize),
    /// A session does its next step.
    RunSession(usize),
    /// A command of an earlier connection is executed.
    RunLeftover(usize),
    /// The other commands of an earlier connection are dropped.
    DropLeftover(usize),
    BeginTransaction,
    Commit,
    /// The writer answers one message of the committed transaction.
    Acknowledge,
    /// The bus delivers one event to the room.
    Broadcast,
    Heartbeat(usize),
    /// The client's end of a connection breaks.
    BreakClientEnd(usize),
    /// The server's end of a connection breaks.
    BreakServerEnd(usize),
    Reload(usize),
    /// The next packet to a client vanishes.
    LosePacket(usize),
    FailCommit,
    Crash,
}

impl Model for Config {
    type State = State;
    type Action = Action;

    fn initial_state(&self) -> State {
        State {
            server: Server::default(),
            channels: vec![Channel::default(); self.messages.len()],
            clients: (0..).zip(&self.messages).map(|(number, count)| Client::new(number, *count)).collect(),
            remaining: self.faults,
        }
    }

    fn actions(&self, state: &State) -> Vec<Action> {
        let mut actions = Vec::new();
        for client in 0..state.clients.len() {
            self.actions_of_client(state, client, &mut actions);
        }
        let State { server, remaining, .. } = state;
        let possible = [
            (Action::BeginTransaction, server.can_begin()),
            (Action::Commit, server.can_commit()),
            (Action::Acknowledge, server.can_answer()),
            (Action::Broadcast, server.can_broadcast()),
            (Action::FailCommit, server.can_commit() && remaining.failed_commits > 0),
            (Action::Crash, remaining.crashes > 0),
        ];
        actions.extend(possible.into_iter().filter_map(|(action, possible)| possible.then_some(action)));
        actions
    }

    fn next_state(&self, state: &State, action: Action) -> State {
        let mut state = state.clone();
        self.change(&mut state, action);
        state.server.forget_empty_room(&state.channels);
        state
    }

    fn cause(&self, action: Action) -> Cause {
        match action {
            Action::TimeOut(_) | Action::Heartbeat(_) => Cause::Time,
            Action::BreakClientEnd(_)
            | Action::BreakServerEnd(_)
            | Action::Reload(_)
            | Action::LosePacket(_)
            | Action::FailCommit
            | Action::Crash => Cause::Fault,
            _ => Cause::Progress,
        }
    }

    fn check_always(&self, state: &State) -> Result<(), String> {
        invariants::check_always(state)
    }

    fn check_at_rest(&self, state: &State, rest: Rest) -> Result<(), String> {
        // Only a lost packet may make a client wait for a heartbeat.
        let lossless = state.remaining.losses == self.faults.losses;
        if rest == Rest::Final || lossless { invariants::check_delivered(state) } else { Ok(()) }
    }
}

impl Config {
    fn actions_of_client(&self, state: &State, number: usize, actions: &mut Vec<Action>) {
        let State { server, channels, clients, remaining } = state;
        let (channel, client) = (&channels[number], &clients[number]);
        let Some(connection) = &channel.connection else {
            actions.push(Action::Connect(number));
            return self.actions_of_leftover(channel, number, actions);
        };
        let cut = connection.session.is_none();
        let can_heartbeat = server.heartbeat(channel).is_some_and(|last| client.heartbeat_is_new(last))
            && self.mutation != Some(Mutation::NoHeartbeat);
        let possible = [
            (Action::Send(number), client.next_to_send(self.mutation).is_some()),
            (Action::Receive(number), !connection.down.is_empty()),
            (Action::DetectClose(number), cut),
            (Action::TimeOut(number), !cut && client.awaits_reply() && !connection.is_busy()),
            (Action::RunSession(number), Server::can_run_session(channel)),
            (Action::Heartbeat(number), can_heartbeat && !connection.has_heartbeat()),
            (Action::BreakClientEnd(number), remaining.breaks > 0),
            (Action::BreakServerEnd(number), remaining.breaks > 0 && !cut),
            (Action::Reload(number), remaining.reloads > 0),
            (Action::LosePacket(number), remaining.losses > 0 && !connection.down.is_empty()),
        ];
        actions.extend(possible.into_iter().filter_map(|(action, possible)| possible.then_some(action)));
        self.actions_of_leftover(channel, number, actions);
    }

    fn actions_of_leftover(&self, channel: &Channel, number: usize, actions: &mut Vec<Action>) {
        if !channel.leftover.is_empty() {
            actions.extend([Action::RunLeftover(number), Action::DropLeftover(number)]);
        }
    }

    fn change(&self, state: &mut State, action: Action) {
        let State { server, channels, clients, remaining } = state;
        match action {
            Action::Connect(number) => clients[number].connect(&mut channels[number]),
            Action::Send(number) => clients[number].send(&mut channels[number], self.mutation),
            Action::Receive(number) => clients[number].receive(&mut channels[number], self.mutation),
            Action::DetectClose(number) | Action::TimeOut(number) => state.give_up(number),
            Action::RunSession(number) => server.run_session(channels, number, self),
            Action::RunLeftover(number) => server.run_leftover(&mut channels[number]),
            Action::DropLeftover(number) => channels[number].leftover.clear(),
            Action::BeginTransaction => server.begin(channels, self),
            Action::Commit => server.commit(),
            Action::Acknowledge => server.answer_next(channels, self),
            Action::Broadcast => server.broadcast(channels, self),
            Action::Heartbeat(number) => server.send_heartbeat(channels, number, self),
            Action::BreakClientEnd(number) => {
                remaining.breaks -= 1;
                state.give_up(number);
            }
            Action::BreakServerEnd(number) => {
                remaining.breaks -= 1;
                server.cut(channels, number);
            }
            Action::Reload(number) => {
                remaining.reloads -= 1;
                clients[number].reload();
                state.give_up(number);
            }
            Action::LosePacket(number) => {
                remaining.losses -= 1;
                channels[number].drop_packet();
            }
            Action::FailCommit => {
                remaining.failed_commits -= 1;
                server.fail_commit();
            }
            Action::Crash => {
                remaining.crashes -= 1;
                server.crash(channels);
            }
        }
    }
}
