// A first UDP client: sends one datagram and closes.

import dgram from 'node:dgram';

const [host, port] = process.argv.slice(2);
const client = dgram.createSocket('udp4');
client.send('Hello UDP Server', Number(port), host, () => client.close());
