//! The floor: one thread that encodes a frame once and calls `send` for each receiver.
//!
//! No queue, no storage, no timeout, no safety: a receiver that does not read blocks everybody. A server
//! that writes to each TCP connection cannot need less.

use std::{
    collections::HashMap,
    io::{ErrorKind, Read, Write},
    net::Ipv4Addr,
    thread,
};

use common::socketio::Frame;
use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};

use crate::websocket::{UPGRADED, first_frame, head_length, server_frame};

const LISTENER: Token = Token(usize::MAX);
const OPEN: &str =
    r#"0{"sid":"floor","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":65536}"#;

struct FloorClient {
    stream: TcpStream,
    is_upgraded: bool,
    room: String,
    partial: Vec<u8>,
}

/// Serves until it is killed.
pub(crate) fn serve() -> anyhow::Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("floor is open at http://{}", listener.local_addr()?);
    let mut floor = Floor::default();
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    let token = Token(floor.clients.len());
                    poll.registry().register(&mut stream, token, Interest::READABLE)?;
                    floor.clients.push(FloorClient {
                        stream,
                        is_upgraded: false,
                        room: String::new(),
                        partial: Vec::new(),
                    });
                }
            } else {
                floor.on_readable(event.token().0);
            }
        }
    }
}

#[derive(Default)]
struct Floor {
    clients: Vec<FloorClient>,
    rooms: HashMap<String, Vec<usize>>,
}

impl Floor {
    fn on_readable(&mut self, index: usize) {
        let client = &mut self.clients[index];
        let mut buffer = [0; 16 * 1024];
        while let Ok(read @ 1..) = client.stream.read(&mut buffer) {
            client.partial.extend(&buffer[..read]);
        }
        if !client.is_upgraded {
            let Some(head) = head_length(&client.partial) else { return };
            client.is_upgraded = true;
            client.partial.drain(..head);
            send(&mut client.stream, UPGRADED.as_bytes());
            send(&mut client.stream, &server_frame(OPEN));
        }
        let bytes = std::mem::take(&mut client.partial);
        let mut consumed = 0;
        while let Some(frame) = first_frame(&bytes[consumed..]) {
            let payload = &bytes[consumed..][frame.payload.clone()];
            consumed += frame.payload.end;
            if let Ok(text) = std::str::from_utf8(payload) {
                self.reply(index, text);
            }
        }
        self.clients[index].partial.extend(&bytes[consumed..]);
    }

    fn reply(&mut self, index: usize, text: &str) {
        if text.starts_with("40") {
            return send(&mut self.clients[index].stream, &server_frame(r#"40{"sid":"floor"}"#));
        }
        let Ok(Frame::Event { name, payload }) = Frame::decode(text) else { return };
        if name == "room" {
            let room = payload.to_owned();
            self.rooms.entry(room.clone()).or_default().push(index);
            self.clients[index].room = room;
        } else {
            let frame = server_frame(&format!(r#"42["chat message",{payload}]"#));
            for member in self.rooms.get(&self.clients[index].room).into_iter().flatten() {
                send(&mut self.clients[*member].stream, &frame);
            }
        }
        let ack: String = text.chars().skip(2).take_while(char::is_ascii_digit).collect();
        send(&mut self.clients[index].stream, &server_frame(&format!("43{ack}[]")));
    }
}

fn send(stream: &mut TcpStream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(sent) => bytes = &bytes[sent..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::yield_now(),
            // The receiver has disconnected.
            Err(_) => return,
        }
    }
}
