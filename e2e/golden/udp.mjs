// Datagrams, which nobody answers: what each of them makes appear in the room.

import { createHmac } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

import { Server } from '../server.mjs';
import { Cast } from './socketio.mjs';
import { Transcript } from './transcript.mjs';

const LISTEN = { '--listen': 'udp://127.0.0.1:0' };
const KEY = 'a-key-that-nobody-guesses';

export async function recordUdp() {
  const transcripts = await Promise.all([
    record('without a key', unsigned, LISTEN),
    record('with --udp-key', signed, { ...LISTEN, '--udp-key': KEY }),
  ]);
  return transcripts.join('\n');
}

async function record(title, play, options) {
  const transcript = new Transcript();
  const server = await Server.start(options);
  const cast = new Cast(transcript, server.url, 'websocket');
  const sender = await Sender.open(transcript, server.ports.udp);
  try {
    cast.scene(title);
    await transcript.of(() => play(cast, sender));
    await cast.end();
  } finally {
    cast.leave();
    sender.close();
    await server.stop();
  }
  return transcript;
}

class Sender {
  static async open(transcript, port) {
    const socket = createSocket('udp4');
    socket.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Sender(transcript, socket);
  }

  constructor(transcript, socket) {
    this.transcript = transcript;
    this.socket = socket;
  }

  /** Sends a datagram; one that is dropped shows by the next that is not. */
  async sends(datagram, shown = datagram) {
    this.transcript.add('datagram', '>', typeof shown === 'string' ? shown : `<${shown.toString('hex')}>`);
    await new Promise((sent, failed) => this.socket.send(datagram, (error) => (error ? failed(error) : sent())));
  }

  close() {
    this.socket.close();
  }
}

async function unsigned(cast, sender) {
  const lobby = await cast.connect('로비');
  const deploys = await cast.connect('배포');
  const seats = await cast.connect('자리');
  await lobby.asks('join', { room: 'lobby' });
  await deploys.asks('join', { room: 'deploys' });
  await seats.asks('join', { room: '둘이', seats: 2 });
  await sender.sends('build green\n');
  await lobby.hears('event');
  await sender.sends('/to deploys\n/name build bot\nbuild\ngreen');
  await deploys.hears('event');
  await sender.sends('/name build bot\n/to deploys\n/me too');
  await deploys.hears('event');
  await sender.sends('/to 둘이\n/name 손님\n여기 아무도 없나요');
  await sender.sends('a\u0007b');
  await lobby.hears('event');
  for (const dropped of [
    '',
    ' \n',
    Buffer.from([0xb0, 0xa1]),
    'x'.repeat(4001),
    'x'.repeat(19_000),
    '/to a/b\n안녕',
    '/to lobby\n/to lobby\n안녕',
    '/name \n안녕',
    '/to lobby',
    '/mac 1 2 3\n안녕',
  ]) {
    await sender.sends(dropped);
  }
  await sender.sends(`/key ${KEY}\n열쇠가 있든 없든`);
  await lobby.hears('event');
  await lobby.asks('history', { room: 'lobby', after: 0 });
}

async function signed(cast, sender) {
  const reader = await cast.connect('읽는 이');
  await reader.asks('join', { room: 'deploys' });
  const text = '/to deploys\n/name build bot\nbuild green';
  const right = sign(text, 'nonce-0001');
  await sender.sends(...right);
  await reader.hears('event');
  cast.transcript.note('the same once more');
  await sender.sends(...right);
  await sender.sends(text);
  await sender.sends(...sign(text, 'nonce-0002', { key: 'another-key-of-somebody' }));
  await sender.sends(...sign(text, 'nonce-0003', { seconds: -120 }));
  await sender.sends(...sign(text, 'short'));
  await sender.sends(`/key another-key-of-somebody\n${text}`);
  await sender.sends(`/key ${KEY}\n${text}`);
  await reader.hears('event');
}

/** The signed datagram, and what of it is the same each time. */
function sign(text, nonce, { key = KEY, seconds = 0 } = {}) {
  const time = Math.floor(Date.now() / 1000) + seconds;
  const code = createHmac('sha256', key).update(`${time} ${nonce}\n${text}`).digest('hex');
  const owner = key === KEY ? '<code>' : '<code of another key>';
  const shownTime = seconds === 0 ? '<time>' : `<time ${seconds} s>`;
  return [`/mac ${time} ${nonce} ${code}\n${text}`, `/mac ${shownTime} ${nonce} ${owner}\n${text}`];
}
