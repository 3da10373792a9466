//! Declares the options of the server, each once. The command line, the environment, the file, `--help`
//! and the table in `docs/cli.md` are made from these declarations.

use std::{collections::BTreeMap, path::PathBuf};

use clap::{
    Arg, Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand,
    builder::Resettable,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::LogFormat;
use crate::{
    chat::limits::Limits,
    cli::{admin, send, talk},
};

/// Madang: one room, every door. A chat server that is one file.
#[derive(Parser)]
#[command(name = "madang", version, about, args_conflicts_with_subcommands = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Subcommands>,
    #[command(flatten)]
    pub(super) options: Options,
}

#[derive(Subcommand)]
pub(super) enum Subcommands {
    /// Run the server; the same as `madang` alone.
    Serve(Options),
    /// Talk in a room from a terminal, or through a pipe.
    Talk(talk::Options),
    /// Say one thing, or every line of standard input, and make sure that it arrived.
    ///
    /// Exit codes: 0 when everything was delivered, 1 when something was not, 2 when the options can
    /// not be used.
    Send(send::Options),
    /// Give a running server on this machine a command of its operator.
    ///
    /// Exit codes: 0 when it was done, 1 when it was not, 2 when the options can not be used.
    Admin(admin::Options),
}

/// The options of the server. Has no `Debug`, because it holds a secret.
#[derive(Args)]
pub(super) struct Options {
    /// Where to listen: http://, tcp:// or udp:// with an address and a port. localhost is 127.0.0.1 and, if
    /// the machine has IPv6, ::1. May be repeated; addresses that are not given are not opened
    #[arg(long, value_name = "URL", value_delimiter = ',', default_values_t = default_listen(3000))]
    pub(super) listen: Vec<String>,
    /// The folder for everything that is stored
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(super) data: PathBuf,
    /// The database, as sqlite:PATH [default: madang.sqlite in --data]
    #[arg(long, value_name = "URL")]
    pub(super) database: Option<String>,
    /// The largest size of the database, e.g. 500M or 20G; then nothing more is stored until something is
    /// deleted. The write-ahead log beside it takes 32 MiB more
    #[arg(long, value_name = "SIZE")]
    pub(super) max_disk: Option<String>,
    /// The address that browsers use, e.g. https://chat.example.com. May be repeated; not needed for
    /// loopback addresses
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    pub(super) public_url: Vec<String>,
    /// Messages a connection may send each second
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = Limits::default().messages.per_second)]
    pub(super) message_rate: f64,
    /// Messages a connection may send at once
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = Limits::default().messages.burst)]
    pub(super) message_burst: f64,
    /// Joins and renames a connection may do each second
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = Limits::default().joins.per_second)]
    pub(super) join_rate: f64,
    /// Joins and renames a connection may do at once
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = Limits::default().joins.burst)]
    pub(super) join_burst: f64,
    /// Connections at once
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub(super) max_connections: usize,
    /// Connections at once from one address that is not loopback
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub(super) max_connections_per_address: usize,
    /// A reverse proxy, e.g. 127.0.0.1 or 10.0.0.0/8, that is trusted to tell the address of its clients: in
    /// X-Forwarded-For or Forwarded, or over tcp:// by the PROXY protocol. May be repeated
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub(super) trusted_proxy: Vec<String>,
    /// The key that datagrams must be signed with, at least 16 characters; better given in the
    /// environment. Without it udp:// is opened on loopback only
    #[arg(long, value_name = "KEY", hide_env_values = true)]
    pub(super) udp_key: Option<String>,
    /// What to log to standard error, e.g. debug or warn,madang=info
    #[arg(long, value_name = "FILTER", default_value_t = String::from("info"))]
    pub(super) log: String,
    /// The format of the log
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(super) log_format: LogFormat,
    /// A TOML file with any of the other options
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

/// The default of `--listen`: each transport on loopback. UDP stays on 3000, the default port of HTTP.
pub(super) fn default_listen(http_port: u16) -> Vec<String> {
    let http = format!("http://localhost:{http_port}");
    vec![http, "tcp://localhost:3001".to_owned(), "udp://localhost:3000".to_owned()]
}

impl Options {
    /// Parses these arguments alone, without the environment.
    pub(super) fn parse_alone(arguments: &[String]) -> Result<Options, clap::Error> {
        let command = Options::augment_args(Command::new("madang").no_binary_name(true));
        Options::from_arg_matches(&command.try_get_matches_from(arguments)?)
    }
}

/// Values of options by name, which replace the declared defaults.
pub(super) type Defaults = BTreeMap<String, Vec<String>>;

/// Returns the command line with the environment and these defaults. For each option clap takes the first
/// that is there: the argument, the environment variable, the default.
pub(super) fn command(defaults: &Defaults) -> Command {
    let complete = |arg: Arg| {
        let name = option_name(&arg).to_owned();
        let arg = arg.env(environment_variable(&name));
        match defaults.get(&name) {
            Some(values) => arg.default_values(values),
            None => arg,
        }
    };
    Cli::command()
        .mut_args(complete)
        .mut_subcommand("serve", |serve| serve.mut_args(complete))
        .mut_args(ignore_empty_variable)
        .mut_subcommands(|subcommand| subcommand.mut_args(ignore_empty_variable))
}

/// Treats an empty environment variable as unset: service files and containers set variables that they have
/// no value for.
fn ignore_empty_variable(arg: Arg) -> Arg {
    let is_empty = arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    if is_empty { arg.env(Resettable::Reset) } else { arg }
}

/// Returns the declaration of an option.
pub(super) fn find_option(name: &str) -> Option<Arg> {
    let command = Options::augment_args(Command::new("madang"));
    command.get_arguments().find(|arg| option_name(arg) == name).cloned()
}

fn option_name(arg: &Arg) -> &str {
    arg.get_long().unwrap_or_default()
}

fn environment_variable(option: &str) -> String {
    format!("MADANG_{}", option.replace('-', "_").to_uppercase())
}

/// Shortens clap's explanation to one sentence, which names the option and never shows a secret.
pub(super) fn sentence(error: &clap::Error) -> String {
    let mut text = error.to_string();
    if let (Some(ContextValue::String(option)), Some(ContextValue::String(value))) =
        (error.get(ContextKind::InvalidArg), error.get(ContextKind::InvalidValue))
        && is_secret(option)
        && !value.is_empty()
    {
        text = text.replace(value, "…");
    }
    let mut lines = text.lines().take_while(|line| !line.is_empty()).map(str::trim);
    let first = lines.next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    // What a colon announces, and the possible values, are in the lines below.
    let rest = lines.filter(|line| first.ends_with(':') || line.starts_with('[')).collect::<Vec<_>>();
    let mut sentence = [first, &rest.join(", ")].join(" ").trim_end().to_owned();
    if error.kind() == ErrorKind::ArgumentConflict && sentence.starts_with("the subcommand ") {
        sentence.push_str("; options stand behind the subcommand");
    }
    sentence
}

/// Whether an option, written as `--name <VALUE>`, has a value that must not be shown.
fn is_secret(option: &str) -> bool {
    let name = option.split(' ').next().unwrap_or_default().trim_start_matches("--");
    let command = Cli::command();
    let of_subcommands = command.get_subcommands().flat_map(Command::get_arguments);
    command
        .get_arguments()
        .chain(of_subcommands)
        .any(|arg| arg.is_hide_env_values_set() && option_name(arg) == name)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    const BEGIN: &str = "<!-- options: written by a test, see development.md -->\n\n";
    const END: &str = "\n<!-- end of options -->\n";

    #[test]
    fn the_documentation_lists_every_option() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
        let text = fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once(BEGIN).unwrap();
        let (table, after) = rest.split_once(END).unwrap();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(path, [before, BEGIN, &options_table(), END, after].concat()).unwrap();
        } else {
            assert_eq!(table, options_table(), "write it anew with UPDATE_DOCS=1");
        }
    }

    fn options_table() -> String {
        let command = Options::augment_args(Command::new("madang"));
        let rows = command.get_arguments().map(option_row);
        "| option | environment | default | what |\n|---|---|---|---|\n".to_owned()
            + &rows.collect::<String>()
    }

    fn option_row(arg: &Arg) -> String {
        let (name, help) = (option_name(arg), arg.get_help().unwrap().to_string());
        let value = arg.get_value_names().unwrap().join(" ");
        let values = arg.get_default_values().iter().map(|value| format!("`{}`", value.display()));
        let declared = values.collect::<Vec<_>>().join(" ");
        // A default that depends on another option is told in words.
        let (help, default) = match help.split_once(" [default: ") {
            Some((help, default)) => (help, default.trim_end_matches(']')),
            None => (help.as_str(), if declared.is_empty() { "none" } else { &declared }),
        };
        let possible = arg.get_possible_values();
        let names: Vec<&str> = possible.iter().map(clap::builder::PossibleValue::get_name).collect();
        let choice = if names.is_empty() { String::new() } else { format!(": {}", names.join(" or ")) };
        let variable = environment_variable(name);
        format!("| `--{name} {value}` | `{variable}` | {default} | {help}{choice} |\n")
    }
}
