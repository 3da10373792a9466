//! `madang admin`: gives a running server a command of its operator, through the socket in its data folder.

use std::{
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use common::{
    protocol::admin::{ADMIN_SOCKET, AdminCommand, AdminReply, ForgetRoom, ForgottenRoom, MAX_ADMIN_LINE},
    room::RoomName,
};
use futures_util::{SinkExt, StreamExt};
use tokio::net::UnixStream;
use tokio_util::codec::{Framed, LinesCodec};

/// The options of `madang admin`.
#[derive(Debug, Args)]
pub struct Options {
    /// The data folder of the running server
    #[arg(long, value_name = "DIR", env = "MADANG_DATA", default_value = "data", global = true)]
    data: PathBuf,
    /// Print the server's answer as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Debug, Subcommand)]
enum Subject {
    /// The rooms
    #[command(subcommand)]
    Room(RoomAction),
}

#[derive(Debug, Subcommand)]
enum RoomAction {
    /// Delete a room with everything that was said in it, for good
    Forget {
        /// The name of the room
        #[arg(value_parser = RoomName::parse)]
        name: RoomName,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Gives the command, and prints what came of it.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let Subject::Room(RoomAction::Forget { name, yes }) = options.subject;
    if !yes && io::stdin().is_terminal() && !confirm(&name)? {
        bail!("{name} was left as it is");
    }
    let command = AdminCommand::ForgetRoom(ForgetRoom { room: name });
    let line = request(&options.data.join(ADMIN_SOCKET), &command).await?;
    let reply = serde_json::from_str(&line).context("the server's answer is none that this madang knows")?;
    match reply {
        AdminReply::Refused(refused) => Err(anyhow!(refused.error.sentence())),
        AdminReply::ForgottenRoom(_) if options.json => print(&line),
        AdminReply::ForgottenRoom(ForgottenRoom { room, events }) => {
            print(&format!("{room} is deleted, with the {events} events of its log"))
        }
    }
}

fn confirm(name: &RoomName) -> anyhow::Result<bool> {
    write!(io::stderr(), "Delete {name} and everything that was said in it, for good? [y/N] ")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn print(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{text}")?)
}

/// Sends one command and returns the line of the reply.
async fn request(socket: &Path, command: &AdminCommand) -> anyhow::Result<String> {
    let stream = UnixStream::connect(socket).await.with_context(|| {
        format!("no server listens on {}; is it running, and is --data its folder?", socket.display())
    })?;
    let mut lines = Framed::new(stream, LinesCodec::new_with_max_length(MAX_ADMIN_LINE));
    lines.send(serde_json::to_string(command)?).await?;
    lines
        .next()
        .await
        .context("the server closed the connection without an answer")?
        .context("reading the answer")
}
