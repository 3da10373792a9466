//! The configuration: command line over environment over file over default.
//!
//! An unknown or unusable option gives one sentence and exit code 2, before anything is opened.

use std::{
    fmt, fs,
    io::{self, IsTerminal},
    net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use clap::{
    ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, error::ErrorKind,
    parser::ValueSource,
};
use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use url::Url;

use crate::{
    chat::limits::{Limits, Rate},
    cli::{send, talk},
};

/// The default log filter.
const DEFAULT_LOG: &str = "info";

/// The configuration of the server.
#[derive(Clone, Debug)]
pub struct Config {
    /// The addresses to listen on.
    pub listen: Vec<ListenAddress>,
    /// The addresses of this server in browsers, besides the loopback names.
    pub public_urls: Vec<Url>,
    /// The database, as `sqlite:PATH`.
    pub database: String,
    pub limits: Limits,
    /// The most connections at once, over all transports.
    pub max_connections: usize,
    /// The most connections at once from one address that is not loopback.
    pub max_connections_per_address: usize,
    /// How long an HTTP client may take to send the headers of a request.
    pub header_timeout: Duration,
    /// How long an HTTP client may take to send the body of a request.
    pub body_timeout: Duration,
    /// How long a line connection may be idle in both directions.
    pub idle_timeout: Duration,
    /// The key with which datagrams are signed. Without it only loopback addresses may send them.
    pub udp_key: Option<UdpKey>,
    pub log: String,
    pub log_format: LogFormat,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: default_addresses(3000),
            public_urls: Vec::new(),
            database: "sqlite:data/madang.sqlite".to_owned(),
            limits: Limits::default(),
            max_connections: 20_000,
            max_connections_per_address: 256,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(10 * 60),
            udp_key: None,
            log: DEFAULT_LOG.to_owned(),
            log_format: LogFormat::Text,
        }
    }
}

/// A transport and its address, written as `http://127.0.0.1:3000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    pub transport: Transport,
    pub address: SocketAddr,
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
        ListenAddress { transport: self, address }
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
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
    /// The text of `--help` or `--version`.
    Print(String),
}

/// Madang: one room, every door. A chat server that is one file.
#[derive(Debug, Parser)]
#[command(name = "madang", version, about, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Subcommands>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Run the server; the same as `madang` alone.
    Serve(Options),
    /// Talk in a room from a terminal, or through a pipe.
    Talk(talk::Options),
    /// Say one thing, or every line of standard input, and make sure that it arrived.
    ///
    /// Exit codes: 0 when everything was delivered, 1 when something was not, 2 when the options can
    /// not be used.
    Send(send::Options),
}

/// The options, each also in the environment and (without `--config`) in the TOML file.
#[derive(Debug, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Options {
    /// Where to listen, e.g. http://0.0.0.0:3000 (may be repeated; also tcp:// and udp://)
    /// [default: http://127.0.0.1:3000 tcp://127.0.0.1:3001 udp://127.0.0.1:3000]
    #[arg(long, value_name = "URL", env = "MADANG_LISTEN", value_delimiter = ',')]
    listen: Option<Vec<String>>,
    /// The folder for everything that is kept [default: data]
    #[arg(long, value_name = "DIR", env = "MADANG_DATA")]
    data: Option<PathBuf>,
    /// The database, as sqlite:PATH [default: madang.sqlite in --data]
    #[arg(long, value_name = "URL", env = "MADANG_DATABASE")]
    database: Option<String>,
    /// The address people open, e.g. https://chat.example.com (may be repeated)
    #[arg(long, value_name = "URL", env = "MADANG_PUBLIC_URL", value_delimiter = ',')]
    public_url: Option<Vec<String>>,
    /// Messages a connection may send each second [default: 5]
    #[arg(long, value_name = "N", env = "MADANG_MESSAGE_RATE", allow_negative_numbers = true)]
    message_rate: Option<f64>,
    /// Messages a connection may send at once [default: 20]
    #[arg(long, value_name = "N", env = "MADANG_MESSAGE_BURST", allow_negative_numbers = true)]
    message_burst: Option<f64>,
    /// Joins and renames a connection may do each second [default: 1]
    #[arg(long, value_name = "N", env = "MADANG_JOIN_RATE", allow_negative_numbers = true)]
    join_rate: Option<f64>,
    /// Joins and renames a connection may do at once [default: 40]
    #[arg(long, value_name = "N", env = "MADANG_JOIN_BURST", allow_negative_numbers = true)]
    join_burst: Option<f64>,
    /// Connections at once [default: 20000]
    #[arg(long, value_name = "N", env = "MADANG_MAX_CONNECTIONS")]
    max_connections: Option<usize>,
    /// Connections at once from one address, loopback excepted [default: 256]
    #[arg(long, value_name = "N", env = "MADANG_MAX_CONNECTIONS_PER_ADDRESS")]
    max_connections_per_address: Option<usize>,
    /// What datagrams from elsewhere must be signed with; better given in the environment
    #[arg(long, value_name = "KEY", env = "MADANG_UDP_KEY", hide_env_values = true)]
    udp_key: Option<String>,
    /// What to log, e.g. debug or warn,madang=info [default: info]
    #[arg(long, value_name = "FILTER", env = "MADANG_LOG")]
    log: Option<String>,
    /// How to log [default: text]
    #[arg(long, value_name = "FORMAT", env = "MADANG_LOG_FORMAT")]
    log_format: Option<LogFormat>,
    /// A TOML file with any of these options
    #[arg(long, value_name = "FILE", env = "MADANG_CONFIG")]
    #[serde(skip)]
    config: Option<PathBuf>,
}

/// Reads the command line, the environment and the file of this process.
pub fn load() -> anyhow::Result<Invocation> {
    let port = std::env::var("PORT").ok();
    load_from(std::env::args_os(), port.as_deref())
}

fn load_from<I, T>(arguments: I, port: Option<&str>) -> anyhow::Result<Invocation>
where
    I: IntoIterator<Item = T>,
    T: Into<std::ffi::OsString> + Clone,
{
    let parse = || -> Result<_, clap::Error> {
        let matches = Cli::command().try_get_matches_from(arguments)?;
        Ok((Cli::from_arg_matches(&matches)?, has_token_argument(&matches)))
    };
    let (cli, has_token_argument) = match parse() {
        Ok(parsed) => parsed,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return Ok(Invocation::Print(error.to_string().trim_end().to_owned()));
        }
        Err(error) => return Err(usage_error(&error)),
    };
    let from_command_line = match cli.command {
        Some(Subcommands::Serve(options)) => options,
        Some(Subcommands::Talk(options)) => return options.check(has_token_argument).map(Invocation::Talk),
        Some(Subcommands::Send(options)) => return options.check(has_token_argument).map(Invocation::Send),
        None => cli.options,
    };
    let from_file = from_command_line.config.as_deref().map(read_file).transpose()?.unwrap_or_default();
    let options = from_command_line.or(from_file);
    Ok(Invocation::Serve(Box::new(options.validate(port)?)))
}

/// Whether the command line of a client has `--token`. A token in the environment may be meant for
/// another server.
fn has_token_argument(matches: &ArgMatches) -> bool {
    let client = matches.subcommand().filter(|(name, _)| matches!(*name, "talk" | "send"));
    client.is_some_and(|(_, options)| options.value_source("token") == Some(ValueSource::CommandLine))
}

/// Shortens clap's explanation to its first line, which names the option.
fn usage_error(error: &clap::Error) -> anyhow::Error {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    anyhow!("{}; see madang --help", line.strip_prefix("error: ").unwrap_or(line))
}

fn read_file(path: &Path) -> anyhow::Result<Options> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    toml::from_str(&text).map_err(|error| {
        let reason = error.message().lines().collect::<Vec<_>>().join(" ");
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let number = before.matches('\n').count();
        let line = text.lines().nth(number).unwrap_or_default();
        anyhow!("{}: line {} ({}): {reason}", path.display(), number + 1, line.trim())
    })
}

impl Options {
    /// Fills the options that are not set from `file`.
    fn or(self, file: Options) -> Options {
        Options {
            listen: self.listen.or(file.listen),
            data: self.data.or(file.data),
            database: self.database.or(file.database),
            public_url: self.public_url.or(file.public_url),
            message_rate: self.message_rate.or(file.message_rate),
            message_burst: self.message_burst.or(file.message_burst),
            join_rate: self.join_rate.or(file.join_rate),
            join_burst: self.join_burst.or(file.join_burst),
            max_connections: self.max_connections.or(file.max_connections),
            max_connections_per_address: self
                .max_connections_per_address
                .or(file.max_connections_per_address),
            udp_key: self.udp_key.or(file.udp_key),
            log: self.log.or(file.log),
            log_format: self.log_format.or(file.log_format),
            config: self.config,
        }
    }

    fn validate(self, port: Option<&str>) -> anyhow::Result<Config> {
        let default = Config::default();
        let data = self.data.unwrap_or_else(|| PathBuf::from("data"));
        let limits = default.limits;
        let udp_key = self.udp_key.map(UdpKey::parse).transpose()?;
        Ok(Config {
            listen: parse_listen(self.listen.as_deref(), port, udp_key.is_some())?,
            public_urls: self
                .public_url
                .unwrap_or_default()
                .iter()
                .map(|url| parse_public_url(url))
                .collect::<Result<_, _>>()?,
            database: match self.database {
                Some(url) => parse_database(url)?,
                None => format!("sqlite:{}", data.join("madang.sqlite").display()),
            },
            limits: Limits {
                messages: parse_rate("message", self.message_rate, self.message_burst, limits.messages)?,
                joins: parse_rate("join", self.join_rate, self.join_burst, limits.joins)?,
                reads: limits.reads,
                rooms: limits.rooms,
            },
            max_connections: require_positive(
                "max-connections",
                self.max_connections,
                default.max_connections,
            )?,
            max_connections_per_address: require_positive(
                "max-connections-per-address",
                self.max_connections_per_address,
                default.max_connections_per_address,
            )?,
            header_timeout: default.header_timeout,
            body_timeout: default.body_timeout,
            idle_timeout: default.idle_timeout,
            udp_key,
            log: parse_log_filter(self.log.unwrap_or(default.log))?,
            log_format: self.log_format.unwrap_or(default.log_format),
        })
    }
}

/// The default addresses: each transport on loopback. UDP has the port of HTTP.
fn default_addresses(http_port: u16) -> Vec<ListenAddress> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    vec![Transport::Http.at(at(http_port)), Transport::Tcp.at(at(3001)), Transport::Udp.at(at(3000))]
}

fn parse_listen(
    urls: Option<&[String]>,
    port: Option<&str>,
    has_udp_key: bool,
) -> anyhow::Result<Vec<ListenAddress>> {
    let Some(urls) = urls else {
        let port = match port {
            Some(text) => text.parse().with_context(|| format!("PORT takes a port number, not {text}"))?,
            None => 3000,
        };
        return Ok(default_addresses(port));
    };
    let addresses: Vec<ListenAddress> =
        urls.iter().map(|url| parse_listen_url(url)).collect::<anyhow::Result<_>>()?;
    let is_duplicate = |(index, listen): &(usize, &ListenAddress)| {
        listen.address.port() != 0 && addresses[..*index].contains(listen)
    };
    if let Some((_, listen)) = addresses.iter().enumerate().find(is_duplicate) {
        bail!("--listen {listen} is given twice");
    }
    let is_public_udp =
        |listen: &&ListenAddress| listen.transport == Transport::Udp && !listen.address.ip().is_loopback();
    if let Some(listen) = addresses.iter().find(is_public_udp).filter(|_| !has_udp_key) {
        bail!("--listen {listen} needs --udp-key: anybody can put any sender on a datagram");
    }
    Ok(addresses)
}

fn parse_listen_url(text: &str) -> anyhow::Result<ListenAddress> {
    let url = Url::parse(text).ok().filter(Url::has_host);
    let url = url.with_context(|| format!("--listen takes http://ADDRESS:PORT, not {text}"))?;
    let transport = Transport::ALL.into_iter().find(|transport| transport.scheme() == url.scheme());
    let transport = transport
        .with_context(|| format!("--listen opens http, tcp and udp doors, not {}://", url.scheme()))?;
    let is_bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !matches!(url.path(), "" | "/") || !is_bare {
        bail!("--listen takes {}://ADDRESS:PORT without a path, not {text}", url.scheme());
    }
    let port = url.port_or_known_default();
    let port = port.with_context(|| format!("--listen takes {}://ADDRESS:PORT, not {text}", url.scheme()))?;
    let host = url.host_str().unwrap_or_default();
    let resolved = match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => Some(SocketAddr::new(address, port)),
        Err(_) => (host, port).to_socket_addrs().ok().and_then(|mut addresses| addresses.next()),
    };
    let address = resolved.with_context(|| format!("--listen: {host} is no address of this machine"))?;
    Ok(transport.at(address))
}

fn parse_public_url(text: &str) -> anyhow::Result<Url> {
    let is_usable = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    };
    Url::parse(text)
        .ok()
        .filter(is_usable)
        .with_context(|| format!("--public-url takes http(s)://NAME[:PORT] without a path, not {text}"))
}

fn parse_database(url: String) -> anyhow::Result<String> {
    match url.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() => Ok(url),
        _ => bail!("--database takes sqlite:PATH, not {url}"),
    }
}

fn parse_rate(
    name: &str,
    per_second: Option<f64>,
    burst: Option<f64>,
    default: Rate,
) -> anyhow::Result<Rate> {
    let rate =
        Rate { per_second: per_second.unwrap_or(default.per_second), burst: burst.unwrap_or(default.burst) };
    let is_usable = |number: f64, minimum: f64| number.is_finite() && number >= minimum;
    if !is_usable(rate.per_second, 0.001) || !is_usable(rate.burst, 1.0) {
        bail!("--{name}-rate takes a number above 0, --{name}-burst one of at least 1");
    }
    Ok(rate)
}

fn require_positive(name: &str, given: Option<usize>, default: usize) -> anyhow::Result<usize> {
    match given {
        Some(0) => bail!("--{name} takes a number of at least 1"),
        given => Ok(given.unwrap_or(default)),
    }
}

fn parse_log_filter(text: String) -> anyhow::Result<String> {
    match EnvFilter::try_new(&text) {
        Ok(_) => Ok(text),
        Err(_) => bail!("--log takes a level or a filter such as warn,madang=info, not {text}"),
    }
}

/// Starts logging to standard error. Standard output is for results.
pub fn init_logging(config: &Config) {
    let filter = EnvFilter::new(&config.log);
    let has_colors =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(has_colors);
    match config.log_format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().init(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_serve(arguments: &[&str]) -> anyhow::Result<Config> {
        let all = std::iter::once("madang").chain(arguments.iter().copied());
        match load_from(all, None)? {
            Invocation::Serve(config) => Ok(*config),
            other => bail!("asked for {other:?}"),
        }
    }

    #[test]
    fn an_unusable_option_gives_one_sentence_that_names_it() {
        let cases: &[(&[&str], &str)] = &[
            (&["--frobnicate"], "unexpected argument '--frobnicate' found; see madang --help"),
            (&["--listen", "gopher://127.0.0.1:70"], "--listen opens http, tcp and udp doors, not gopher://"),
            (&["--listen", "tcp://127.0.0.1"], "--listen takes tcp://ADDRESS:PORT, not tcp://127.0.0.1"),
            (
                &["--listen", "udp://0.0.0.0:3000"],
                "--listen udp://0.0.0.0:3000 needs --udp-key: anybody can put any sender on a datagram",
            ),
            (&["--udp-key", "guess"], "--udp-key takes at least 16 characters without spaces"),
            (&["--listen", "3000"], "--listen takes http://ADDRESS:PORT, not 3000"),
            (
                &["--public-url", "chat.example.com"],
                "--public-url takes http(s)://NAME[:PORT] without a path, not chat.example.com",
            ),
            (&["--database", "mysql://x"], "--database takes sqlite:PATH, not mysql://x"),
            (
                &["--message-rate", "0"],
                "--message-rate takes a number above 0, --message-burst one of at least 1",
            ),
            (
                &["--message-rate", "-1"],
                "--message-rate takes a number above 0, --message-burst one of at least 1",
            ),
            (
                &["--public-url", "https://me:secret@chat.example.com"],
                "--public-url takes http(s)://NAME[:PORT] without a path, not https://me:secret@chat.example.com",
            ),
            (
                &["--listen", "tcp://127.0.0.1:4001,tcp://127.0.0.1:4001"],
                "--listen tcp://127.0.0.1:4001 is given twice",
            ),
            (&["--max-connections", "0"], "--max-connections takes a number of at least 1"),
            (
                &["--log", "madang=verbose"],
                "--log takes a level or a filter such as warn,madang=info, not madang=verbose",
            ),
        ];
        for (arguments, sentence) in cases {
            let error = parse_serve(arguments).unwrap_err().to_string();
            assert_eq!(&error, sentence);
            assert_eq!(error.lines().count(), 1);
        }
    }

    #[test]
    fn the_command_line_overrides_the_file_and_the_file_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("madang.toml");
        fs::write(&file, "data = \"/srv/madang\"\nmessage-rate = 7\nlisten = [\"http://[::1]:4000\"]\n")
            .unwrap();
        let config = parse_serve(&["--config", file.to_str().unwrap(), "--message-rate", "9"]).unwrap();
        assert_eq!(config.limits.messages, Rate { per_second: 9.0, burst: 20.0 });
        assert_eq!(config.database, "sqlite:/srv/madang/madang.sqlite");
        assert_eq!(config.listen, [Transport::Http.at("[::1]:4000".parse().unwrap())]);

        fs::write(&file, "colour = \"green\"\n").unwrap();
        let error = parse_serve(&["--config", file.to_str().unwrap()]).unwrap_err().to_string();
        assert!(error.contains("colour") && error.lines().count() == 1, "{error}");
        fs::write(&file, "data = \"x\"\nmax-connections = -1\n").unwrap();
        let error = parse_serve(&["--config", file.to_str().unwrap()]).unwrap_err().to_string();
        assert!(error.contains("line 2 (max-connections = -1): ") && error.lines().count() == 1, "{error}");
    }

    #[test]
    fn help_names_the_default_limits() {
        let Invocation::Print(help) = load_from(["madang", "--help"], None).unwrap() else { panic!() };
        let Config { limits, max_connections, max_connections_per_address, .. } = Config::default();
        let defaults = [
            ("--message-rate", limits.messages.per_second),
            ("--message-burst", limits.messages.burst),
            ("--join-rate", limits.joins.per_second),
            ("--join-burst", limits.joins.burst),
            ("--max-connections", max_connections as f64),
            ("--max-connections-per-address", max_connections_per_address as f64),
        ];
        for (option, default) in defaults {
            let text =
                help.split(&format!("{option} <")).nth(1).and_then(|text| text.split("[default: ").nth(1));
            assert!(text.unwrap().starts_with(&format!("{default}]")), "{option}: {text:?}");
        }
    }

    #[test]
    fn only_the_given_addresses_are_listened_on() {
        let arguments = ["--listen", "udp://[::1]:0", "--listen", "tcp://0.0.0.0:4001"];
        let config = parse_serve(&arguments).unwrap();
        assert_eq!(
            config.listen.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["udp://[::1]:0", "tcp://0.0.0.0:4001"]
        );
        let everywhere = ["--listen", "udp://0.0.0.0:3000", "--udp-key", "0123456789abcdef"];
        let config = parse_serve(&everywhere).unwrap();
        assert!(!format!("{config:?}").contains("0123456789abcdef"));
    }

    #[test]
    fn serve_is_the_default_command_and_port_changes_the_http_port() {
        assert_eq!(
            parse_serve(&["serve", "--data", "x"]).unwrap().database,
            parse_serve(&["--data", "x"]).unwrap().database
        );
        let Invocation::Serve(config) = load_from(["madang"], Some("8081")).unwrap() else { panic!() };
        let addresses: Vec<String> = config.listen.iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["http://127.0.0.1:8081", "tcp://127.0.0.1:3001", "udp://127.0.0.1:3000"]);
        assert_eq!(
            load_from(["madang"], Some("http")).unwrap_err().to_string(),
            "PORT takes a port number, not http"
        );
    }
}
