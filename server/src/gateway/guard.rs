//! Who may ask: the allow-list of hosts and origins, and the headers every response carries.
//!
//! The attacks: a page of another site that opens a socket with the visitor's cookie (cross-site
//! WebSocket hijacking), a form or script tag of another site (CSRF), and a name of the attacker's
//! that points to this machine (DNS rebinding). Every request passes here first, the Socket.IO
//! handshake, long-polling and errors included.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use common::refusal::Refusal;
use url::{Origin, Url};

use super::{accept::Peer, answer::refused};

/// Where Socket.IO clients look by default.
pub(super) const SOCKETS: &str = "/socket.io";

/// Where a browser's identity lives: on https with the prefix that ties it to this very host.
const COOKIE: &str = "madang";
const COOKIE_HTTPS: &str = "__Host-madang";

/// How long a browser keeps its identity, in seconds: a year after the last visit that set it.
const COOKIE_SECONDS: u32 = 365 * 24 * 60 * 60;

/// The longest path and query; a Socket.IO session keeps them in memory.
const MAX_URI_BYTES: usize = 2 * 1024;

/// Nothing from elsewhere, nothing inline, no plug-in, no frame. WebAssembly needs its own word.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
    style-src 'self'; img-src 'self' blob: data:; font-src 'self'; connect-src 'self'; \
    manifest-src 'self'; worker-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// What every response says beside that.
const SECURITY_HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// What somebody reads who came by an address that is not one of ours, most likely their own.
const STRANGE_ADDRESS: &str = "This Madang does not answer to that address or page.\n\
    If it is yours, start it with --public-url and the address that others use, \
    for example --public-url http://192.168.0.5:3000\n\n\
    이 주소로는 마당이 열리지 않아요.\n\
    직접 띄운 마당이라면 다른 사람들이 쓸 주소를 --public-url 로 알려 주세요.\n";

/// The only headers a Socket.IO session needs to be handed; it keeps them as long as it lives.
const SOCKET_HEADERS: [HeaderName; 7] = [
    header::CONNECTION,
    header::UPGRADE,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
];

/// The names this server answers to.
#[derive(Clone)]
pub(super) struct Guard(Arc<[Url]>);

/// What is known of whoever sent a request.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub(super) peer: Peer,
    /// The token of the browser's cookie.
    pub(super) token: Option<String>,
    /// Whether the browser came over https.
    pub(super) https: bool,
}

impl Guard {
    /// Answers to these addresses and, in any case, to the loopback names.
    pub(super) fn new(public_urls: &[Url]) -> Guard {
        Guard(public_urls.into())
    }

    /// The address under which others get to what is asked for here: a loopback name would lead them
    /// to their own machine, so where there is a public one that is it.
    pub(super) fn site(&self, headers: &HeaderMap) -> Option<Url> {
        let host = request_host(headers)?;
        match self.public(host).or_else(|| self.0.first()) {
            Some(public) => Some(public.clone()),
            None => Url::parse(&format!("http://{host}")).ok(),
        }
    }

    /// Whether a request that says this about itself may go on. What is asked for may name its host
    /// too (RFC 9112 §3.2); then there is one, or nobody knows whom it was meant for.
    fn allows(&self, uri: &Uri, headers: &HeaderMap, kind: Kind) -> bool {
        let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("\u{FFFD}"));
        let Some(host) = text(header::HOST) else { return false };
        let named = headers.get_all(header::HOST).iter().count();
        let is_other = |authority: &Authority| !authority.as_str().eq_ignore_ascii_case(host);
        if named != 1 || uri.authority().is_some_and(is_other) || !self.answers_to(host) {
            return false;
        }
        match (text(header::ORIGIN), text(HeaderName::from_static("sec-fetch-site"))) {
            (Some(origin), _) => self.trusts(origin, host),
            // A script tag or image of another site sends no Origin, but modern browsers say this.
            (None, Some("cross-site" | "same-site")) => kind == Kind::Page,
            (None, _) => true,
        }
    }

    /// A page may ask when its origin is one of ours. On loopback that is the very address it asks:
    /// another port is another program's page.
    fn trusts(&self, origin: &str, host: &str) -> bool {
        let Ok(url) = Url::parse(origin) else { return false };
        if self.0.iter().any(|public| public.origin() == url.origin()) {
            return true;
        }
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        is_loopback(host) && authority == Some(host) && matches!(url.origin(), Origin::Tuple(..))
    }

    fn answers_to(&self, host: &str) -> bool {
        is_loopback(host) || self.public(host).is_some()
    }

    fn public(&self, host: &str) -> Option<&Url> {
        self.0.iter().find(|url| {
            let authority = authority(url);
            // Some proxies say the port that goes without saying.
            let port = url.port_or_known_default().filter(|_| url.port().is_none());
            let in_full = port.map(|port| format!("{authority}:{port}"));
            authority.eq_ignore_ascii_case(host)
                || in_full.is_some_and(|full| full.eq_ignore_ascii_case(host))
        })
    }

    /// Whether browsers reach this host over https.
    fn is_https(&self, host: &str) -> bool {
        self.public(host).is_some_and(|url| url.scheme() == "https")
    }
}

/// What is asked for. A page may be opened by a link from anywhere; the rest may not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Page,
    Socket,
    Api,
}

impl Kind {
    fn of(path: &str) -> Kind {
        if path.starts_with(SOCKETS) {
            Kind::Socket
        } else if path.starts_with("/api/") {
            Kind::Api
        } else {
            Kind::Page
        }
    }
}

/// The host and port of a URL as the `Host` header says it.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether a `Host` is a loopback name, on any port: nobody can make those point elsewhere.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name.to_ascii_lowercase().as_str(), "localhost" | "127.0.0.1" | "[::1]")
}

/// The middleware around everything.
pub(super) async fn stand(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let kind = Kind::of(request.uri().path());
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed = guard.allows(request.uri(), request.headers(), kind);
    let mut response = if !allowed {
        if kind == Kind::Page && is_for_people(request.headers()) {
            (StatusCode::FORBIDDEN, STRANGE_ADDRESS).into_response()
        } else {
            refused(StatusCode::FORBIDDEN, Refusal::ForeignOrigin)
        }
    } else if request.uri().path_and_query().is_some_and(|uri| uri.as_str().len() > MAX_URI_BYTES) {
        StatusCode::URI_TOO_LONG.into_response()
    } else {
        let https = request_host(request.headers()).is_some_and(|host| guard.is_https(host));
        match request.extensions_mut().remove::<Peer>() {
            Some(peer) => {
                let token = token(request.headers(), https);
                request.extensions_mut().insert(Visitor { peer, token, https });
                if kind == Kind::Socket {
                    strip(&mut request);
                }
                next.run(request).await
            }
            None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    };
    // A page of another origin that is ours too may read what long-polling answers, as it may what
    // comes over a WebSocket; it gets no cookie.
    if let Some(origin) = origin.filter(|_| allowed && kind == Kind::Socket) {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.headers_mut().append(header::VARY, HeaderValue::from_static("Origin"));
    }
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether somebody is going to read the answer: browsers ask for pages like that, programs do not.
fn is_for_people(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"))
}

fn request_host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST).and_then(|host| host.to_str().ok())
}

/// Leaves what a Socket.IO session needs, as copies: what hyper has parsed are slices of its buffer
/// of 8 KiB, which they would keep as long as the session lives.
fn strip(request: &mut Request) {
    let copy = |name: &HeaderName| {
        let value = HeaderValue::from_bytes(request.headers().get(name)?.as_bytes()).ok()?;
        Some((name.clone(), value))
    };
    let headers = SOCKET_HEADERS.iter().filter_map(copy).collect();
    let uri = request.uri().to_string().parse();
    *request.headers_mut() = headers;
    if let Ok(uri) = uri {
        *request.uri_mut() = uri;
    }
}

/// The token in the `Cookie` header (RFC 6265 §4.2.1).
fn token(headers: &HeaderMap, https: bool) -> Option<String> {
    let wanted = if https { COOKIE_HTTPS } else { COOKIE };
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    pairs
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value.to_owned())
}

/// The `Set-Cookie` line that makes a browser this person.
pub(super) fn cookie(token: &str, https: bool) -> String {
    let (name, secure) = if https { (COOKIE_HTTPS, "; Secure") } else { (COOKIE, "") };
    format!("{name}={token}; HttpOnly; SameSite=Lax; Path=/; Max-Age={COOKIE_SECONDS}{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard::new(&[
            Url::parse("https://chat.example.com").unwrap(),
            Url::parse("http://10.0.0.7:3000").unwrap(),
        ])
    }

    fn allows(kind: Kind, host: &str, origin: Option<&str>, site: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        if let Some(site) = site {
            headers.insert("sec-fetch-site", site.parse().unwrap());
        }
        guard().allows(&Uri::from_static("/"), &headers, kind)
    }

    #[test]
    fn only_our_own_names_are_answered() {
        for host in [
            "chat.example.com",
            "CHAT.example.com",
            "chat.example.com:443",
            "10.0.0.7:3000",
            "localhost:3000",
            "127.0.0.1",
            "[::1]:8080",
        ] {
            assert!(allows(Kind::Socket, host, None, None), "{host}");
        }
        for host in [
            "evil.example",
            "chat.example.com.evil",
            "chat.example.com:8443",
            "10.0.0.7",
            "localhost.evil:3000",
            "127.0.0.1.evil",
            "[::2]",
        ] {
            assert!(!allows(Kind::Page, host, None, None), "{host}");
        }
    }

    #[test]
    fn a_request_names_one_host() {
        let allows = |uri: &'static str, hosts: &[&str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, host.parse().unwrap());
            }
            guard().allows(&Uri::from_static(uri), &headers, Kind::Page)
        };
        assert!(allows("http://localhost:3000/", &["localhost:3000"]));
        assert!(!allows("http://evil.example/", &["localhost:3000"]));
        assert!(!allows("/", &["localhost:3000", "evil.example"]));
        assert!(!allows("/", &[]));
    }

    #[test]
    fn only_our_own_pages_may_ask() {
        let ours = [
            ("chat.example.com", "https://chat.example.com"),
            ("10.0.0.7:3000", "http://10.0.0.7:3000"),
            ("localhost:3000", "http://localhost:3000"),
            ("127.0.0.1:3000", "https://chat.example.com"),
        ];
        for (host, origin) in ours {
            assert!(allows(Kind::Socket, host, Some(origin), None), "{origin} at {host}");
        }
        let foreign = [
            ("chat.example.com", "http://chat.example.com"),
            ("chat.example.com", "https://chat.example.com:8443"),
            ("chat.example.com", "https://sub.chat.example.com"),
            ("chat.example.com", "https://chat.example.com.evil"),
            ("chat.example.com", "null"),
            ("chat.example.com", "chrome-extension://abc"),
            ("localhost:3000", "http://localhost:8080"),
            ("localhost:3000", "http://127.0.0.1:3000"),
            ("localhost:3000", "http://evil.example"),
            ("localhost:3000", ""),
        ];
        for (host, origin) in foreign {
            for kind in [Kind::Page, Kind::Socket, Kind::Api] {
                assert!(!allows(kind, host, Some(origin), None), "{origin} at {host}");
            }
        }
    }

    #[test]
    fn a_script_tag_elsewhere_opens_no_session_but_a_link_opens_the_page() {
        for site in ["cross-site", "same-site"] {
            assert!(!allows(Kind::Socket, "localhost:3000", None, Some(site)));
            assert!(!allows(Kind::Api, "localhost:3000", None, Some(site)));
            assert!(allows(Kind::Page, "localhost:3000", None, Some(site)));
        }
        assert!(allows(Kind::Socket, "localhost:3000", None, Some("same-origin")));
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, "a=b; madang=t0ken; __Host-madang=s3cret".parse().unwrap());
        assert_eq!(token(&headers, false).as_deref(), Some("t0ken"));
        assert_eq!(token(&headers, true).as_deref(), Some("s3cret"));
        assert!(cookie("x", true).ends_with("; Secure"));
        assert!(!cookie("x", false).contains("Secure"));
    }
}
