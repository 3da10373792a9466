//! The log on standard error. Standard output is for results.

use std::io::{self, IsTerminal};

use madang::config::{Config, LogFormat};
use tracing_subscriber::EnvFilter;

/// Starts logging as configured, with colours only on a terminal and without `NO_COLOR`.
pub(crate) fn init(config: &Config) {
    let filter = EnvFilter::new(&config.log);
    let has_colors =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(has_colors);
    match config.log_format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().init(),
    }
}
