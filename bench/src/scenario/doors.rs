//! The same small load at each door: what it takes until everybody there has a message, and what
//! that costs the server.

use std::net::UdpSocket;

use super::{
    SETTLE, Size, Stage,
    open_loop::{Load, by_the_clock},
};
use crate::{
    dialect,
    measure::{Column, Measure, quantile},
    peer::Peer,
};

/// Where whoever comes by lines or datagrams is without a word.
const ROOM: &str = "lobby";
/// Far from what any door can do.
const RATE: u32 = 100;

/// How a message comes in, and how it is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    SocketIo,
    Lines,
    Http,
    Udp,
}

impl Door {
    const ALL: [Door; 4] = [Door::SocketIo, Door::Lines, Door::Http, Door::Udp];

    fn name(self) -> &'static str {
        match self {
            Door::SocketIo => "Socket.IO over WebSocket",
            Door::Lines => "Lines over TCP",
            Door::Http => "HTTP: a POST in, server-sent events out",
            Door::Udp => "A datagram in, Socket.IO out",
        }
    }
}

/// Each door with a fresh server.
pub(super) fn side_by_side(size: &Size) -> anyhow::Result<Vec<Measure>> {
    let mut measures = Vec::new();
    for door in Door::ALL {
        measures.extend(at(door, size)?);
    }
    Ok(measures)
}

fn at(door: Door, size: &Size) -> anyhow::Result<[Measure; 3]> {
    let mut stage = Stage::open(Peer::Madang)?;
    let server = stage.server.address;
    // Client 0 is who speaks. Over Socket.IO it hears itself; elsewhere it is none of the readers.
    match door {
        Door::SocketIo | Door::Udp => stage.gather(size.readers, |_| ROOM.to_owned())?,
        Door::Lines => {
            let lines = stage.server.door("tcp")?;
            stage.crowd.gather_at(lines, size.readers + 1, b"", "* ")?;
        }
        Door::Http => {
            // The room comes into being by what is said first.
            stage.crowd.gather_at(server, 1, post("안녕하세요").as_bytes(), "HTTP/1.1 201")?;
            let listen = format!("GET /api/rooms/{ROOM}/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
            stage.crowd.gather_at(server, size.readers, listen.as_bytes(), "HTTP/1.1 200")?;
        }
    }
    stage.crowd.idle(SETTLE)?;

    let datagrams = UdpSocket::bind("127.0.0.1:0")?;
    datagrams.connect(stage.server.door("udp")?)?;
    let (dialect, is_answered) = (stage.dialect, door == Door::SocketIo);
    let load = Load { rate: RATE, seconds: size.seconds, receivers: size.readers, is_answered };
    let mut outcome = by_the_clock(&mut stage, &load, |crowd, number| match door {
        Door::SocketIo => crowd.say(0, &dialect.say(ROOM, number)?),
        Door::Lines => crowd.send(0, format!("{}\n", dialect::text(number)).as_bytes()),
        Door::Http => crowd.send(0, post(&dialect::text(number)).as_bytes()),
        Door::Udp => Ok(datagrams.send(dialect::text(number).as_bytes()).map(drop)?),
    })?;

    let what = format!("{}: {RATE} messages/s to {} readers", door.name(), size.readers);
    let delivered = u32::try_from(outcome.deliveries.len().max(1))?;
    Ok([
        Measure::at_door(&what, Column::P50, quantile(&mut outcome.deliveries, 0.5)),
        Measure::at_door(&what, Column::P99, quantile(&mut outcome.deliveries, 0.99)),
        Measure::at_door(&what, Column::Cpu, outcome.cpu / delivered),
    ])
}

fn post(text: &str) -> String {
    format!(
        "POST /api/rooms/{ROOM}/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    )
}
