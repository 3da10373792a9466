//! The same small load over each transport: how long a message takes to reach every reader, and what that
//! costs the server.

use std::net::UdpSocket;

use super::{
    SETTLE_TIME, Scale, Setup,
    open_loop::{Load, run_with},
};
use crate::{
    dialect,
    measure::{Column, Measurement, quantile},
    peer::Peer,
};

/// The default room of lines and datagrams.
const ROOM: &str = "lobby";
/// Far below what any transport can do.
const RATE: u32 = 100;

/// How a message is sent, and how it is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    SocketIo,
    Line,
    Http,
    Udp,
}

impl Transport {
    const ALL: [Transport; 4] = [Transport::SocketIo, Transport::Line, Transport::Http, Transport::Udp];

    fn name(self) -> &'static str {
        match self {
            Transport::SocketIo => "Socket.IO over WebSocket",
            Transport::Line => "Lines over TCP",
            Transport::Http => "HTTP: a POST in, server-sent events out",
            Transport::Udp => "A datagram in, Socket.IO out",
        }
    }
}

/// Measures each transport with a fresh server.
pub(super) fn compare(scale: &Scale) -> anyhow::Result<Vec<Measurement>> {
    let mut measurements = Vec::new();
    for transport in Transport::ALL {
        measurements.extend(measure(transport, scale)?);
    }
    Ok(measurements)
}

fn measure(transport: Transport, scale: &Scale) -> anyhow::Result<[Measurement; 3]> {
    let mut setup = Setup::open(Peer::Madang)?;
    let server = setup.server.address;
    // Client 0 sends. Over Socket.IO it receives its own messages; elsewhere it is not one of the readers.
    match transport {
        Transport::SocketIo | Transport::Udp => setup.connect_and_join(scale.readers, |_| ROOM.to_owned())?,
        Transport::Line => {
            let line_address = setup.server.transport_address("tcp")?;
            setup.clients.connect_raw(line_address, scale.readers + 1, b"", "* ")?;
        }
        Transport::Http => {
            // The first message creates the room.
            setup.clients.connect_raw(server, 1, post_request("안녕하세요").as_bytes(), "HTTP/1.1 201")?;
            let sse_request = format!("GET /api/rooms/{ROOM}/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
            setup.clients.connect_raw(server, scale.readers, sse_request.as_bytes(), "HTTP/1.1 200")?;
        }
    }
    setup.clients.idle(SETTLE_TIME)?;

    let udp_socket = UdpSocket::bind("127.0.0.1:0")?;
    udp_socket.connect(setup.server.transport_address("udp")?)?;
    let (dialect, is_acked) = (setup.dialect, transport == Transport::SocketIo);
    let load = Load { rate: RATE, seconds: scale.seconds, receivers: scale.readers, is_acked };
    let mut outcome = run_with(&mut setup, &load, |clients, number| match transport {
        Transport::SocketIo => clients.send_text(0, &dialect.message(ROOM, number)?),
        Transport::Line => clients.send(0, format!("{}\n", dialect::text(number)).as_bytes()),
        Transport::Http => clients.send(0, post_request(&dialect::text(number)).as_bytes()),
        Transport::Udp => Ok(udp_socket.send(dialect::text(number).as_bytes()).map(drop)?),
    })?;

    let label = format!("{}: {RATE} messages/s to {} readers", transport.name(), scale.readers);
    let delivered = u32::try_from(outcome.delivery_times.len().max(1))?;
    Ok([
        Measurement::for_transport(&label, Column::P50, quantile(&mut outcome.delivery_times, 0.5)),
        Measurement::for_transport(&label, Column::P99, quantile(&mut outcome.delivery_times, 0.99)),
        Measurement::for_transport(&label, Column::Cpu, outcome.cpu / delivered),
    ])
}

fn post_request(text: &str) -> String {
    format!(
        "POST /api/rooms/{ROOM}/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    )
}
