//! The life of a connection: its handshake, the queue of its commands, and its end.
//!
//! The commands of one connection go into a bounded queue in the order in which they arrive and are
//! handled one at a time; the library alone would run each in its own task, in any order. All
//! handlers are registered before the client is told that it is connected; handlers registered
//! later would miss its first events.

use std::{panic::AssertUnwindSafe, sync::Arc};

use common::{person::DisplayName, protocol::push::Restart, refusal::Refusal};
use futures_util::FutureExt;
use parking_lot::Mutex;
use serde::Deserialize;
use socketioxide::{
    ProtocolVersion,
    extract::{SocketRef, TryData},
    socket::DisconnectReason,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};
use url::form_urlencoded;

use super::{
    command_queue::{self, CommandReceiver, CommandSender, LeftoverPermit, QueuedCommands},
    connection::Connection,
    engine_session::EngineSession,
    handshakes::HandshakePermit,
    registry::EngineSessions,
    request::{AuthPayload, IncomingEvent, handle_request},
};
use crate::{
    address::ClientAddress,
    chat::{
        Chat,
        identity::{Credentials, Identity},
        session::Session,
    },
    failpoint::{self, Failpoint},
    transport::{
        decode,
        error::{Refused, RefusedReply, SEE_PROTOCOL},
        guard::ClientInfo,
    },
};

/// The range of the reconnect delays when the server restarts, in milliseconds. With many clients
/// the range is longer, so that about a thousand reconnect per second.
const MIN_RECONNECT_DELAY: u32 = 500;
const USUAL_MAX_RECONNECT_DELAY: u32 = 1_000;

/// The state and the event handlers shared by all connections.
#[derive(Clone)]
pub(super) struct Handlers {
    pub(super) chat: Chat,
    pub(super) engine_sessions: EngineSessions,
    pub(super) queued_commands: QueuedCommands,
    pub(super) stop: CancellationToken,
    /// The tasks of [`Handlers::run_session`].
    pub(super) session_tasks: TaskTracker,
}

/// The credentials a client sends when it connects, in the auth payload or, by old clients, the query.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Auth {
    token: Option<String>,
    name: Option<DisplayName>,
}

impl Auth {
    /// Completes the payload by what the handshake's request says. Its address may hold a token only for old
    /// clients, which send no payload: addresses are logged.
    fn into_credentials(
        mut self,
        query: &str,
        protocol: ProtocolVersion,
        client: &ClientInfo,
    ) -> Result<Credentials, Refused> {
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "token" if protocol != ProtocolVersion::V4 => {
                    return Err(Refused::from(Refusal::BadRequest)
                        .saying(
                            "A token belongs into `auth`, not into the address, which is logged on its way.",
                        )
                        .about("token"));
                }
                "token" if self.token.is_none() => self.token = Some(value.into_owned()),
                "name" if self.name.is_none() => {
                    let name = DisplayName::parse(&value);
                    self.name = Some(name.map_err(|refusal| Refused::from(refusal).about("name"))?);
                }
                _ => {}
            }
        }
        Ok(Credentials {
            token: self.token.or_else(|| client.bearer.clone()),
            cookie_token: client.cookie_token().map(str::to_owned),
            name: self.name,
        })
    }
}

/// Passes the handshake from [`Handlers::accept`] to [`Handlers::on_connect`].
#[derive(Clone)]
struct HandshakeSlot(Arc<Mutex<Option<Handshake>>>);

type Handshake = (Identity, CommandReceiver, Arc<EngineSession>);

impl Handlers {
    /// Runs before the client is told that it is connected: authenticates it and starts to queue
    /// its commands, so that none is lost.
    pub(super) async fn accept(
        &self,
        socket: &SocketRef,
        AuthPayload(TryData(auth)): AuthPayload,
    ) -> Result<(), Refused> {
        let request = socket.req_parts();
        let client = request.extensions.get::<ClientInfo>().ok_or(Refusal::Internal)?;
        let auth =
            auth.map_err(|_| Refused::from(Refusal::BadRequest).saying("`auth` should be an object."))?;
        let auth = decode::from_value(auth, SEE_PROTOCOL, |auth| Auth::deserialize(auth))?;
        let query = request.uri.query().unwrap_or_default();
        let credentials = auth.into_credentials(query, socket.protocol(), client)?;
        let identity = self.chat.authenticate(credentials).await?;

        let engine_session = self.engine_sessions.add(socket, client.address)?;
        if let Some(permit) = request.extensions.get::<HandshakePermit>() {
            permit.release();
        }
        let (command_sender, commands) = command_queue::channel(&self.queued_commands, &engine_session);
        let handshake = (identity, commands, engine_session.clone());
        socket.extensions.insert(HandshakeSlot(Arc::new(Mutex::new(Some(handshake)))));
        queue_commands(socket, command_sender.clone(), engine_session.clone());
        self.register_disconnect_handler(socket, command_sender, engine_session);
        Ok(())
    }

    /// Registers what is done when the client has left or was disconnected.
    fn register_disconnect_handler(
        &self,
        socket: &SocketRef,
        command_sender: CommandSender,
        engine_session: Arc<EngineSession>,
    ) {
        let engine_sessions = self.engine_sessions.clone();
        socket.on_disconnect(move |socket: SocketRef, reason: DisconnectReason| {
            // A client that left the namespace still has its transport, so the session stays in the table.
            if reason != DisconnectReason::ClientNSDisconnect {
                engine_sessions.remove(socket.id);
            }
            if reason == DisconnectReason::HeartbeatTimeout {
                engine_session.expire();
            } else {
                engine_session.mark_left();
            }
            command_sender.close();
            std::future::ready(())
        });
    }

    /// Runs after the client was told that it is connected, so that it can be sent events.
    pub(super) fn on_connect(&self, socket: &SocketRef) {
        let slot = socket.extensions.get::<HandshakeSlot>();
        let handshake = slot.and_then(|HandshakeSlot(handshake)| handshake.lock().take());
        let (Some((identity, commands, engine_session)), Some(client)) =
            (handshake, socket.req_parts().extensions.get::<ClientInfo>())
        else {
            return warn!("a connection began without being admitted");
        };
        let connection = Arc::new(Connection::new(socket.clone(), engine_session.clone()));
        let address = client.address;
        let session = self.chat.open_session(&identity, connection.clone(), address);
        let transport = engine_session.clone();
        let run = self.clone().run_session(session, connection, commands, engine_session, address);
        self.session_tasks.spawn(async move {
            // A panic ends this connection. Without a session its transport would stay open for ever.
            if AssertUnwindSafe(run).catch_unwind().await.is_err() {
                transport.disconnect();
            }
        });
    }

    /// Handles the commands of one connection, one after the other, until it ends.
    async fn run_session(
        self,
        mut session: Session,
        connection: Arc<Connection>,
        mut commands: CommandReceiver,
        engine_session: Arc<EngineSession>,
        address: ClientAddress,
    ) {
        debug!(person = %session.person().id, "connected");
        // Set when the client has left; what it sent before is still executed.
        let mut leftovers: Option<LeftoverPermit> = None;
        loop {
            let event = tokio::select! {
                biased;
                () = engine_session.ended.cancelled() => break,
                () = self.stop.cancelled() => {
                    connection.emit(Restart::NAME, &self.restart_message());
                    break;
                }
                () = engine_session.left(), if leftovers.is_none() => {
                    session.end_connection();
                    leftovers = commands.leave_behind(address);
                    if leftovers.is_none() {
                        debug!("dropping the commands of a client that has left");
                        break;
                    }
                    continue;
                }
                event = async { engine_session.wait_until_drained().await; commands.next().await } => event,
            };
            let Some(event) = event else { break };
            let IncomingEvent { request, ack, ack_id, .. } = event;
            let result = match request {
                // Boxed, so that idle connections do not reserve the memory of this future.
                Ok(request) => Box::pin(handle_request(&mut session, &connection, request)).await,
                Err(refused) => Err(refused),
            };
            match result {
                Ok(reply) => {
                    failpoint::hit(Failpoint::BeforeAck);
                    connection.acknowledge(ack, ack_id, &reply);
                    failpoint::hit(Failpoint::AfterAck);
                }
                Err(error) if ack_id.is_some() => {
                    connection.acknowledge(ack, ack_id, &RefusedReply { error: &error });
                }
                Err(error) => connection.refuse(&error),
            }
        }
        // Otherwise the transport would stay open for ever.
        engine_session.disconnect();
        if engine_session.is_expired() {
            // The client has used up its lease, so its seats need no further grace.
            session.leave_all();
        }
        debug!(person = %session.person().id, "disconnected");
    }

    /// The advice when to reconnect, with a random delay for each client.
    fn restart_message(&self) -> Restart {
        let session_count = u32::try_from(self.engine_sessions.count()).unwrap_or(u32::MAX);
        let last = USUAL_MAX_RECONNECT_DELAY.max(MIN_RECONNECT_DELAY.saturating_add(session_count));
        Restart { after: rand::random_range(MIN_RECONNECT_DELAY..last) }
    }
}

/// Registers the handler that puts the events of a client into its command queue, and disconnects the client
/// if the queue is full.
fn queue_commands(socket: &SocketRef, command_sender: CommandSender, engine_session: Arc<EngineSession>) {
    socket.on_fallback(move |event: IncomingEvent| {
        if !command_sender.push(event) && !engine_session.ended.is_cancelled() {
            debug!("a client sent more commands than its queue holds");
            engine_session.disconnect();
        }
        std::future::ready(())
    });
}
