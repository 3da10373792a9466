//! Being the same person again: the token that a server gave is kept, for each server, in a file
//! that only its owner can read, below `$XDG_STATE_HOME` (`~/.local/state`).

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::Context;

use super::{Secret, address::Address};

/// Where the token for one server is kept.
pub(super) struct Keepsake(PathBuf);

impl Keepsake {
    /// The place for this server; the error when nobody knows where that would be.
    pub(super) fn of(address: &Address) -> anyhow::Result<Keepsake> {
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
        let state = state.context("neither XDG_STATE_HOME nor HOME is set")?;
        let server = address.authority().replace(['[', ']'], "").replace(':', "_");
        Ok(Keepsake(state.join("madang").join(format!("token-{server}"))))
    }

    /// The token that is kept, if there is one.
    pub(super) fn read(&self) -> anyhow::Result<Option<Secret>> {
        match fs::read_to_string(&self.0) {
            Ok(text) => Ok(text.trim().parse().ok()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("reading {}", self.0.display())),
        }
    }

    /// Keeps a token, all of it or nothing.
    pub(super) fn write(&self, token: &Secret) -> anyhow::Result<()> {
        let write = || {
            let folder = self.0.parent().unwrap_or(Path::new("."));
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            let mut new = self.0.clone().into_os_string();
            new.push(format!(".{}", std::process::id()));
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
            writeln!(file, "{}", token.reveal())?;
            fs::rename(&new, &self.0)
        };
        write().with_context(|| format!("keeping the token in {}", self.0.display()))
    }
}
