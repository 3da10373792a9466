//! Every option once: command line over environment over file over default.
//!
//! Whatever is unknown or unusable is one clear sentence and exit code 2, before anything is opened.

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

/// What is logged when nothing else is asked for.
const DEFAULT_LOG: &str = "info";

/// Everything the server needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The doors to open.
    pub listen: Vec<Listen>,
    /// The addresses of this server as browsers see them, beside the loopback names.
    pub public_urls: Vec<Url>,
    /// Where the log is, as `sqlite:PATH`.
    pub database: String,
    pub limits: Limits,
    /// The most connections at once, over all doors.
    pub max_connections: usize,
    /// The most connections at once from one address that is not loopback.
    pub max_connections_per_address: usize,
    /// How long an HTTP client may take for its headers.
    pub header_timeout: Duration,
    /// How long an HTTP client may take for a request's body.
    pub body_timeout: Duration,
    /// How long nothing may be said over a TCP line, in either direction.
    pub idle_timeout: Duration,
    /// What senders of datagrams prove to know. Without it only this machine may send any.
    pub udp_key: Option<UdpKey>,
    pub log: String,
    pub log_format: LogFormat,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: default_doors(3000),
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

/// A door and where it is, written as `http://127.0.0.1:3000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    pub door: Door,
    pub address: SocketAddr,
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.door.scheme(), self.address)
    }
}

/// What is spoken at a door. In the order in which they are told to whoever starts the server: the
/// one for browsers comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
    Http,
    Tcp,
    Udp,
}

impl Door {
    const ALL: [Door; 3] = [Door::Http, Door::Tcp, Door::Udp];

    fn scheme(self) -> &'static str {
        match self {
            Door::Http => "http",
            Door::Tcp => "tcp",
            Door::Udp => "udp",
        }
    }

    /// The door at this address.
    pub fn at(self, address: SocketAddr) -> Listen {
        Listen { door: self, address }
    }
}

/// The secret of the UDP door. It is never shown.
#[derive(Clone)]
pub struct UdpKey(String);

impl UdpKey {
    /// The shortest key, in bytes.
    const MIN: usize = 16;

    /// Takes a key that can not be guessed.
    pub fn parse(text: String) -> anyhow::Result<UdpKey> {
        if text.len() < Self::MIN || text.contains(char::is_whitespace) {
            bail!("--udp-key takes at least {} characters without spaces", Self::MIN);
        }
        Ok(UdpKey(text))
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UdpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UdpKey(…)")
    }
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Asked {
    Serve(Box<Config>),
    Talk(talk::Options),
    Send(send::Options),
    /// Help or the version.
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

/// Reads this process' command line, environment and file.
pub fn read() -> anyhow::Result<Asked> {
    let port = std::env::var("PORT").ok();
    read_from(std::env::args_os(), port.as_deref())
}

fn read_from<I, T>(arguments: I, port: Option<&str>) -> anyhow::Result<Asked>
where
    I: IntoIterator<Item = T>,
    T: Into<std::ffi::OsString> + Clone,
{
    let read = || -> Result<_, clap::Error> {
        let matches = Cli::command().try_get_matches_from(arguments)?;
        Ok((Cli::from_arg_matches(&matches)?, gives_token(&matches)))
    };
    let (cli, gives_token) = match read() {
        Ok(read) => read,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return Ok(Asked::Print(error.to_string().trim_end().to_owned()));
        }
        Err(error) => return Err(one_sentence(&error)),
    };
    let given = match cli.command {
        Some(Subcommands::Serve(options)) => options,
        Some(Subcommands::Talk(options)) => return options.check(gives_token).map(Asked::Talk),
        Some(Subcommands::Send(options)) => return options.check(gives_token).map(Asked::Send),
        None => cli.options,
    };
    let from_file = given.config.as_deref().map(read_file).transpose()?.unwrap_or_default();
    let options = given.or(from_file);
    Ok(Asked::Serve(Box::new(options.check(port)?)))
}

/// Whether a client's command line itself names a token. One in the environment may be there for
/// other doors.
fn gives_token(matches: &ArgMatches) -> bool {
    let client = matches.subcommand().filter(|(name, _)| matches!(*name, "talk" | "send"));
    client.is_some_and(|(_, options)| options.value_source("token") == Some(ValueSource::CommandLine))
}

/// The first line of clap's explanation, which names the option, and where to read more.
fn one_sentence(error: &clap::Error) -> anyhow::Error {
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
    /// These options, and those of `file` where these are silent.
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

    fn check(self, port: Option<&str>) -> anyhow::Result<Config> {
        let default = Config::default();
        let data = self.data.unwrap_or_else(|| PathBuf::from("data"));
        let limits = default.limits;
        let udp_key = self.udp_key.map(UdpKey::parse).transpose()?;
        Ok(Config {
            listen: listen(self.listen.as_deref(), port, udp_key.is_some())?,
            public_urls: self
                .public_url
                .unwrap_or_default()
                .iter()
                .map(|url| public_url(url))
                .collect::<Result<_, _>>()?,
            database: match self.database {
                Some(url) => database(url)?,
                None => format!("sqlite:{}", data.join("madang.sqlite").display()),
            },
            limits: Limits {
                messages: rate("message", self.message_rate, self.message_burst, limits.messages)?,
                joins: rate("join", self.join_rate, self.join_burst, limits.joins)?,
                reads: limits.reads,
                rooms: limits.rooms,
            },
            max_connections: at_least_one("max-connections", self.max_connections, default.max_connections)?,
            max_connections_per_address: at_least_one(
                "max-connections-per-address",
                self.max_connections_per_address,
                default.max_connections_per_address,
            )?,
            header_timeout: default.header_timeout,
            body_timeout: default.body_timeout,
            idle_timeout: default.idle_timeout,
            udp_key,
            log: filter(self.log.unwrap_or(default.log))?,
            log_format: self.log_format.unwrap_or(default.log_format),
        })
    }
}

/// One door of each kind on the loopback address. UDP has the number of HTTP.
fn default_doors(http_port: u16) -> Vec<Listen> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    vec![Door::Http.at(at(http_port)), Door::Tcp.at(at(3001)), Door::Udp.at(at(3000))]
}

fn listen(urls: Option<&[String]>, port: Option<&str>, has_udp_key: bool) -> anyhow::Result<Vec<Listen>> {
    let Some(urls) = urls else {
        let port = match port {
            Some(text) => text.parse().with_context(|| format!("PORT takes a port number, not {text}"))?,
            None => 3000,
        };
        return Ok(default_doors(port));
    };
    let doors: Vec<Listen> = urls.iter().map(|url| listen_one(url)).collect::<anyhow::Result<_>>()?;
    let is_twice = |(at, door): &(usize, &Listen)| door.address.port() != 0 && doors[..*at].contains(door);
    if let Some((_, door)) = doors.iter().enumerate().find(is_twice) {
        bail!("--listen {door} is given twice");
    }
    let open_to_all = |door: &&Listen| door.door == Door::Udp && !door.address.ip().is_loopback();
    if let Some(door) = doors.iter().find(open_to_all).filter(|_| !has_udp_key) {
        bail!("--listen {door} needs --udp-key: anybody can put any sender on a datagram");
    }
    Ok(doors)
}

fn listen_one(text: &str) -> anyhow::Result<Listen> {
    let url = Url::parse(text).ok().filter(Url::has_host);
    let url = url.with_context(|| format!("--listen takes http://ADDRESS:PORT, not {text}"))?;
    let door = Door::ALL.into_iter().find(|door| door.scheme() == url.scheme());
    let door =
        door.with_context(|| format!("--listen opens http, tcp and udp doors, not {}://", url.scheme()))?;
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
    Ok(door.at(address))
}

fn public_url(text: &str) -> anyhow::Result<Url> {
    let usable = |url: &Url| {
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
        .filter(usable)
        .with_context(|| format!("--public-url takes http(s)://NAME[:PORT] without a path, not {text}"))
}

fn database(url: String) -> anyhow::Result<String> {
    match url.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() => Ok(url),
        _ => bail!("--database takes sqlite:PATH, not {url}"),
    }
}

fn rate(name: &str, per_second: Option<f64>, burst: Option<f64>, default: Rate) -> anyhow::Result<Rate> {
    let rate =
        Rate { per_second: per_second.unwrap_or(default.per_second), burst: burst.unwrap_or(default.burst) };
    let usable = |number: f64, least: f64| number.is_finite() && number >= least;
    if !usable(rate.per_second, 0.001) || !usable(rate.burst, 1.0) {
        bail!("--{name}-rate takes a number above 0, --{name}-burst one of at least 1");
    }
    Ok(rate)
}

fn at_least_one(name: &str, given: Option<usize>, default: usize) -> anyhow::Result<usize> {
    match given {
        Some(0) => bail!("--{name} takes a number of at least 1"),
        given => Ok(given.unwrap_or(default)),
    }
}

fn filter(text: String) -> anyhow::Result<String> {
    match EnvFilter::try_new(&text) {
        Ok(_) => Ok(text),
        Err(_) => bail!("--log takes a level or a filter such as warn,madang=info, not {text}"),
    }
}

/// Starts logging to standard error. Standard output is for what the caller waits for.
pub fn log(config: &Config) {
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

    fn serve(arguments: &[&str]) -> anyhow::Result<Config> {
        let all = std::iter::once("madang").chain(arguments.iter().copied());
        match read_from(all, None)? {
            Asked::Serve(config) => Ok(*config),
            other => bail!("asked for {other:?}"),
        }
    }

    #[test]
    fn what_is_unusable_is_one_sentence_that_names_the_option() {
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
            let error = serve(arguments).unwrap_err().to_string();
            assert_eq!(&error, sentence);
            assert_eq!(error.lines().count(), 1);
        }
    }

    #[test]
    fn the_command_line_goes_before_the_file_and_the_file_before_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("madang.toml");
        fs::write(&file, "data = \"/srv/madang\"\nmessage-rate = 7\nlisten = [\"http://[::1]:4000\"]\n")
            .unwrap();
        let config = serve(&["--config", file.to_str().unwrap(), "--message-rate", "9"]).unwrap();
        assert_eq!(config.limits.messages, Rate { per_second: 9.0, burst: 20.0 });
        assert_eq!(config.database, "sqlite:/srv/madang/madang.sqlite");
        assert_eq!(config.listen, [Door::Http.at("[::1]:4000".parse().unwrap())]);

        fs::write(&file, "colour = \"green\"\n").unwrap();
        let error = serve(&["--config", file.to_str().unwrap()]).unwrap_err().to_string();
        assert!(error.contains("colour") && error.lines().count() == 1, "{error}");
        fs::write(&file, "data = \"x\"\nmax-connections = -1\n").unwrap();
        let error = serve(&["--config", file.to_str().unwrap()]).unwrap_err().to_string();
        assert!(error.contains("line 2 (max-connections = -1): ") && error.lines().count() == 1, "{error}");
    }

    #[test]
    fn help_tells_the_limits_there_are() {
        let Asked::Print(help) = read_from(["madang", "--help"], None).unwrap() else { panic!() };
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
            let told =
                help.split(&format!("{option} <")).nth(1).and_then(|told| told.split("[default: ").nth(1));
            assert!(told.unwrap().starts_with(&format!("{default}]")), "{option}: {told:?}");
        }
    }

    #[test]
    fn only_the_doors_that_are_named_are_open() {
        let doors = ["--listen", "udp://[::1]:0", "--listen", "tcp://0.0.0.0:4001"];
        let config = serve(&doors).unwrap();
        assert_eq!(
            config.listen.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["udp://[::1]:0", "tcp://0.0.0.0:4001"]
        );
        let everywhere = ["--listen", "udp://0.0.0.0:3000", "--udp-key", "0123456789abcdef"];
        let config = serve(&everywhere).unwrap();
        assert!(!format!("{config:?}").contains("0123456789abcdef"));
    }

    #[test]
    fn serve_is_what_happens_anyway_and_port_changes_the_port() {
        assert_eq!(
            serve(&["serve", "--data", "x"]).unwrap().database,
            serve(&["--data", "x"]).unwrap().database
        );
        let Asked::Serve(config) = read_from(["madang"], Some("8081")).unwrap() else { panic!() };
        let doors: Vec<String> = config.listen.iter().map(ToString::to_string).collect();
        assert_eq!(doors, ["http://127.0.0.1:8081", "tcp://127.0.0.1:3001", "udp://127.0.0.1:3000"]);
        assert_eq!(
            read_from(["madang"], Some("http")).unwrap_err().to_string(),
            "PORT takes a port number, not http"
        );
    }
}
