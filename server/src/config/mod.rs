//! The configuration: command line over environment over file over default.
//!
//! An unknown or unusable option gives one sentence and exit code 2, before anything is opened.

mod file;
mod options;
mod validate;

#[cfg(test)]
mod tests;

use std::{ffi::OsString, fmt, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, anyhow, bail};
use clap::{ArgMatches, FromArgMatches, ValueEnum, error::ErrorKind, parser::ValueSource};
use ipnet::IpNet;
use url::Url;

use self::options::{Cli, Defaults, Options, Subcommands};
use crate::{
    chat::limits::Limits,
    cli::{admin, send, talk},
    store::DatabaseUrl,
};

/// The configuration of the server.
#[derive(Clone, Debug)]
pub struct Config {
    /// The addresses to listen on.
    pub listen: Vec<ListenAddress>,
    /// The addresses of this server in browsers, besides the loopback names.
    pub public_urls: Vec<Url>,
    pub database: DatabaseUrl,
    /// The Unix socket for commands of the operator.
    pub admin_socket: Option<PathBuf>,
    /// The largest size of the database, in bytes.
    pub max_disk: Option<u64>,
    pub limits: Limits,
    /// The most connections at once, over all transports.
    pub max_connections: usize,
    /// The most connections at once from one address that is not loopback.
    pub max_connections_per_address: usize,
    /// The networks of reverse proxies that are trusted to name their clients.
    pub trusted_proxies: Vec<IpNet>,
    /// How long an HTTP client may take to send the headers of a request.
    pub header_timeout: Duration,
    /// How long an HTTP client may take to send the body of a request.
    pub body_timeout: Duration,
    /// How long a line connection may be idle in both directions.
    pub idle_timeout: Duration,
    /// The key with which datagrams are signed. Without it only loopback addresses may send them.
    pub udp_key: Option<UdpKey>,
    /// The log filter, in the syntax of `tracing_subscriber::EnvFilter`.
    pub log: String,
    pub log_format: LogFormat,
}

impl Default for Config {
    /// The configuration of `madang` without arguments, environment and file.
    fn default() -> Self {
        let options = Options::parse_alone(&[]).expect("every option has a default or may be missing");
        options.validate().expect("the declared defaults can be used")
    }
}

/// A transport and its address, written as `http://127.0.0.1:3000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    pub transport: Transport,
    pub address: SocketAddr,
    /// Whether the server starts without it on a machine that has no such address.
    pub is_optional: bool,
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.transport.scheme(), self.address)
    }
}

/// The transport of an address. Ordered as the addresses are printed at start: the one for browsers first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    Http,
    Tcp,
    Udp,
}

impl Transport {
    const ALL: [Transport; 3] = [Transport::Http, Transport::Tcp, Transport::Udp];

    fn scheme(self) -> &'static str {
        match self {
            Transport::Http => "http",
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
        }
    }

    /// Combines the transport with an address.
    pub fn at(self, address: SocketAddr) -> ListenAddress {
        ListenAddress { transport: self, address, is_optional: false }
    }
}

/// The key for datagrams. `Debug` does not show it.
#[derive(Clone)]
pub struct UdpKey(String);

impl UdpKey {
    /// The shortest key, in bytes.
    const MIN: usize = 16;

    /// Accepts a key that is long enough not to be guessed.
    pub fn parse(text: String) -> anyhow::Result<UdpKey> {
        if text.len() < Self::MIN || text.contains(char::is_whitespace) {
            bail!("--udp-key takes at least {} characters without spaces", Self::MIN);
        }
        Ok(UdpKey(text))
    }

    /// Returns the key.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UdpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UdpKey(…)")
    }
}

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// The command that the command line selects.
#[derive(Debug)]
pub enum Invocation {
    Serve(Box<Config>),
    Talk(talk::Options),
    Send(send::Options),
    Admin(admin::Options),
    /// The text of `--help` or `--version`.
    Print(String),
}

/// Reads the command line, the environment and the file of this process.
pub fn load() -> anyhow::Result<Invocation> {
    let port = std::env::var("PORT").ok().filter(|port| !port.is_empty());
    load_from(std::env::args_os(), port.as_deref())
}

fn load_from<I, T>(arguments: I, port: Option<&str>) -> anyhow::Result<Invocation>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString>,
{
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let matches = match options::command(&Defaults::new()).try_get_matches_from(&arguments) {
        Ok(matches) => matches,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return Ok(Invocation::Print(error.to_string().trim_end().to_owned()));
        }
        Err(error) => return Err(usage_error(&error)),
    };
    let cli = Cli::from_arg_matches(&matches).map_err(|error| usage_error(&error))?;
    match cli.command {
        Some(Subcommands::Talk(options)) => options.check(has_token_argument(&matches)).map(Invocation::Talk),
        Some(Subcommands::Send(options)) => options.check(has_token_argument(&matches)).map(Invocation::Send),
        Some(Subcommands::Admin(options)) => Ok(Invocation::Admin(options)),
        Some(Subcommands::Serve(_)) | None => {
            let config = load_config(&arguments, server_matches(&matches), port)?;
            Ok(Invocation::Serve(Box::new(config)))
        }
    }
}

/// Parses the arguments again, now with the values of the file and of `PORT` as defaults.
fn load_config(arguments: &[OsString], given: &ArgMatches, port: Option<&str>) -> anyhow::Result<Config> {
    let mut defaults = match given.get_one::<PathBuf>("config") {
        Some(path) => file::read(path)?,
        None => Defaults::new(),
    };
    let is_listen_given = given.value_source("listen") != Some(ValueSource::DefaultValue);
    if let Some(port) = port.filter(|_| !is_listen_given && !defaults.contains_key("listen")) {
        let port = port.parse().with_context(|| format!("PORT takes a port number, not {port}"))?;
        defaults.insert("listen".to_owned(), options::default_listen(port));
    }
    let parse = || {
        let matches = options::command(&defaults).try_get_matches_from(arguments)?;
        Options::from_arg_matches(server_matches(&matches))
    };
    parse().map_err(|error| usage_error(&error))?.validate()
}

/// Returns the options of the server, given to `madang serve` or to `madang` alone.
fn server_matches(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand_matches("serve").unwrap_or(matches)
}

/// Whether a client was given `--token` on its command line. One in the environment does not count: it may
/// be meant for another server.
fn has_token_argument(matches: &ArgMatches) -> bool {
    let options = matches.subcommand().map(|(_, options)| options);
    options.is_some_and(|options| options.value_source("token") == Some(ValueSource::CommandLine))
}

fn usage_error(error: &clap::Error) -> anyhow::Error {
    anyhow!("{}; see madang --help", options::sentence(error))
}
