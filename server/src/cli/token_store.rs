//! Stores the token of each server, so that the next run is the same person. The file is readable
//! by its owner only and is below `$XDG_STATE_HOME` (`~/.local/state`).

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::Context;

use super::{Secret, address::Address};

/// The file with the token for one server.
pub(super) struct TokenStore(PathBuf);

impl TokenStore {
    /// Returns the store for this server; fails if neither environment variable names a directory.
    pub(super) fn for_server(address: &Address) -> anyhow::Result<TokenStore> {
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
        let state = state.context("neither XDG_STATE_HOME nor HOME is set")?;
        let server = address.authority().replace(['[', ']'], "").replace(':', "_");
        Ok(TokenStore(state.join("madang").join(format!("token-{server}"))))
    }

    /// Loads the stored token, if there is one.
    pub(super) fn load(&self) -> anyhow::Result<Option<Secret>> {
        match fs::read_to_string(&self.0) {
            Ok(text) => Ok(text.trim().parse().ok()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("reading {}", self.0.display())),
        }
    }

    /// Stores a token atomically: writes a temporary file and renames it.
    pub(super) fn save(&self, token: &Secret) -> anyhow::Result<()> {
        let save = || {
            let folder = self.0.parent().unwrap_or(Path::new("."));
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            let mut temporary = self.0.clone().into_os_string();
            temporary.push(format!(".{}", std::process::id()));
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
            writeln!(file, "{}", token.reveal())?;
            fs::rename(&temporary, &self.0)
        };
        save().with_context(|| format!("keeping the token in {}", self.0.display()))
    }
}
