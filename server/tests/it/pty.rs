//! Runs a program in a pseudo terminal, and reads its screen.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::fd::OwnedFd,
    process::{Child, Command, ExitStatus},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::OFlags,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, Termios, Winsize, tcgetattr, tcsetwinsize},
};

use crate::harness::{TIMEOUT, signal};

/// A terminal in which a program runs.
pub(crate) struct Pty {
    child: Child,
    master: File,
    /// The program's side, kept open so that the terminal outlives the program.
    slave: File,
    output: Arc<Mutex<Output>>,
}

struct Output {
    terminal: vt100::Parser,
    bytes: Vec<u8>,
}

impl Pty {
    pub(crate) fn start(mut command: Command, columns: u16, rows: u16) -> Pty {
        let master_fd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master_fd).unwrap();
        unlockpt(&master_fd).unwrap();
        let path = ptsname(&master_fd, Vec::new()).unwrap().into_string().unwrap();
        let size = Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master_fd, size).unwrap();
        let mut options = OpenOptions::new();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, OFlags::NOCTTY.bits().cast_signed());
        let slave = options.read(true).write(true).open(path).unwrap();
        let end = || OwnedFd::from(slave.try_clone().unwrap());
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let terminal = vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 100);
        let output = Arc::new(Mutex::new(Output { terminal, bytes: Vec::new() }));
        let master = File::from(master_fd);
        let (mut screen, shown) = (master.try_clone().unwrap(), output.clone());
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = screen.read(&mut chunk) {
                let mut shown = shown.lock().unwrap();
                shown.terminal.process(&chunk[..length]);
                shown.bytes.extend_from_slice(&chunk[..length]);
            }
        });
        Pty { child, master, slave, output }
    }

    pub(crate) fn type_in(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Sends the program a signal.
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Returns the rows of the screen, without trailing spaces.
    pub(crate) fn rows(&self) -> Vec<String> {
        let contents = self.output.lock().unwrap().terminal.screen().contents();
        contents.lines().map(|row| row.trim_end().to_owned()).collect()
    }

    /// Returns everything that the program has written.
    pub(crate) fn output(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().unwrap().bytes).into_owned()
    }

    /// Waits until these are the screen's last rows.
    pub(crate) fn wait_until_screen_ends_with(&self, rows: &[&str]) {
        self.wait_until(|shown| {
            shown.ends_with(&rows.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>())
        });
    }

    /// Waits until the screen meets this condition.
    pub(crate) fn wait_until(&self, is_right: impl Fn(&[String]) -> bool) {
        let deadline = Instant::now() + TIMEOUT;
        while !is_right(&self.rows()) {
            assert!(Instant::now() < deadline, "the screen shows {:#?}", self.rows());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the cursor is in this column.
    pub(crate) fn wait_until_cursor_in_column(&self, column: u16) {
        self.wait_until(|_| self.output.lock().unwrap().terminal.screen().cursor_position().1 == column);
    }

    /// Returns the terminal's settings.
    pub(crate) fn modes(&self) -> Termios {
        tcgetattr(&self.slave).unwrap()
    }

    /// Returns whether the terminal has line mode, echo and signals, as a shell needs them.
    pub(crate) fn is_restored(&self) -> bool {
        self.modes().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }

    /// Waits until the program has exited.
    pub(crate) fn wait_for_exit(&mut self) -> ExitStatus {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end; the screen shows {:#?}", self.rows());
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
