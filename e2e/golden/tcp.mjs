// Lines over TCP: every command, refusal and notice, and how bytes become lines.

import { connect } from 'node:net';

import { Client } from '../clients.mjs';
import { Server } from '../server.mjs';
import { request } from './request.mjs';
import { maskLine, Received, Transcript } from './transcript.mjs';

const LISTEN = { '--listen': 'tcp://127.0.0.1:0' };

const SLOW = { '--message-rate': '5', '--message-burst': '1', '--join-rate': '5', '--join-burst': '2' };

export async function recordTcp() {
  const transcripts = await Promise.all([record(commands), record(bytes), record(aboveTheLimit, SLOW)]);
  return transcripts.join('\n');
}

async function record(play, options = {}) {
  const transcript = new Transcript();
  const server = await Server.start({ ...LISTEN, ...options });
  const cast = new Cast(transcript, server);
  try {
    await transcript.of(() => play(cast, server));
  } finally {
    cast.leave();
    await server.stop();
  }
  return transcript;
}

/** The clients of one server. */
class Cast {
  #clients = [];

  constructor(transcript, server) {
    this.transcript = transcript;
    this.server = server;
  }

  scene(title) {
    this.transcript.scene(title);
  }

  /** Connects a client, which may say something at once. */
  open(name, first) {
    this.#clients.push(new LineClient(this.transcript, this.server.ports.tcp, name, first));
    return this.#clients.at(-1);
  }

  /** Connects a client and waits until it is in the lobby; those who are there already are told. */
  async arrive(name, others = []) {
    const client = this.open(name);
    await client.hears(2);
    for (const other of others) await other.hears();
    return client;
  }

  /** Somebody who comes over Socket.IO, and does not belong to the transcript. */
  async person(name) {
    const person = await Client.connect(this.server.url, { generation: '4', transport: 'websocket', name });
    this.#clients.push(person);
    return person;
  }

  leave() {
    for (const client of this.#clients.splice(0)) client.leave();
  }
}

/** A client whose lines are recorded. */
class LineClient {
  constructor(transcript, port, name, first) {
    this.name = name;
    this.transcript = transcript;
    this.received = new Received(name);
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.socket.setEncoding('utf8');
    // How it ends is seen by what comes before.
    this.socket.on('error', () => {});
    let text = '';
    this.socket.on('data', (chunk) => {
      const lines = (text + chunk).split('\n');
      text = lines.pop();
      lines.forEach((line) => this.received.put('line', line));
    });
    this.socket.on('close', () => this.received.put('end', text));
    this.socket.on('end', () => this.socket.end());
    if (first !== undefined) this.writes(first);
  }

  /** Sends a line. */
  says(line) {
    this.writes(`${line}\n`);
  }

  /** Sends bytes as they are. */
  writes(bytes) {
    const isText = typeof bytes === 'string';
    this.transcript.add(this.name, '>', isText ? bytes.replace(/\n$/, '') : `<${bytes.toString('hex')}>`);
    if (isText && !bytes.endsWith('\n')) this.transcript.note('without a line break');
    this.socket.write(bytes);
  }

  /** Records the next lines. */
  async hears(count = 1) {
    for (let heard = 0; heard < count; heard += 1) {
      this.heard(await this.received.take('line'));
    }
  }

  heard(line) {
    this.transcript.add(this.name, '<', maskLine(line));
  }

  /** Sends a line and records what is answered. */
  async asks(line, count = 1) {
    this.says(line);
    await this.hears(count);
  }

  /** The server ends the connection, or it ends what we have ended. */
  async ends() {
    const rest = await this.received.take('end');
    this.transcript.note(`the connection of ${this.name} is over${rest && `, with ${rest}`}`);
    this.received.assertNothingLeft();
  }

  /** Ends our half of the connection. */
  finishes() {
    this.transcript.note(`${this.name} ends its half`);
    this.socket.end();
  }

  leave() {
    this.socket.destroy();
  }
}

async function commands(cast, server) {
  cast.scene('coming, names, messages');
  const jieun = await cast.arrive('지은');
  await jieun.asks('/name 지은');
  const minho = await cast.arrive('민호', [jieun]);
  await minho.asks('/name 민호');
  await jieun.hears();
  minho.says('안녕 지은');
  await jieun.hears();
  minho.says('/me 손을 흔든다');
  await jieun.hears();
  minho.says('//슬래시');
  await jieun.hears();
  await jieun.asks('/who');
  await jieun.asks('/help', 4);
  await minho.asks('/name *별: "하나"\\');
  await jieun.hears();
  minho.says('이름');
  await jieun.hears();
  await minho.asks('/name 민호');
  await jieun.hears();

  cast.scene('messages that are answered');
  await minho.asks('/send a-1 들려요?');
  await jieun.hears();
  await minho.asks('/send a-1 들려요?');
  await minho.asks('/send a-1 다른 말');
  await jieun.asks('/send a-1 들려요?');
  await jieun.asks('/send a-1 다른 말');
  await minho.hears();
  await minho.asks('/send a!1 들려요?');
  await minho.asks('/send a-2');
  await minho.asks('/send');

  cast.scene('history');
  await jieun.asks('/history 2', 3);
  await jieun.asks('/history', 7);
  await jieun.asks('/history 0', 2);
  await jieun.asks('/history 300', 7);

  cast.scene('refusals');
  for (const line of ['/dance', '/quit now', '/who is it', '/history x', '/name', `/name ${'가'.repeat(33)}`, '/name a\u202eb']) {
    await jieun.asks(line);
  }
  for (const line of ['/me', 'x'.repeat(4001), '/join', '/join a/b', `/join ${'가'.repeat(65)}`]) {
    await jieun.asks(line);
  }

  cast.scene('rooms');
  const owner = await cast.person('주인');
  await owner.request('join', { room: '꽉 찬 방', seats: 1 });
  await jieun.asks('/join 꽉 찬 방');
  await jieun.asks('비밀', 2);
  await jieun.asks('/send b-1 비밀');
  await jieun.asks('/leave');
  await minho.hears();
  for (const line of ['안녕', '/send b-1 안녕', '/who', '/history', '/leave']) await jieun.asks(line);
  const room = '사랑방';
  await owner.request('join', { room });
  await owner.request('send', { room, cid: 'o-1', body: '하나\n둘\n\n넷' });
  await jieun.asks('/join 사랑방', 5);
  await minho.asks('/join 사랑방', 5);
  await jieun.hears();
  await minho.asks('/who');

  cast.scene('what others do');
  const both = async () => {
    for (const one of [jieun, minho]) await one.hears();
  };
  for (const [command, payload, lines] of [
    ['send', { cid: 'o-2', body: '여러\n줄', reply_to: 1 }, 2],
    ['edit', { seq: 1, cid: 'o-3', body: '하나\n둘' }, 1],
    ['react', { seq: 1, cid: 'o-4', emoji: '🎉', on: true }, 1],
    ['react', { seq: 1, cid: 'o-5', emoji: '🎉', on: false }, 1],
    ['delete', { seq: 1, cid: 'o-6' }, 1],
    ['describe', { cid: 'o-7', topic: '이야기', seats: 9 }, 1],
    ['describe', { cid: 'o-8', topic: '', seats: null }, 1],
  ]) {
    await owner.request(command, { room, ...payload });
    for (const one of [jieun, minho]) await one.hears(lines);
  }
  await owner.request('rename', { name: '방주인' });
  await both();
  await request(server.url, 'POST', `/api/rooms/${room}/messages?name=bot`, { body: '\t탭\t하나' });
  await both();
  await jieun.asks('/history 9', 4);
  const third = await cast.person('셋째');
  await third.request('join', { room });
  await both();
  third.leave();
  await both();

  cast.scene('removed');
  const { people } = await owner.request('join', { room });
  await owner.request('remove', { room, person: people.find(({ name }) => name === '민호').id });
  await both();
  await minho.asks('안녕');
  await minho.asks('/join 사랑방');

  cast.scene('goodbye');
  await minho.asks('/quit');
  await minho.ends();
  await server.end('SIGTERM');
  await jieun.hears();
  await jieun.ends();
}

async function bytes(cast) {
  cast.scene('a room that is chosen at once');
  const reader = await chooseAtOnce(cast);

  cast.scene('line breaks');
  const writer = await cast.arrive('쓰는 이');
  await writer.asks('/name 민호');
  await writer.asks('/join 마당');
  await reader.hears();
  for (const text of ['하나\r\n둘\n\n\r\n', '셋\r\u0000']) {
    writer.writes(text);
    await reader.hears(text.startsWith('하나') ? 2 : 1);
  }
  writer.writes(Buffer.from([0xff, 0xfd, 0x01, ...Buffer.from('telnet\n')]));
  await reader.hears();
  writer.writes(Buffer.from([0xb0, 0xa1, 0x0a]));
  await writer.hears();
  await writer.asks('x'.repeat(17_000));
  writer.writes(Buffer.from('안').subarray(0, 2));
  writer.writes(Buffer.from([...Buffer.from('안').subarray(2), 0x0a]));
  await reader.hears();

  cast.scene('no line breaks');
  const tutorial = await cast.arrive('튜토리얼');
  tutorial.writes('/join 마당');
  await tutorial.hears(6);
  await reader.hears();
  await writer.hears();
  for (const text of ['다섯째', '여섯째\u0000']) {
    tutorial.writes(text);
    await reader.hears();
    await writer.hears();
  }
  tutorial.leave();
  await reader.hears();
  await writer.hears();

  cast.scene('half a line at the end');
  writer.writes('끝');
  writer.finishes();
  await reader.hears(2);
  await writer.ends();
  const sender = await cast.arrive('보내는 이');
  sender.writes('/send a-1 반쯤');
  sender.finishes();
  await sender.hears();
  await sender.ends();

  cast.scene('no line protocol');
  for (const first of ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', Buffer.from([0x16, 0x03, 0x01, 0x0a])]) {
    const browser = cast.open('브라우저', first);
    await browser.hears(3);
    await browser.ends();
  }
  const script = cast.open('스크립트', 'HTTP/1.1 200 OK\r\n');
  script.finishes();
  await script.hears(2);
  await script.ends();

  cast.scene('a first /join that is refused');
  const refused = cast.open('못 들어간 이', '/join a/b\n');
  await refused.hears(3);
  await refused.asks('비밀', 2);
  await refused.asks('/join lobby', 2);
}

/** Comes right into a room. It has 200 ms for that, which are not enough now and then on a busy machine. */
async function chooseAtOnce(cast) {
  for (;;) {
    const reader = cast.open('읽는 이');
    const choice = '/name 지은\n/join 마당\n';
    reader.socket.write(choice);
    const lines = [];
    while (lines.length < 3) lines.push(await reader.received.take('line'));
    if (!lines.some((line) => line.startsWith('* You are in lobby;'))) {
      reader.transcript.add(reader.name, '>', choice.trimEnd());
      lines.forEach((line) => reader.heard(line));
      return reader;
    }
    reader.leave();
  }
}

async function aboveTheLimit(cast) {
  cast.scene('above the limit');
  const jieun = await cast.arrive('지은');
  const lines = ['/name 지은', '/name 김지은', '/join 마당', '/send a-1 하나', '/send a-2 둘', '셋', '/who', '/dance'];
  jieun.writes([...lines, '/quit', ''].join('\n'));
  await jieun.hears(8);
  await jieun.ends();
}
