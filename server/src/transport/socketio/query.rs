//! Reads the query of a Socket.IO request. Does no I/O.

use axum::http::Uri;

/// Whether engineioxide takes this request for a WebSocket.
pub(super) fn is_websocket(uri: &Uri) -> bool {
    query_parameter(uri, "transport").and_then(|value| value.split('=').next()) == Some("websocket")
}

/// Returns a query parameter. It must parse the query exactly as engineioxide does, or a client
/// could make us treat a shared proxy connection as its WebSocket (request smuggling).
pub(super) fn query_parameter<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    uri.query()?.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_as_the_library_reads_it() {
        for (query, websocket, sid) in [
            ("EIO=4&transport=websocket", true, None),
            ("EIO=4&transport=websocket&sid=a", true, Some("a")),
            ("EIO=4&transport=polling&x=transport=websocket", false, None),
            ("EIO=4&xtransport=websocket&transport=polling", false, None),
            ("EIO=4&transport=polling&transport=websocket", false, None),
            ("EIO=4&transport=websocket=x&sid", true, None),
            ("EIO=4&transport=websocket&%73id=a", true, None),
            ("EIO=4&transport=polling&sid=a&sid=b", false, Some("a")),
        ] {
            let uri: Uri = format!("http://127.0.0.1/socket.io/?{query}").parse().unwrap();
            assert_eq!((is_websocket(&uri), query_parameter(&uri, "sid")), (websocket, sid), "{query}");
        }
    }
}
