//! The socket of the operator: a Unix socket in the data folder that takes the commands of `madang admin`.
//!
//! Only the user who runs the server, and root, may connect. Each line is a JSON object, see
//! [`common::protocol::admin`]. Connections are few and served one after the other.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use common::{
    protocol::{
        admin::{AdminCommand, AdminReply, ForgottenRoom, MAX_ADMIN_LINE},
        reply::ErrorReply,
    },
    refusal::Refusal,
};
use futures_util::{SinkExt, StreamExt};
use rustix::process::geteuid;
use tokio::{
    net::{UnixListener, UnixStream},
    time::timeout,
};
use tokio_util::{
    codec::{Framed, LinesCodec},
    sync::CancellationToken,
};
use tracing::warn;

use crate::{chat::Chat, error::Error};

/// How long a connection may wait with its next command, so that a forgotten one does not block others.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause after `accept` failed, most likely for want of file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// The listening socket. Dropping it removes the file.
pub(super) struct AdminTransport {
    listener: UnixListener,
    path: PathBuf,
}

impl AdminTransport {
    /// Opens the socket at this path, in place of one that a killed server has left.
    pub(super) fn open(path: &Path) -> anyhow::Result<AdminTransport> {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            bail!("another server is listening on {}", path.display());
        }
        if let Some(folder) = path.parent() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .with_context(|| format!("making the folder {}", folder.display()))?;
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("removing {}", path.display()));
            }
            _ => {}
        }
        let listener =
            UnixListener::bind(path).with_context(|| format!("listening on {}", path.display()))?;
        let transport = AdminTransport { listener, path: path.to_owned() };
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))
            .with_context(|| format!("protecting {}", path.display()))?;
        Ok(transport)
    }

    /// Serves one connection after the other until the server stops.
    pub(super) async fn serve(self, chat: Chat, stop: CancellationToken) {
        while let Some(accepted) = stop.run_until_cancelled(self.listener.accept()).await {
            match accepted {
                Ok((stream, _)) => {
                    let served = serve_connection(stream, &chat);
                    if let Some(Err(error)) = stop.run_until_cancelled(served).await {
                        warn!("the socket of the operator: {error:#}");
                    }
                }
                Err(error) => {
                    warn!("accepting a connection of the operator: {error}");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }
}

impl Drop for AdminTransport {
    fn drop(&mut self) {
        // If it fails, the next server removes it.
        let _ = fs::remove_file(&self.path);
    }
}

async fn serve_connection(stream: UnixStream, chat: &Chat) -> anyhow::Result<()> {
    // The permissions of the file are set after it was made; until then anybody could have connected.
    let user = stream.peer_cred()?.uid();
    if user != geteuid().as_raw() && user != 0 {
        bail!("refused the user {user}");
    }
    let mut lines = Framed::new(stream, LinesCodec::new_with_max_length(MAX_ADMIN_LINE));
    while let Ok(Some(line)) = timeout(COMMAND_TIMEOUT, lines.next()).await {
        let reply = match serde_json::from_str(&line?) {
            Ok(command) => execute(command, chat).await.map_err(Error::into_refusal),
            Err(error) => Err(Refusal::from_decoding(&error)),
        };
        let reply = reply.unwrap_or_else(|error| AdminReply::Refused(ErrorReply { error }));
        lines.send(serde_json::to_string(&reply)?).await?;
    }
    Ok(())
}

async fn execute(command: AdminCommand, chat: &Chat) -> Result<AdminReply, Error> {
    match command {
        AdminCommand::ForgetRoom(forget) => {
            let deleted = chat.delete_room(&forget.room).await?;
            Ok(AdminReply::ForgottenRoom(ForgottenRoom { room: forget.room, events: deleted.last_seq.0 }))
        }
    }
}
