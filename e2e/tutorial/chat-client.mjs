// A first chat client: every line that is typed is written, without its line break.

import net from 'node:net';
import readline from 'node:readline';

const [host, port] = process.argv.slice(2);
const client = net.connect({ host, port: Number(port) });
client.setEncoding('utf8');
client.on('data', (data) => process.stdout.write(data));
client.on('close', () => process.exit());
readline.createInterface({ input: process.stdin }).on('line', (line) => client.write(line));
