// A first TCP client: connects, prints what it gets, says one thing and ends.

import net from 'node:net';

const [host, port] = process.argv.slice(2);
const client = net.connect({ host, port: Number(port) });
client.setEncoding('utf8');
client.on('connect', () => {
  console.log('connected');
  client.write('Hello Socket Server\n');
  client.end();
});
client.on('data', (data) => console.log(data));
client.on('close', () => console.log('closed'));
