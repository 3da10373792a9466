//! A fuzzer that any stable compiler can build: it changes texts at random and gives them to the
//! functions of the library. It knows nothing of coverage, so it begins with texts that are nearly
//! right, and puts together what stands in them; `cargo fuzz` goes further where there is a nightly.

use std::{
    env, fs,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use fuzz::{TARGETS, Target};

/// The longest text that is tried: the longest message is a quarter of it.
const MAX_BYTES: usize = 64 * 1024;
/// How long one text may take on a processor. It is a hundred times what any needs.
const TOO_LONG: Duration = Duration::from_millis(500);

/// Parts that mean something to one of the readers.
const WORDS: [&str; 64] = [
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
    // A failure says itself what it was; the panic's own words stand in it.
    panic::set_hook(Box::new(|_| {}));
    let mut is_clean = true;
    for (name, target) in
        TARGETS.iter().filter(|(name, _)| chosen.is_empty() || chosen.iter().any(|c| c == name))
    {
        let corpus = Path::new(&corpus).join(name);
        match Fuzzer::new(&corpus, seed).run(*target, Duration::from_secs(seconds)) {
            Ok(tried) => println!("{name}: {tried} texts, nothing found"),
            Err(Found { text, why }) => {
                is_clean = false;
                println!("{name}: {why}");
                match keep(&corpus, &text) {
                    Ok(path) => println!("    the text is in {}", path.display()),
                    Err(error) => println!("    the text is {text:?} ({error})"),
                }
            }
        }
    }
    if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A text that breaks a promise, and how.
struct Found {
    text: String,
    why: String,
}

/// Texts, and chance.
struct Fuzzer {
    corpus: Vec<String>,
    state: u64,
}

impl Fuzzer {
    fn new(corpus: &Path, seed: u64) -> Fuzzer {
        let mut files: Vec<PathBuf> =
            fs::read_dir(corpus).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        files.sort();
        let read = |path: &PathBuf| fs::read(path).ok();
        let texts = files.iter().filter_map(read).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let corpus = texts.chain([String::new()]).collect();
        Fuzzer { corpus, state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1 }
    }

    /// Tries what is known, and then what comes of it; how many texts that was.
    fn run(mut self, target: Target, time: Duration) -> Result<u64, Found> {
        let (end, mut tried) = (Instant::now() + time, 0);
        for text in self.corpus.clone() {
            attempt(target, text)?;
            tried += 1;
        }
        while Instant::now() < end {
            let mut text = self.one_of_the_corpus();
            for _ in 0..=self.below(6) {
                text = self.change(text);
            }
            if text.len() <= MAX_BYTES {
                attempt(target, text)?;
                tried += 1;
            }
        }
        Ok(tried)
    }

    fn change(&mut self, mut text: String) -> String {
        let (from, to) = (self.place(&text), self.place(&text));
        let (from, to) = (from.min(to), from.max(to));
        match self.below(8) {
            0 => text.replace_range(from..to, ""),
            1 => text.truncate(from),
            2 | 3 => text.insert_str(from, WORDS[self.below(WORDS.len())]),
            4 => {
                let any = char::from_u32(self.below(0x11_0000) as u32);
                text.insert(from, any.unwrap_or('\u{FFFD}'));
            }
            5 => {
                let byte = (self.below(96) as u8 + 32) as char;
                text.insert(from, byte);
            }
            6 => {
                let other = self.one_of_the_corpus();
                let start = self.place(&other);
                text.insert_str(from, &other[start..]);
            }
            _ => {
                let times = [2, 3, 10, 1_000][self.below(4)];
                let again = text[from..to].repeat(times.min(MAX_BYTES / (to - from + 1)));
                text.insert_str(from, &again);
            }
        }
        text
    }

    fn one_of_the_corpus(&mut self) -> String {
        let at = self.below(self.corpus.len());
        self.corpus[at].clone()
    }

    /// A place between two characters.
    fn place(&mut self, text: &str) -> usize {
        let mut at = self.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// xorshift64*.
    fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
    }
}

fn attempt(target: Target, text: String) -> Result<(), Found> {
    let mut took = TOO_LONG;
    // Other things run beside: what takes long takes long again, and on the processor.
    for again in [false, true, true] {
        let (began, spent) = (Instant::now(), again.then(time_on_processor).flatten());
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| target(&text)));
        let worked = spent.and_then(|before| Some(time_on_processor()? - before));
        took = took.min(worked.unwrap_or_else(|| began.elapsed()));
        if let Err(panic) = outcome {
            let said = panic.downcast_ref::<String>().cloned();
            let said = said.or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).to_owned()));
            return Err(Found { why: said.unwrap_or_else(|| "a panic".to_owned()), text });
        }
        if took < TOO_LONG {
            return Ok(());
        }
    }
    Err(Found { why: format!("more than {TOO_LONG:?} for {} bytes", text.len()), text })
}

/// How long this thread has worked so far, where the system tells: Linux does.
fn time_on_processor() -> Option<Duration> {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// Puts the text beside the others: from now on it is tried every time.
fn keep(corpus: &Path, text: &str) -> std::io::Result<PathBuf> {
    fs::create_dir_all(corpus)?;
    let sum = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let path = corpus.join(format!("found-{sum:016x}"));
    fs::write(&path, text)?;
    Ok(path)
}
