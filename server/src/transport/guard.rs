//! Checks the host and origin of every request, and sets the security headers of every response.
//!
//! It prevents three attacks: a page of another site that opens a socket with the user's cookie
//! (cross-site WebSocket hijacking), a form or script tag of another site (CSRF), and an attacker's
//! host name that resolves to this machine (DNS rebinding). Every request passes through here
//! first, including the Socket.IO handshake, long-polling and requests that end in an error.

use std::{
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use common::refusal::Refusal;
use http_body::{Body as HttpBody, Frame, SizeHint};
use url::{Origin, Url};

use super::{
    error::{BEARER, Refused},
    listener::ConnectionLimits,
    permits::AddressPermit,
    raw_socket::ConnectionHandle,
};
use crate::address::ClientAddress;

/// The default path of Socket.IO clients.
pub(super) const SOCKETIO_PATH: &str = "/socket.io";

/// The cookie that holds the token, before the server's instance id is appended: cookies know no port, so
/// two servers on one host would otherwise overwrite each other's. Earlier versions used this name alone,
/// and programs made for them still look for it.
const COOKIE_HTTP: &str = "madang";
/// The same on https, where the `__Host-` prefix binds the cookie to this exact host.
const COOKIE_HTTPS: &str = "__Host-madang";

/// The lifetime of the cookie, in seconds: one year from when it was last set.
const COOKIE_SECONDS: u32 = 365 * 24 * 60 * 60;

/// The longest path and query, in bytes; a Socket.IO session keeps them in memory.
const MAX_URI_BYTES: usize = 2 * 1024;

/// Allows the page's own files only: nothing inline, no plug-ins, no frames. WebAssembly needs
/// `wasm-unsafe-eval`.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
    style-src 'self'; img-src 'self' blob: data:; font-src 'self'; connect-src 'self'; \
    manifest-src 'self'; worker-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// The headers of every response.
const SECURITY_HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The header by which a browser comes back over https only, for a year. It holds for all ports of a host.
const STRICT_TRANSPORT_SECURITY: &str = "max-age=31536000";

/// The schemes of password protection by a reverse proxy, which passes its `Authorization` on to us.
const PROXY_SCHEMES: [&str; 4] = ["Basic", "Digest", "Negotiate", "NTLM"];

/// The page shown in a browser that used a host outside of the allow-list. Most likely the reader
/// runs the server and has to add `--public-url`.
const FOREIGN_HOST_PAGE: &str = "This Madang does not answer to that address or page.\n\
    If it is yours, start it with --public-url and the address that others use, \
    for example --public-url http://192.168.0.5:3000\n\n\
    이 주소로는 마당이 열리지 않아요.\n\
    직접 띄운 마당이라면 다른 사람들이 쓸 주소를 --public-url 로 알려 주세요.\n";

/// The only headers handed to Socket.IO, which keeps them as long as the session lives.
const SOCKETIO_HEADERS: [HeaderName; 7] = [
    header::CONNECTION,
    header::UPGRADE,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
];

/// The allow-list of public URLs, and the server's instance id. Cheap to clone.
#[derive(Clone)]
pub(super) struct Guard {
    public_urls: Arc<[Url]>,
    instance_id: Arc<str>,
    limits: ConnectionLimits,
}

/// The TCP connection a request arrived on. The HTTP server adds it to every request.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) address: IpAddr,
    /// The number of the connection, unique in this process.
    pub(super) number: u64,
    pub(super) connection: ConnectionHandle,
}

/// What the handlers know about the client of a request.
#[derive(Clone, Debug)]
pub(super) struct ClientInfo {
    pub(super) address: ClientAddress,
    pub(super) connection: ConnectionHandle,
    /// The token of the `Authorization` header.
    pub(super) bearer: Option<String>,
    cookie: Option<Cookie>,
    /// Whether the browser reached us over https.
    https: bool,
    /// Whether the request names its page's origin, as those of browsers do that change something.
    has_origin: bool,
}

impl ClientInfo {
    /// The token of the cookie.
    pub(super) fn cookie_token(&self) -> Option<&str> {
        self.cookie.as_ref().map(|cookie| cookie.token.as_str())
    }

    /// The token of the cookie, if that has the name of earlier versions.
    pub(super) fn old_cookie_token(&self) -> Option<&str> {
        self.cookie.as_ref().filter(|cookie| cookie.has_old_name).map(|cookie| cookie.token.as_str())
    }
}

/// The cookie that holds a token.
#[derive(Clone, Debug)]
struct Cookie {
    token: String,
    /// Whether it has the name of earlier versions, without the instance id.
    has_old_name: bool,
}

impl Guard {
    /// Allows these URLs and always the loopback names.
    pub(super) fn new(public_urls: &[Url], limits: ConnectionLimits, instance_id: &str) -> Guard {
        Guard { public_urls: public_urls.into(), instance_id: instance_id.into(), limits }
    }

    /// The URL at which other people reach this server: the public URL that matches the request's
    /// host, else the first one, because a loopback name would lead them to their own machine.
    pub(super) fn public_url(&self, headers: &HeaderMap) -> Option<Url> {
        let host = request_host(headers)?;
        match self.public_url_of(host).or_else(|| self.public_urls.first()) {
            Some(public) => Some(public.clone()),
            None => Url::parse(&format!("http://{host}")).ok(),
        }
    }

    /// Whether a request with this target and these headers may proceed.
    fn allows(&self, uri: &Uri, headers: &HeaderMap, kind: RequestKind) -> bool {
        // Of two lines with different values a proxy may have checked the other one.
        let text = |name: HeaderName| match headers.get_all(name).iter().collect::<Vec<_>>()[..] {
            [] => None,
            [value] => Some(value.to_str().unwrap_or(UNREADABLE)),
            _ => Some(UNREADABLE),
        };
        let Some(host) = text(header::HOST) else { return false };
        // The request target may name a host too (RFC 9112 §3.2). It must equal the only Host header,
        // or it is unclear which server the request is for.
        let differs_from_host = |authority: &Authority| !authority.as_str().eq_ignore_ascii_case(host);
        if uri.authority().is_some_and(differs_from_host) || !self.is_allowed_host(host) {
            return false;
        }
        match (text(header::ORIGIN), text(HeaderName::from_static("sec-fetch-site"))) {
            (Some(origin), _) => self.is_trusted_origin(origin, host),
            // A script tag or image of another site sends no Origin, but browsers send Sec-Fetch-Site.
            (None, Some("cross-site" | "same-site" | UNREADABLE)) => kind == RequestKind::Page,
            (None, _) => true,
        }
    }

    /// Whether a page of this origin may send requests: the origin is a public URL, or on loopback
    /// exactly the requested host and port, because another port belongs to another program.
    fn is_trusted_origin(&self, origin: &str, host: &str) -> bool {
        let Ok(url) = Url::parse(origin) else { return false };
        if self.public_urls.iter().any(|public| public.origin() == url.origin()) {
            return true;
        }
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        is_loopback_name(host) && authority == Some(host) && matches!(url.origin(), Origin::Tuple(..))
    }

    fn is_allowed_host(&self, host: &str) -> bool {
        is_loopback_name(host) || self.public_url_of(host).is_some()
    }

    fn public_url_of(&self, host: &str) -> Option<&Url> {
        self.public_urls.iter().find(|url| {
            let authority = authority(url);
            // Some proxies add the default port.
            let port = url.port_or_known_default().filter(|_| url.port().is_none());
            let with_port = port.map(|port| format!("{authority}:{port}"));
            authority.eq_ignore_ascii_case(host)
                || with_port.is_some_and(|full| full.eq_ignore_ascii_case(host))
        })
    }

    /// Whether browsers must not use http at this host. With a port in the public URL there may be something
    /// else at the host's other ports, for which the header would hold as well.
    fn is_https_only(&self, host: &str) -> bool {
        self.public_url_of(host).is_some_and(|url| url.scheme() == "https" && url.port().is_none())
    }

    /// Whether browsers reach this host over https.
    fn is_https(&self, host: &str) -> bool {
        self.public_url_of(host).is_some_and(|url| url.scheme() == "https")
    }

    /// Collects what the handlers need to know about the client, and counts the request if it came through a
    /// trusted proxy. The refusals are those of the headers, and `unavailable`.
    fn identify_client(
        &self,
        request: &mut Request,
        kind: RequestKind,
    ) -> Result<(ClientInfo, Option<AddressPermit>), Refused> {
        let peer = request.extensions_mut().remove::<Peer>().ok_or(Refusal::Internal)?;
        let headers = request.headers();
        let bearer = if kind == RequestKind::Page { None } else { bearer_token(headers)? };
        let https = request_host(headers).is_some_and(|host| self.is_https(host));
        let cookie = self.find_cookie(headers, https);
        let has_origin = headers.contains_key(header::ORIGIN);
        let Peer { address: peer_address, number, connection } = peer;
        let address = self.limits.proxies().resolve(peer_address, number, headers);
        // The TCP connection of any other client is counted already.
        let permit = match self.limits.proxies().contains(peer_address) {
            true => Some(self.limits.try_acquire_address(address).ok_or(Refusal::Unavailable)?),
            false => None,
        };
        Ok((ClientInfo { address, connection, bearer, cookie, https, has_origin }, permit))
    }

    fn cookie_name(&self, https: bool) -> String {
        format!("{}-{}", old_cookie_name(https), self.instance_id)
    }

    /// The cookie of this server in the `Cookie` header (RFC 6265 §4.2.1), else one under the old name.
    fn find_cookie(&self, headers: &HeaderMap, https: bool) -> Option<Cookie> {
        let find = |name: &str| find_cookie_value(headers, name);
        if let Some(token) = find(&self.cookie_name(https)) {
            return Some(Cookie { token, has_old_name: false });
        }
        find(old_cookie_name(https)).map(|token| Cookie { token, has_old_name: true })
    }

    /// The `Set-Cookie` values that store a token in the client. If it came under the old name, that cookie is
    /// removed; one with another token may belong to another server. A client that is no browser also gets
    /// the old name, which programs made for earlier versions look for.
    pub(super) fn set_cookies(&self, token: &str, client: &ClientInfo) -> Vec<String> {
        let (old_name, name) = (old_cookie_name(client.https), self.cookie_name(client.https));
        let set = |name: &str, token: &str, seconds| set_cookie(name, token, seconds, client.https);
        let old = if client.old_cookie_token() == Some(token) {
            Some(set(old_name, "", 0))
        } else {
            (!client.has_origin).then(|| set(old_name, token, COOKIE_SECONDS))
        };
        old.into_iter().chain([set(&name, token, COOKIE_SECONDS)]).collect()
    }
}

/// Stands for a header that is no text or there more than once; equals no allowed value.
const UNREADABLE: &str = "\u{FFFD}";

/// The kind of resource. Links of other sites may open a page, but nothing else.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RequestKind {
    Page,
    Socket,
    Api,
}

impl RequestKind {
    fn of(path: &str) -> RequestKind {
        if path.starts_with(SOCKETIO_PATH) {
            RequestKind::Socket
        } else if path.starts_with("/api/") {
            RequestKind::Api
        } else {
            RequestKind::Page
        }
    }
}

/// The host and port of a URL in the form of the `Host` header.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether a `Host` is a loopback name, on any port; DNS can not point those to another machine.
fn is_loopback_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name.to_ascii_lowercase().as_str(), "localhost" | "127.0.0.1" | "[::1]")
}

/// The outermost middleware: refuses foreign hosts and origins, and adds [`ClientInfo`] to the request.
pub(super) async fn check_origin(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let kind = RequestKind::of(request.uri().path());
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed = guard.allows(request.uri(), request.headers(), kind);
    let is_https_only = request_host(request.headers()).is_some_and(|host| guard.is_https_only(host));
    let mut response = if !allowed {
        if kind == RequestKind::Page && wants_html(request.headers()) {
            (StatusCode::FORBIDDEN, FOREIGN_HOST_PAGE).into_response()
        } else {
            Refused::from(Refusal::ForeignOrigin).into_response()
        }
    } else if request.uri().path_and_query().is_some_and(|uri| uri.as_str().len() > MAX_URI_BYTES) {
        let sentence = format!("A URL has at most {} KiB here.", MAX_URI_BYTES / 1024);
        Refused::malformed(StatusCode::URI_TOO_LONG, sentence).into_response()
    } else {
        match guard.identify_client(&mut request, kind) {
            Ok((client, permit)) => {
                request.extensions_mut().insert(client);
                if kind == RequestKind::Socket {
                    strip_for_socketio(&mut request);
                }
                run_counted(permit, request, next).await
            }
            Err(refused) => refused.into_response(),
        }
    };
    if allowed && is_https_only {
        let value = HeaderValue::from_static(STRICT_TRANSPORT_SECURITY);
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    // A page whose origin is another of our public URLs may read long-polling responses, as it may
    // read a WebSocket. It gets no cookie, because credentials are not allowed.
    if let Some(origin) = origin.filter(|_| allowed && kind == RequestKind::Socket) {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.headers_mut().append(header::VARY, HeaderValue::from_static("Origin"));
    }
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    if is_error || !response.headers().contains_key(header::CACHE_CONTROL) {
        response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    }
    add_security_headers(response.headers_mut());
    response
}

/// The `Cache-Control` of errors, of long-polling and of all that is answered anew each time.
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Adds the headers that every response has, except `Cache-Control`.
pub(super) fn add_security_headers(headers: &mut HeaderMap) {
    for (name, value) in SECURITY_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Answers a request, and keeps its permit until the answer is sent.
async fn run_counted(permit: Option<AddressPermit>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    match permit {
        Some(permit) => response.map(|body| Body::new(CountedBody { body, _permit: permit })),
        None => response,
    }
}

/// The body of a response to a request that is counted until it is sent.
struct CountedBody {
    body: Body,
    _permit: AddressPermit,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whether a browser navigates here, so that a person reads the response; programs accept other types.
fn wants_html(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"))
}

fn request_host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST).and_then(|host| host.to_str().ok())
}

/// Reduces a request to what a Socket.IO session needs, as copies: hyper's headers are slices of
/// its 8 KiB read buffer and would keep it alive as long as the session.
fn strip_for_socketio(request: &mut Request) {
    let copy = |name: &HeaderName| {
        // Several lines are one list (RFC 9110 §5.3).
        let lines: Vec<&[u8]> = request.headers().get_all(name).iter().map(HeaderValue::as_bytes).collect();
        let value = HeaderValue::from_bytes(&lines.join(&b", "[..])).ok().filter(|_| !lines.is_empty())?;
        Some((name.clone(), value))
    };
    let headers = SOCKETIO_HEADERS.iter().filter_map(copy).collect();
    let uri = request.uri().to_string().parse();
    *request.headers_mut() = headers;
    if let Ok(uri) = uri {
        *request.uri_mut() = uri;
    }
}

/// The token of the `Authorization` header (RFC 6750 §2.1). A header that can not be understood is refused,
/// because its sender means to be somebody and would otherwise be a guest.
fn bearer_token(headers: &HeaderMap) -> Result<Option<String>, Refused> {
    let refused = || {
        Refused::from(Refusal::UnknownToken)
            .saying("The header is `Authorization: Bearer TOKEN`, once, with the token from `hello`.")
            .about("Authorization")
    };
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    let text = line.to_str().ok().filter(|_| lines.next().is_none()).ok_or_else(refused)?.trim();
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    let is_scheme = |known: &str| scheme.eq_ignore_ascii_case(known);
    if PROXY_SCHEMES.into_iter().any(is_scheme) {
        return Ok(None);
    }
    let token = Some(token.trim()).filter(|token| is_scheme(BEARER) && !token.is_empty());
    token.map(|token| Some(token.to_owned())).ok_or_else(refused)
}

fn old_cookie_name(https: bool) -> &'static str {
    if https { COOKIE_HTTPS } else { COOKIE_HTTP }
}

fn find_cookie_value(headers: &HeaderMap, wanted: &str) -> Option<String> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    pairs
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value.to_owned())
}

/// A `Set-Cookie` value; with zero seconds the browser removes the cookie.
fn set_cookie(name: &str, token: &str, seconds: u32, https: bool) -> String {
    let secure = if https { "; Secure" } else { "" };
    format!("{name}={token}; HttpOnly; SameSite=Lax; Path=/; Max-Age={seconds}{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn guard() -> Guard {
        Guard::new(
            &[Url::parse("https://chat.example.com").unwrap(), Url::parse("http://10.0.0.7:3000").unwrap()],
            ConnectionLimits::new(&Config::default()),
            "0badcafe",
        )
    }

    fn allows(kind: RequestKind, host: &str, origin: Option<&str>, site: Option<&str>) -> bool {
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
    fn only_public_and_loopback_hosts_are_allowed() {
        for host in [
            "chat.example.com",
            "CHAT.example.com",
            "chat.example.com:443",
            "10.0.0.7:3000",
            "localhost:3000",
            "127.0.0.1",
            "[::1]:8080",
        ] {
            assert!(allows(RequestKind::Socket, host, None, None), "{host}");
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
            assert!(!allows(RequestKind::Page, host, None, None), "{host}");
        }
    }

    #[test]
    fn a_request_names_exactly_one_host() {
        let allows = |uri: &'static str, hosts: &[&str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, host.parse().unwrap());
            }
            guard().allows(&Uri::from_static(uri), &headers, RequestKind::Page)
        };
        assert!(allows("http://localhost:3000/", &["localhost:3000"]));
        assert!(!allows("http://evil.example/", &["localhost:3000"]));
        assert!(!allows("/", &["localhost:3000", "evil.example"]));
        assert!(!allows("/", &[]));
    }

    #[test]
    fn only_pages_of_our_own_origins_may_send_requests() {
        let ours = [
            ("chat.example.com", "https://chat.example.com"),
            ("10.0.0.7:3000", "http://10.0.0.7:3000"),
            ("localhost:3000", "http://localhost:3000"),
            ("127.0.0.1:3000", "https://chat.example.com"),
        ];
        for (host, origin) in ours {
            assert!(allows(RequestKind::Socket, host, Some(origin), None), "{origin} at {host}");
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
            for kind in [RequestKind::Page, RequestKind::Socket, RequestKind::Api] {
                assert!(!allows(kind, host, Some(origin), None), "{origin} at {host}");
            }
        }
    }

    #[test]
    fn a_script_tag_of_another_site_opens_no_session_but_a_link_opens_the_page() {
        for site in ["cross-site", "same-site"] {
            assert!(!allows(RequestKind::Socket, "localhost:3000", None, Some(site)));
            assert!(!allows(RequestKind::Api, "localhost:3000", None, Some(site)));
            assert!(allows(RequestKind::Page, "localhost:3000", None, Some(site)));
        }
        assert!(allows(RequestKind::Socket, "localhost:3000", None, Some("same-origin")));
    }

    #[test]
    fn a_header_that_decides_is_there_only_once() {
        for (name, values) in [
            ("origin", ["http://localhost:3000", "http://localhost:3000"]),
            ("origin", ["http://localhost:3000", "https://evil.example"]),
            ("sec-fetch-site", ["same-origin", "cross-site"]),
            ("host", ["localhost:3000", "localhost:3000"]),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "localhost:3000".parse().unwrap());
            headers.remove(name);
            let name: HeaderName = name.parse().unwrap();
            for value in values {
                headers.append(&name, value.parse().unwrap());
            }
            assert!(!guard().allows(&Uri::from_static("/"), &headers, RequestKind::Api), "{name} {values:?}");
        }
    }

    #[test]
    fn an_authorization_that_is_not_understood_is_refused() {
        let token = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::AUTHORIZATION, line.parse().unwrap());
            }
            bearer_token(&headers)
                .map_err(|refused| refused.to_string().split(':').next().unwrap().to_owned())
        };
        for (lines, expected) in [
            (&[][..], None),
            (&["Bearer t0ken"], Some("t0ken")),
            (&["bearer  t0ken "], Some("t0ken")),
            (&["Basic eDp5"], None),
            (&["Negotiate x"], None),
        ] {
            assert_eq!(token(lines), Ok(expected.map(str::to_owned)), "{lines:?}");
        }
        for lines in [
            &["Bearer"][..],
            &["Bearer "],
            &[""],
            &["Token t0ken"],
            &["t0ken"],
            &["Bearer a", "Bearer b"],
            &["Basic eDp5", "Bearer a"],
        ] {
            assert_eq!(token(lines), Err("unknown_token".to_owned()), "{lines:?}");
        }
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        let find = |headers: &HeaderMap, https| {
            let cookie = guard().find_cookie(headers, https)?;
            Some((cookie.token, cookie.has_old_name))
        };
        headers.insert(header::COOKIE, "a=b; madang=t0ken; __Host-madang=s3cret".parse().unwrap());
        assert_eq!(find(&headers, false), Some(("t0ken".to_owned(), true)));
        assert_eq!(find(&headers, true), Some(("s3cret".to_owned(), true)));
        let both = "madang=0ld; madang-0badcafe=n3w; madang-00000000=f0reign; __Host-madang-0badcafe=s3cret";
        headers.insert(header::COOKIE, both.parse().unwrap());
        assert_eq!(find(&headers, false), Some(("n3w".to_owned(), false)));
        assert_eq!(find(&headers, true), Some(("s3cret".to_owned(), false)));
        headers.insert(header::COOKIE, "madang-00000000=f0reign".parse().unwrap());
        assert_eq!(find(&headers, false), None);
    }
}
