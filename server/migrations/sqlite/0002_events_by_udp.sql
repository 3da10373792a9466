-- Where an event came from when it came as a datagram: an IP address. Nobody stands for its name.

ALTER TABLE events ADD COLUMN udp_from TEXT;
