//! A pseudo terminal with a program in it, and what somebody in front of it would see.

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

use crate::support::{PATIENCE, signal};

/// A terminal in which a program runs.
pub(crate) struct Pty {
    child: Child,
    keyboard: File,
    /// The program's side, kept so that the terminal outlives it.
    inside: File,
    seen: Arc<Mutex<Seen>>,
}

struct Seen {
    terminal: vt100::Parser,
    bytes: Vec<u8>,
}

impl Pty {
    pub(crate) fn start(mut command: Command, columns: u16, rows: u16) -> Pty {
        let outside = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&outside).unwrap();
        unlockpt(&outside).unwrap();
        let path = ptsname(&outside, Vec::new()).unwrap().into_string().unwrap();
        let size = Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&outside, size).unwrap();
        let mut options = OpenOptions::new();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, OFlags::NOCTTY.bits().cast_signed());
        let inside = options.read(true).write(true).open(path).unwrap();
        let end = || OwnedFd::from(inside.try_clone().unwrap());
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let terminal = vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 100);
        let seen = Arc::new(Mutex::new(Seen { terminal, bytes: Vec::new() }));
        let keyboard = File::from(outside);
        let (mut screen, shown) = (keyboard.try_clone().unwrap(), seen.clone());
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = screen.read(&mut chunk) {
                let mut shown = shown.lock().unwrap();
                shown.terminal.process(&chunk[..length]);
                shown.bytes.extend_from_slice(&chunk[..length]);
            }
        });
        Pty { child, keyboard, inside, seen }
    }

    pub(crate) fn type_in(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Sends the program a signal.
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// The rows that have something in them.
    pub(crate) fn rows(&self) -> Vec<String> {
        let contents = self.seen.lock().unwrap().terminal.screen().contents();
        contents.lines().map(|row| row.trim_end().to_owned()).collect()
    }

    /// Everything the program has written.
    pub(crate) fn bytes(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap().bytes).into_owned()
    }

    /// Waits until the screen's last rows are these.
    pub(crate) fn until_it_ends_with(&self, rows: &[&str]) {
        self.until(|shown| shown.ends_with(&rows.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>()));
    }

    /// Waits until the screen is as somebody would have it.
    pub(crate) fn until(&self, is_right: impl Fn(&[String]) -> bool) {
        let patience = Instant::now() + PATIENCE;
        while !is_right(&self.rows()) {
            assert!(Instant::now() < patience, "the screen shows {:#?}", self.rows());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the cursor stands in this column.
    pub(crate) fn until_the_cursor_is_in(&self, column: u16) {
        self.until(|_| self.seen.lock().unwrap().terminal.screen().cursor_position().1 == column);
    }

    /// How the terminal is set.
    pub(crate) fn modes(&self) -> Termios {
        tcgetattr(&self.inside).unwrap()
    }

    /// Whether the terminal gives lines, and shows what is typed, as a shell wants it.
    pub(crate) fn is_as_before(&self) -> bool {
        self.modes().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }

    /// Waits until the program has ended.
    pub(crate) fn finish(&mut self) -> ExitStatus {
        let patience = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < patience, "it does not end; the screen shows {:#?}", self.rows());
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
