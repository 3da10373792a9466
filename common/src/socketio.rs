//! The client's side of Socket.IO over one WebSocket: Engine.IO protocol 4 (packet types 0 to 6),
//! Socket.IO protocol 5 (types 0 to 4), the default namespace, text only.
//!
//! Does no I/O: text in, [`Frame`] out, and back. Used by the page and by the server's tests. Binary
//! attachments and other namespaces are not decoded, because Madang sends none.

use serde::Serialize;

pub use crate::json::ParseError;
use crate::json::{self, FromJson, Json};

/// One frame from the server.
#[derive(Debug)]
pub enum Frame<'a> {
    /// The transport is open; answer with [`connect`].
    Open(Open),
    /// Answer with [`PONG`], or the server closes the connection.
    Ping,
    /// The server closes the transport.
    Close,
    /// The connection to the namespace is accepted; events follow.
    Connected,
    /// The server refused the connection. The text is the reason, in Madang a refusal's display form.
    ConnectError(String),
    /// The server disconnected this client from the namespace.
    Disconnect,
    /// An event with its first argument as JSON; `null` if it has none.
    Event { name: String, payload: &'a str },
    /// The acknowledgement of the command sent with this id, as JSON.
    Ack { id: u32, payload: &'a str },
    /// A valid frame that needs no action: a no-op, a pong, an upgrade.
    Other,
}

/// The server's Engine.IO handshake; times in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    pub ping_interval: u32,
    pub ping_timeout: u32,
}

impl FromJson for Open {
    fn from_json(json: Json) -> Result<Open, ParseError> {
        let mut object = json.into_object()?;
        Ok(Open { ping_interval: object.take("pingInterval")?, ping_timeout: object.take("pingTimeout")? })
    }
}

/// The answer to a ping.
pub const PONG: &str = "3";

/// Disconnects from the namespace.
pub const DISCONNECT: &str = "41";

/// Connects to the default namespace without credentials.
pub const CONNECT: &str = "40{}";

/// Connects to the default namespace with `auth` as its payload.
pub fn connect(auth: &impl Serialize) -> serde_json::Result<String> {
    Ok(format!("40{}", serde_json::to_string(auth)?))
}

/// Encodes a command with one argument, to be acknowledged under the id `ack`.
pub fn command(name: &str, payload: &impl Serialize, ack: u32) -> serde_json::Result<String> {
    Ok(format!("42{ack}{}", serde_json::to_string(&(name, payload))?))
}

/// Encodes a command whose name needs no escaping and whose argument is already JSON.
pub fn command_from_json(name: &'static str, argument: &str, ack: u32) -> String {
    format!(r#"42{ack}["{name}",{argument}]"#)
}

impl<'a> Frame<'a> {
    /// Decodes one WebSocket text message.
    pub fn decode(text: &'a str) -> Result<Frame<'a>, ParseError> {
        let (kind, rest) = text.split_at_checked(1).ok_or(ParseError)?;
        match kind {
            "0" => json::from_str(rest).map(Frame::Open),
            "1" => Ok(Frame::Close),
            "2" => Ok(Frame::Ping),
            "3" | "5" | "6" => Ok(Frame::Other),
            "4" => Self::decode_packet(rest),
            _ => Err(ParseError),
        }
    }

    fn decode_packet(text: &'a str) -> Result<Frame<'a>, ParseError> {
        let (kind, rest) = text.split_at_checked(1).ok_or(ParseError)?;
        if rest.starts_with('/') {
            return Ok(Frame::Other);
        }
        match kind {
            "0" => Ok(Frame::Connected),
            "1" => Ok(Frame::Disconnect),
            "2" => {
                let (_ack, arguments) = split_ack(rest)?;
                let (name, payload) = split_event(arguments)?;
                Ok(Frame::Event { name, payload })
            }
            "3" => {
                let (id, arguments) = split_ack(rest)?;
                Ok(Frame::Ack {
                    id: id.ok_or(ParseError)?,
                    payload: first_or_null(&json::split_array(arguments)?),
                })
            }
            "4" => {
                let mut error = json::from_str::<Json>(rest)?.into_object()?;
                Ok(Frame::ConnectError(error.take("message")?))
            }
            _ => Err(ParseError),
        }
    }
}

/// Splits off the decimal acknowledgement id, if there is one.
fn split_ack(text: &str) -> Result<(Option<u32>, &str), ParseError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (id, rest) = text.split_at(digits);
    let id = (digits > 0).then(|| id.parse().map_err(|_| ParseError)).transpose()?;
    Ok((id, rest))
}

/// Splits `["name", payload, …]` into the name and the first argument or `null`.
fn split_event(text: &str) -> Result<(String, &str), ParseError> {
    let arguments = json::split_array(text)?;
    let (name, payload) = arguments.split_first().ok_or(ParseError)?;
    Ok((json::from_str(name)?, first_or_null(payload)))
}

fn first_or_null<'a>(arguments: &[&'a str]) -> &'a str {
    arguments.first().copied().unwrap_or("null")
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use proptest::prelude::*;
    use socketioxide_core::{
        Str, Value,
        packet::{Packet, PacketData},
        parser::{Parse, ParseConfig, ParserState},
    };
    use socketioxide_parser_common::CommonParser;

    use super::*;

    #[test]
    fn frames_of_a_real_server_are_decoded() {
        let open = r#"0{"sid":"TEtVJW2ZPaOvg_hSAAAA","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":65536}"#;
        assert!(matches!(
            Frame::decode(open),
            Ok(Frame::Open(Open { ping_interval: 25_000, ping_timeout: 20_000 }))
        ));
        assert!(matches!(Frame::decode(r#"40{"sid":"x"}"#), Ok(Frame::Connected)));
        assert!(
            matches!(Frame::decode(r#"44{"message":"unknown_token: no"}"#), Ok(Frame::ConnectError(reason)) if reason == "unknown_token: no")
        );
        assert!(matches!(Frame::decode("2"), Ok(Frame::Ping)));
        assert!(matches!(Frame::decode("41"), Ok(Frame::Disconnect)));
        match Frame::decode(r#"42["chat message","안녕"]"#) {
            Ok(Frame::Event { name, payload }) => {
                assert_eq!((name.as_str(), payload), ("chat message", r#""안녕""#));
            }
            other => panic!("{other:?}"),
        }
        match Frame::decode(r#"437[{"seq":1}]"#) {
            Ok(Frame::Ack { id, payload }) => assert_eq!((id, payload), (7, r#"{"seq":1}"#)),
            other => panic!("{other:?}"),
        }
        assert!(matches!(Frame::decode("43[]"), Err(ParseError)));
    }

    #[test]
    fn an_event_without_arguments_has_a_null_payload() {
        assert!(
            matches!(Frame::decode(r#"42["tick"]"#), Ok(Frame::Event { payload, .. }) if payload == "null")
        );
    }

    proptest! {
        #[test]
        fn the_servers_library_decodes_every_command_we_encode(name in "[a-z]{1,12}", text in any::<String>(), ack in 0u32..1_000_000) {
            let frame = command(&name, &text, ack).unwrap();
            let packet = CommonParser.decode_str(&ParseConfig::default(), &ParserState::default(), Str::copy_from_slice(&frame[1..])).unwrap();
            let PacketData::Event(mut value, id) = packet.inner else { panic!("not an event") };
            prop_assert_eq!(id, Some(i64::from(ack)));
            prop_assert_eq!(CommonParser.read_event(&value).unwrap(), name.as_str());
            prop_assert_eq!(CommonParser.decode_value::<String>(&mut value, true).unwrap(), text);
        }

        #[test]
        fn we_decode_every_event_the_servers_library_encodes(name in any::<String>(), text in any::<String>()) {
            let value = CommonParser.encode_value(&text, Some(&name)).unwrap();
            let Value::Str(packet, None) = CommonParser.encode(Packet::event("/", value)) else { panic!("not text") };
            let frame = format!("4{}", packet.as_str());
            let Ok(Frame::Event { name: read, payload }) = Frame::decode(&frame) else { panic!("{frame}") };
            prop_assert_eq!(read, name);
            prop_assert_eq!(serde_json::from_str::<String>(payload).unwrap(), text);
        }

        #[test]
        fn no_text_makes_the_decoder_panic(text in any::<String>(), kind in "[0-6]{0,2}[0-9]{0,12}") {
            let _ = Frame::decode(&text);
            let _ = Frame::decode(&format!("{kind}{text}"));
            let _ = Frame::decode(&format!("{kind}[{text}]"));
        }
    }
}
