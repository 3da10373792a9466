//! The floor: one thread that writes a frame once and calls `send` for each receiver.
//!
//! No queue, no storage, no timeout, no safety: a receiver that does not read stops everybody.
//! Nobody who writes to each TCP connection by itself can need less.

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

use crate::wire::{UPGRADED, first_frame, head_length, server_frame};

const LISTENER: Token = Token(usize::MAX);
const OPEN: &str =
    r#"0{"sid":"floor","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":65536}"#;

struct Guest {
    stream: TcpStream,
    is_upgraded: bool,
    room: String,
    begun: Vec<u8>,
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
                    let token = Token(floor.guests.len());
                    poll.registry().register(&mut stream, token, Interest::READABLE)?;
                    floor.guests.push(Guest {
                        stream,
                        is_upgraded: false,
                        room: String::new(),
                        begun: Vec::new(),
                    });
                }
            } else {
                floor.hear(event.token().0);
            }
        }
    }
}

#[derive(Default)]
struct Floor {
    guests: Vec<Guest>,
    rooms: HashMap<String, Vec<usize>>,
}

impl Floor {
    fn hear(&mut self, who: usize) {
        let guest = &mut self.guests[who];
        let mut arrived = [0; 16 * 1024];
        while let Ok(read @ 1..) = guest.stream.read(&mut arrived) {
            guest.begun.extend(&arrived[..read]);
        }
        if !guest.is_upgraded {
            let Some(head) = head_length(&guest.begun) else { return };
            guest.is_upgraded = true;
            guest.begun.drain(..head);
            send(&mut guest.stream, UPGRADED.as_bytes());
            send(&mut guest.stream, &server_frame(OPEN));
        }
        let bytes = std::mem::take(&mut guest.begun);
        let mut taken = 0;
        while let Some(frame) = first_frame(&bytes[taken..]) {
            let payload = &bytes[taken..][frame.payload.clone()];
            taken += frame.payload.end;
            if let Ok(text) = std::str::from_utf8(payload) {
                self.answer(who, text);
            }
        }
        self.guests[who].begun.extend(&bytes[taken..]);
    }

    fn answer(&mut self, who: usize, text: &str) {
        if text.starts_with("40") {
            return send(&mut self.guests[who].stream, &server_frame(r#"40{"sid":"floor"}"#));
        }
        let Ok(Frame::Event { name, payload }) = Frame::decode(text) else { return };
        if name == "room" {
            let room = payload.to_owned();
            self.rooms.entry(room.clone()).or_default().push(who);
            self.guests[who].room = room;
        } else {
            let frame = server_frame(&format!(r#"42["chat message",{payload}]"#));
            for member in self.rooms.get(&self.guests[who].room).into_iter().flatten() {
                send(&mut self.guests[*member].stream, &frame);
            }
        }
        let ack: String = text.chars().skip(2).take_while(char::is_ascii_digit).collect();
        send(&mut self.guests[who].stream, &server_frame(&format!("43{ack}[]")));
    }
}

fn send(stream: &mut TcpStream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(sent) => bytes = &bytes[sent..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::yield_now(),
            // The receiver is gone.
            Err(_) => return,
        }
    }
}
