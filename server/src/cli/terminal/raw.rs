//! A terminal that gives every key as it is pressed, and is as it was before when this is dropped.

use std::io::{self, Write};

use rustix::{
    process::{Signal, getpid, kill_process},
    termios::{
        InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, Winsize, tcgetattr, tcgetwinsize,
        tcsetattr,
    },
};

/// A paste comes marked as one (xterm, "bracketed paste mode").
const MARK_PASTES: &str = "\x1b[?2004h";
const PASTES_AS_TYPED: &str = "\x1b[?2004l";

/// The terminal of standard input, in raw mode.
pub(super) struct Raw {
    before: Termios,
}

impl Raw {
    pub(super) fn enter() -> io::Result<Raw> {
        let before = tcgetattr(io::stdin())?;
        let raw = Raw { before };
        raw.set()?;
        Ok(raw)
    }

    fn set(&self) -> io::Result<()> {
        let mut modes = self.before.clone();
        modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
        modes.input_modes -= InputModes::ICRNL | InputModes::INLCR | InputModes::IXON | InputModes::ISTRIP;
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(io::stdin(), OptionalActions::Drain, &modes)?;
        write(MARK_PASTES)
    }

    fn unset(&self) -> io::Result<()> {
        write(PASTES_AS_TYPED)?;
        tcsetattr(io::stdin(), OptionalActions::Drain, &self.before)?;
        Ok(())
    }

    /// Stops this process as Ctrl-Z does, until somebody wants it back.
    pub(super) fn suspend(&self) -> io::Result<()> {
        self.unset()?;
        kill_process(getpid(), Signal::TSTP)?;
        self.set()
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _ = self.unset();
    }
}

/// The terminal's columns and rows.
pub(super) fn size() -> (u16, u16) {
    tcgetwinsize(io::stdout()).map_or((0, 0), |Winsize { ws_col, ws_row, .. }| (ws_col, ws_row))
}

/// Writes at once.
pub(super) fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
