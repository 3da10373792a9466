//! Puts the terminal into raw mode, and restores its settings on drop.

use std::io::{self, Write};

use rustix::{
    process::{Signal, getpid, kill_process},
    termios::{
        InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, Winsize, tcgetattr, tcgetwinsize,
        tcsetattr,
    },
};

/// Makes the terminal mark pasted text (xterm, "bracketed paste mode").
const ENABLE_BRACKETED_PASTE: &str = "\x1b[?2004h";
const DISABLE_BRACKETED_PASTE: &str = "\x1b[?2004l";

/// The terminal of standard input in raw mode.
pub(super) struct RawMode {
    original: Termios,
}

impl RawMode {
    pub(super) fn enter() -> io::Result<RawMode> {
        let original = tcgetattr(io::stdin())?;
        let raw = RawMode { original };
        raw.set()?;
        Ok(raw)
    }

    fn set(&self) -> io::Result<()> {
        let mut modes = self.original.clone();
        modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
        modes.input_modes -= InputModes::ICRNL | InputModes::INLCR | InputModes::IXON | InputModes::ISTRIP;
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(io::stdin(), OptionalActions::Drain, &modes)?;
        write(ENABLE_BRACKETED_PASTE)
    }

    fn unset(&self) -> io::Result<()> {
        write(DISABLE_BRACKETED_PASTE)?;
        tcsetattr(io::stdin(), OptionalActions::Drain, &self.original)?;
        Ok(())
    }

    /// Suspends this process as Ctrl-Z does, and returns when it is resumed.
    pub(super) fn suspend(&self) -> io::Result<()> {
        self.unset()?;
        kill_process(getpid(), Signal::TSTP)?;
        self.set()
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // Fails only if the terminal is gone, and then there is nothing to restore.
        let _ = self.unset();
    }
}

/// Returns the terminal's columns and rows; zeros if unknown.
pub(super) fn size() -> (u16, u16) {
    tcgetwinsize(io::stdout()).map_or((0, 0), |Winsize { ws_col, ws_row, .. }| (ws_col, ws_row))
}

/// Writes to standard output and flushes.
pub(super) fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
