//! Checks of the sources: import directions, circles of imports, and the words of the glossary.

mod circles;
mod directions;
mod parse;
mod words;

use std::sync::LazyLock;

use self::parse::Crate;

/// The files in which the module trees begin: one for each library, program and test crate.
const ROOTS: &[&str] = &[
    "common/src/lib.rs",
    "server/src/lib.rs",
    "server/src/main.rs",
    "server/tests/it/main.rs",
    "app/src/lib.rs",
    "verify/model/src/lib.rs",
    "verify/torture/src/lib.rs",
    "verify/torture/src/main.rs",
    "verify/fuzz/src/lib.rs",
    "verify/fuzz/src/main.rs",
    "bench/src/main.rs",
];

/// The folders whose file names are checked.
const FOLDERS: &[&str] = &["common", "server", "app/src", "verify", "bench", "e2e", "style"];

/// All crates, read once for all checks.
static CRATES: LazyLock<Vec<Crate>> = LazyLock::new(|| ROOTS.iter().map(|root| Crate::read(root)).collect());
