//! A fuzzer for stable compilers: mutates texts at random and passes them to the targets of the library.
//!
//! It does not measure coverage. Instead it starts from nearly valid texts and combines them.
//! `cargo fuzz` explores more, but needs a nightly compiler.

use std::{
    env, fs,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use fuzz::{TARGETS, Target};

/// The longest input in bytes: four times the longest message.
const MAX_BYTES: usize = 64 * 1024;
/// The limit of processor time for one input, a hundred times what any input needs.
const TIME_LIMIT: Duration = Duration::from_millis(500);

/// Fragments that have a meaning for one of the parsers.
const FRAGMENTS: [&str; 64] = [
    "/",
    "//",
    "/to ",
    "/name ",
    "/key ",
    "/mac ",
    "/join ",
    "/history ",
    "/me ",
    "/quit",
    "/who",
    "* ",
    "> ",
    "! ",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "\0",
    ": ",
    "\"",
    "\\",
    " (udp ",
    "message_empty: ",
    "0",
    "1",
    "4",
    "42",
    "43",
    "44",
    "2",
    "3",
    "40",
    "41",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "null",
    "true",
    "-1",
    "1e400",
    "\"seq\":",
    "\"posted\":",
    "\\u0000",
    "\\ud83d",
    "**",
    "_",
    "~~",
    "`",
    "```",
    "](",
    "http://a.b/c",
    "https://",
    "mailto:",
    "javascript:",
    "@지은",
    "- ",
    "1. ",
    "\u{202E}",
    "\u{200D}",
    "e\u{301}\u{301}",
];

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let (Some(corpus), Some(seconds)) = (arguments.next(), arguments.next()) else {
        eprintln!("fuzz CORPUS SECONDS [SEED] [TARGET…]");
        return ExitCode::FAILURE;
    };
    let Ok(seconds) = seconds.parse() else {
        eprintln!("{seconds} is no number of seconds");
        return ExitCode::FAILURE;
    };
    let seed = arguments.next().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let chosen: Vec<String> = arguments.collect();
    // Silences the default panic message; the report of a failure includes it.
    panic::set_hook(Box::new(|_| {}));
    let mut is_clean = true;
    for (name, target) in
        TARGETS.iter().filter(|(name, _)| chosen.is_empty() || chosen.iter().any(|c| c == name))
    {
        let corpus = Path::new(&corpus).join(name);
        match Fuzzer::new(&corpus, seed).run(*target, Duration::from_secs(seconds)) {
            Ok(tried) => println!("{name}: {tried} texts, nothing found"),
            Err(Failure { text, reason }) => {
                is_clean = false;
                println!("{name}: {reason}");
                match save(&corpus, &text) {
                    Ok(path) => println!("    the text is in {}", path.display()),
                    Err(error) => println!("    the text is {text:?} ({error})"),
                }
            }
        }
    }
    if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// An input that violates a property, and the reason.
struct Failure {
    text: String,
    reason: String,
}

/// The corpus and the state of the random number generator.
struct Fuzzer {
    corpus: Vec<String>,
    random_state: u64,
}

impl Fuzzer {
    fn new(corpus: &Path, seed: u64) -> Fuzzer {
        let mut files: Vec<PathBuf> =
            fs::read_dir(corpus).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        files.sort();
        let read = |path: &PathBuf| fs::read(path).ok();
        let texts = files.iter().filter_map(read).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let corpus = texts.chain([String::new()]).collect();
        Fuzzer { corpus, random_state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1 }
    }

    /// Runs the corpus, then mutations of it until `time` is over. Returns the number of inputs.
    fn run(mut self, target: Target, time: Duration) -> Result<u64, Failure> {
        let (end, mut tried) = (Instant::now() + time, 0);
        for text in self.corpus.clone() {
            run_target(target, text)?;
            tried += 1;
        }
        while Instant::now() < end {
            let mut text = self.random_input();
            for _ in 0..=self.random_below(6) {
                text = self.mutate(text);
            }
            if text.len() <= MAX_BYTES {
                run_target(target, text)?;
                tried += 1;
            }
        }
        Ok(tried)
    }

    fn mutate(&mut self, mut text: String) -> String {
        let (from, to) = (self.random_boundary(&text), self.random_boundary(&text));
        let (from, to) = (from.min(to), from.max(to));
        match self.random_below(8) {
            0 => text.replace_range(from..to, ""),
            1 => text.truncate(from),
            2 | 3 => text.insert_str(from, FRAGMENTS[self.random_below(FRAGMENTS.len())]),
            4 => {
                let any = char::from_u32(self.random_below(0x11_0000) as u32);
                text.insert(from, any.unwrap_or('\u{FFFD}'));
            }
            5 => {
                let byte = (self.random_below(96) as u8 + 32) as char;
                text.insert(from, byte);
            }
            6 => {
                let other = self.random_input();
                let start = self.random_boundary(&other);
                text.insert_str(from, &other[start..]);
            }
            _ => {
                let times = [2, 3, 10, 1_000][self.random_below(4)];
                let again = text[from..to].repeat(times.min(MAX_BYTES / (to - from + 1)));
                text.insert_str(from, &again);
            }
        }
        text
    }

    fn random_input(&mut self) -> String {
        let at = self.random_below(self.corpus.len());
        self.corpus[at].clone()
    }

    /// Returns a random character boundary.
    fn random_boundary(&mut self, text: &str) -> usize {
        let mut at = self.random_below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// Returns a random number below `bound` (xorshift64*).
    fn random_below(&mut self, bound: usize) -> usize {
        self.random_state ^= self.random_state >> 12;
        self.random_state ^= self.random_state << 25;
        self.random_state ^= self.random_state >> 27;
        (self.random_state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
    }
}

fn run_target(target: Target, text: String) -> Result<(), Failure> {
    let mut shortest = TIME_LIMIT;
    // Other processes can slow down a run, so a slow input must be slow three times, measured in
    // processor time.
    for is_repeat in [false, true, true] {
        let (start, spent_before) = (Instant::now(), is_repeat.then(processor_time).flatten());
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| target(&text)));
        let spent = spent_before.and_then(|before| Some(processor_time()? - before));
        shortest = shortest.min(spent.unwrap_or_else(|| start.elapsed()));
        if let Err(panic) = outcome {
            let message = panic.downcast_ref::<String>().cloned();
            let message =
                message.or_else(|| panic.downcast_ref::<&str>().map(|message| (*message).to_owned()));
            return Err(Failure { reason: message.unwrap_or_else(|| "a panic".to_owned()), text });
        }
        if shortest < TIME_LIMIT {
            return Ok(());
        }
    }
    Err(Failure { reason: format!("more than {TIME_LIMIT:?} for {} bytes", text.len()), text })
}

/// Returns the processor time of this thread; `None` on systems other than Linux.
fn processor_time() -> Option<Duration> {
    let statistics = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    statistics.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// Adds the text to the corpus, so that every later run tries it.
fn save(corpus: &Path, text: &str) -> std::io::Result<PathBuf> {
    fs::create_dir_all(corpus)?;
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let path = corpus.join(format!("found-{hash:016x}"));
    fs::write(&path, text)?;
    Ok(path)
}
