// The full protocol and the tutorial's contract over Socket.IO, packet by packet as they are on the wire.

import { execFile } from 'node:child_process';
import { Agent } from 'node:http';
import { promisify } from 'node:util';

import sio1 from 'sio1';
import sio2 from 'sio2';
import * as sio4 from 'sio4';

import { Server } from '../server.mjs';
import { request } from './request.mjs';
import { Received, Transcript } from './transcript.mjs';

const LIBRARIES = { 1: sio1, 2: sio2, 4: sio4.io };
const run = promisify(execFile);

/** Everything, over one transport: "websocket" or "polling". What is said does not depend on it. */
export async function recordSocketIo(transport) {
  // The slow ones wait for something that takes the server ten or fifteen seconds.
  const scenes = [conversation, tooFast, unavailable, notStored, keptSeat, heartbeat];
  const transcripts = await Promise.all(scenes.map((scene) => recordOnServer(scene, transport)));
  return transcripts.join('\n');
}

/** A scene on a server of its own. */
async function recordOnServer(scene, transport) {
  const transcript = new Transcript();
  const server = await (scene.server ?? Server).start(scene.options);
  const cast = new Cast(transcript, server.url, transport);
  try {
    await transcript.of(() => scene(cast, server));
  } finally {
    cast.leave();
    await server.stop();
  }
  return transcript;
}

/** All that needs no particular server. */
async function conversation(cast, server) {
  for (const scene of [connecting, joining, sending, reacting, owning, presence, seats, tutorial, oldClients]) {
    await scene(cast);
    await cast.end();
  }
  await restart(cast, server);
}

/** The clients of one server. */
export class Cast {
  #clients = [];

  constructor(transcript, url, transport) {
    this.transcript = transcript;
    this.url = url;
    this.transport = transport;
  }

  scene(title) {
    this.transcript.scene(title);
  }

  /** Connects by this name and records what was said for it. */
  async connect(name, options = { auth: { name } }) {
    const client = new Client(this, name, options);
    this.#clients.push(client);
    await client.hears('connection');
    return client;
  }

  /** Everybody goes, and must have heard nothing that is not in the transcript. */
  async end() {
    const clients = this.#clients.splice(0);
    // The answer to a later question comes after everything that was meant for somebody.
    for (const client of clients) if (client.socket.connected) await client.asksQuietly('away', { away: false });
    for (const client of clients) client.leave();
    for (const client of clients) client.received.assertNothingLeft(['heartbeat']);
  }

  leave() {
    for (const client of this.#clients.splice(0)) client.leave();
  }
}

/** A client whose packets are recorded. */
class Client {
  #transcript;
  #isRecorded = true;

  constructor({ transcript, url, transport }, name, { generation = '4', ...options }) {
    this.name = name;
    this.#transcript = transcript;
    this.received = new Received(name);
    const transports = [transport];
    this.socket = LIBRARIES[generation](url, { transports, forceNew: true, reconnection: false, ...options });
    const { engine } = this.socket.io;
    engine.on('packet', ({ type, data }) => type === 'message' && this.received.put(kind(data), data));
    engine.on('packetCreate', ({ type, data }) => {
      if (type === 'message' && this.#isRecorded) transcript.add(name, '>', data);
    });
    this.socket.on('disconnect', () => this.received.put('end', 'disconnect'));
  }

  /** Emits an event and records the acknowledgement. */
  async asks(event, payload) {
    this.socket.emit(event, payload, () => {});
    return this.hears('reply');
  }

  /** Emits an event without asking for an acknowledgement. */
  says(event, ...payload) {
    this.socket.emit(event, ...payload);
  }

  /** Records the next packet of this kind, and returns what is in it. */
  async hears(kind) {
    const packet = await this.received.take(kind);
    this.#transcript.add(this.name, '<', packet);
    return content(packet);
  }

  /** The same for something that is not worth a line. */
  async asksQuietly(event, payload) {
    this.#isRecorded = false;
    this.socket.emit(event, payload, () => {});
    this.#isRecorded = true;
    return content(await this.received.take('reply'));
  }

  /** The connection ends from the other side. */
  async ends() {
    await this.received.take('end');
    this.#transcript.note(`${this.name} is disconnected`);
  }

  leave() {
    this.#isRecorded = false;
    this.socket.off('disconnect');
    this.socket.disconnect();
  }
}

/** What a packet is: what answers (`3`), what is told (`2`) by its event's name, or about the connection. */
function kind(packet) {
  const event = packet.match(/^2\["([^"]+)"/)?.[1];
  return event ?? (packet.startsWith('3') ? 'reply' : 'connection');
}

/** The argument of a packet. */
function content(packet) {
  const json = packet.match(/^\d+(.*)$/s)?.[1];
  if (!json) return undefined;
  const parsed = JSON.parse(json);
  return Array.isArray(parsed) ? parsed.at(-1) : parsed;
}

/**
 * Comes into a room in which nobody is and says something there. When that is heard, the others in the
 * room have been told of the coming: who comes next is a notice of its own.
 */
async function open(client, join) {
  await client.asks('join', join);
  await client.asks('send', { room: join.room, cid: 'first', body: '안녕' });
  await client.hears('event');
}

/** Comes into a room in which others are, all of whom are told. */
async function enter(client, room, others) {
  await client.asks('join', { room });
  for (const one of [...others, client]) await one.hears('presence');
}

async function connecting(cast) {
  cast.scene('connecting');
  const jieun = await cast.connect('지은');
  const { token } = await jieun.asks('hello', {});
  await jieun.asks('hello', {});
  const guest = await cast.connect('guest', {});
  await guest.asks('hello', {});
  for (const [name, options] of [
    ['token', { auth: { token, name: '무시' } }],
    ['cookie', { extraHeaders: { cookie: `madang=${token}` } }],
    ['unknown cookie', { extraHeaders: { cookie: 'madang=0' }, auth: { name: '쿠키' } }],
    ['query', { query: { name: '물음' } }],
  ]) {
    const client = await cast.connect(name, options);
    await client.asks('hello', {});
  }
  for (const [name, auth] of [
    ['unknown token', { token: '0' }],
    ['empty name', { name: ' ' }],
    ['long name', { name: '가'.repeat(33) }],
    ['unreadable name', { name: 'a\u200Bb' }],
    ['no name', { name: 17 }],
  ]) {
    await cast.connect(name, { auth });
  }
}

async function joining(cast) {
  cast.scene('join');
  const jieun = await cast.connect('지은');
  const minho = await cast.connect('민호');
  await jieun.asks('join', { room: '마당' });
  await jieun.asks('join', { room: '마당' });
  await jieun.asks('send', { room: '마당', cid: 'm-1', body: '  하나  ' });
  await jieun.hears('event');
  await jieun.asks('send', { room: '마당', cid: 'm-2', body: '둘' });
  await jieun.hears('event');
  await enter(minho, '마당', [jieun]);
  await minho.asks('join', { room: '마당', since: 1 });
  await minho.asks('join', { room: '마당', since: 99 });
  await minho.asks('join', { room: '토론', seats: 30, topic: '  오늘의 주제 ', unknown: 1 });
  await minho.asks('join', { room: '토론', seats: 2, topic: '다른 주제' });
  await minho.asks('join', { room: 'lobby', seats: 2, topic: '로비' });
  for (const join of [
    {},
    { room: 17 },
    { room: '' },
    { room: 'a/b' },
    { room: '..' },
    { room: 'a\u202eb' },
    { room: '가'.repeat(65) },
    { room: '자리', seats: 0 },
    { room: '자리', seats: 1001 },
    { room: '자리', seats: 'many' },
    { room: '주제', topic: '가'.repeat(251) },
    { room: '주제', topic: '하나\n둘' },
    { room: '마당', since: -1 },
    '마당',
    null,
  ]) {
    await minho.asks('join', join);
  }
  await minho.asks('dance', { room: '마당' });
  await minho.asks('leave', { room: '토론' });
  await minho.asks('leave', { room: '토론' });
  minho.says('leave', { room: '토론' });
  await minho.hears('refused');
  minho.says('join');
  await minho.hears('refused');
}

async function sending(cast) {
  cast.scene('send, edit, delete, react, history');
  const room = '글방';
  const jieun = await cast.connect('지은');
  const minho = await cast.connect('민호');
  const both = [jieun, minho];
  const hear = async () => {
    for (const one of both) await one.hears('event');
  };
  await open(jieun, { room });
  await enter(minho, room, [jieun]);
  await minho.asks('send', { room, cid: 'q', body: '점심 *뭐* 먹지? 🍚\n<b>' });
  await hear();
  await minho.asks('send', { room, cid: 'q', body: '점심 *뭐* 먹지? 🍚\n<b>' });
  await jieun.asks('send', { room, cid: 'a', body: '김밥', reply_to: 2 });
  await hear();
  for (const send of [
    { room, cid: 'q', body: '다른 사람' },
    { room, cid: '', body: '안녕' },
    { room, cid: 'a b', body: '안녕' },
    { room, cid: 'x', body: ' \n ' },
    { room, cid: 'x', body: '가'.repeat(4001) },
    { room, cid: 'x', body: 17 },
    { room, cid: 'x' },
    { room, cid: 'x', body: '안녕', reply_to: 99 },
    { room: '어디', cid: 'x', body: '안녕' },
  ]) {
    await jieun.asks('send', send);
  }
  await minho.asks('edit', { room, seq: 2, cid: 'e-1', body: '점심 뭐 먹을까?' });
  await hear();
  await minho.asks('edit', { room, seq: 2, cid: 'e-2', body: '점심 뭐 먹을까요?' });
  await hear();
  await minho.asks('edit', { room, seq: 2, cid: 'e-3', body: '점심 뭐 먹을까요?' });
  await jieun.asks('edit', { room, seq: 2, cid: 'e-4', body: '?' });
  await jieun.asks('edit', { room, seq: 99, cid: 'e-4', body: '?' });
  await jieun.asks('edit', { room, seq: 2 });
  await jieun.asks('react', { room, seq: 2, cid: 'r-1', emoji: '🎉', on: true });
  await hear();
  await minho.asks('react', { room, seq: 2, cid: 'r-2', emoji: '🎉', on: true });
  await hear();
  await minho.asks('react', { room, seq: 2, cid: 'r-3', emoji: '👍', on: true });
  await hear();
  await minho.asks('react', { room, seq: 2, cid: 'r-4', emoji: '👍', on: true });
  await minho.asks('react', { room, seq: 2, cid: 'r-5', emoji: '👍', on: false });
  await hear();
  await minho.asks('react', { room, seq: 2, cid: 'r-6', emoji: 'ok', on: true });
  await minho.asks('react', { room, seq: 5, cid: 'r-6', emoji: '👍', on: true });
  await minho.asks('history', { room, after: 0 });
  await minho.asks('delete', { room, seq: 1, cid: 'd-1' });
  await jieun.asks('delete', { room, seq: 2, cid: 'd-2' });
  await hear();
  await jieun.asks('delete', { room, seq: 2, cid: 'd-3' });
  await jieun.asks('react', { room, seq: 2, cid: 'r-7', emoji: '👍', on: true });
  await jieun.asks('send', { room, cid: 'late', body: '그래도', reply_to: 2 });
  await hear();
  for (const span of [
    { after: 0 },
    { before: 4, limit: 2 },
    { around: 5, limit: 3 },
    { after: 99 },
    { after: 0, limit: 0 },
    {},
    { before: 1, after: 1 },
    { before: 'x' },
  ]) {
    await minho.asks('history', { room, ...span });
  }
  await minho.asks('history', { room: '어디', after: 0 });
}

async function reacting(cast) {
  cast.scene('a message bears 20 different emoji');
  const owner = await cast.connect('지은');
  await open(owner, { room: '모임' });
  for (let number = 0; number < 21; number += 1) {
    const emoji = String.fromCodePoint(0x1f600 + number);
    const react = { room: '모임', seq: 1, cid: `r-${number}`, emoji, on: true };
    if (number === 20) await owner.asks('react', react);
    else {
      await owner.asksQuietly('react', react);
      await owner.hears('event');
    }
  }
  await owner.asks('history', { room: '모임', before: 2 });
}

async function owning(cast) {
  cast.scene('describe and remove');
  const room = '사랑방';
  const jieun = await cast.connect('지은');
  const minho = await cast.connect('민호');
  const hear = async () => {
    for (const one of [jieun, minho]) await one.hears('event');
  };
  await open(jieun, { room });
  await enter(minho, room, [jieun]);
  // Who gets a token is no guest any more.
  const { you } = await minho.asks('hello', {});
  for (const one of [jieun, minho]) await one.hears('presence');
  const { you: me } = await jieun.asks('hello', {});
  for (const one of [jieun, minho]) await one.hears('presence');
  for (const [number, change] of [{ topic: '이야기', seats: 30 }, { topic: '' }, { seats: null }, { seats: 2 }].entries()) {
    await jieun.asks('describe', { room, cid: `t-${number}`, ...change });
    await hear();
  }
  await jieun.asks('describe', { room, cid: 't-4', seats: 2 });
  await jieun.asks('describe', { room, cid: 't-5', seats: 0 });
  await jieun.asks('describe', { room, cid: 't-6', topic: '가'.repeat(251) });
  await jieun.asks('describe', { room, cid: 't-7' });
  await minho.asks('describe', { room, cid: 't-8', topic: '?' });
  await minho.asks('join', { room });
  await minho.asks('remove', { room, person: me.id });
  await jieun.asks('remove', { room, person: me.id });
  await jieun.asks('remove', { room, person: 'nobody' });
  await jieun.asks('remove', { room: '어디', person: you.id });
  await jieun.asks('remove', { room, person: you.id });
  await minho.hears('removed');
  await jieun.hears('presence');
  for (const [command, payload] of [
    ['join', { room }],
    ['send', { room, cid: 'x', body: '?' }],
    ['history', { room, after: 0 }],
    ['typing', { room }],
    ['leave', { room }],
  ]) {
    await minho.asks(command, payload);
  }
  const namesake = await cast.connect('지은');
  await namesake.asks('join', { room });
  await jieun.asks('history', { room, after: 1 });
}

async function presence(cast) {
  cast.scene('presence: rename, away, typing, leave');
  const room = '마루';
  const jieun = await cast.connect('지은');
  const minho = await cast.connect('민호');
  const hear = async () => {
    for (const one of [jieun, minho]) await one.hears('presence');
  };
  await open(jieun, { room });
  await enter(minho, room, [jieun]);
  await minho.asks('rename', { name: ' 김민호 ' });
  await hear();
  for (const name of [' ', '가'.repeat(33), 'a\u202eb', 17]) await minho.asks('rename', { name });
  await minho.asks('away', { away: true });
  await hear();
  await jieun.asks('join', { room });
  await minho.asks('away', { away: false });
  await hear();
  await minho.asks('away', { away: 'yes' });
  await minho.asks('typing', { room });
  await jieun.hears('typing');
  // It is told every three seconds only.
  await minho.asks('typing', { room });
  await minho.asks('typing', { room: '어디' });
  await minho.asks('leave', { room });
  await jieun.hears('presence');
  await enter(minho, room, [jieun]);
  minho.leave();
  await jieun.hears('presence');
}

async function seats(cast) {
  cast.scene('seats');
  const room = '좁은 방';
  const jieun = await cast.connect('지은');
  const minho = await cast.connect('민호');
  await jieun.asks('join', { room, seats: 1 });
  await minho.asks('join', { room });
  await minho.asks('watch_seat', { room });
  await jieun.asks('leave', { room });
  await minho.hears('seat');
  await minho.asks('watch_seat', { room });
  await minho.hears('seat');
  await minho.asks('watch_seat', { room: '없는 방' });
  await minho.asks('watch_seat', {});
  await minho.asks('join', { room });

  cast.scene('a connection is in 50 rooms');
  const crowd = await cast.connect('서연');
  for (let number = 1; number <= 50; number += 1) await crowd.asksQuietly('join', { room: `방 ${number}` });
  await crowd.asks('join', { room: '방 51' });
}

async function tutorial(cast) {
  cast.scene('the tutorial');
  const room = '둘이';
  const jieun = await cast.connect('지은');
  const minho = await cast.connect('민호');
  const third = await cast.connect('셋째');
  await jieun.asks('room', room);
  await minho.asks('room', room);
  minho.says('chat message', '점심 먹었어?');
  await minho.hears('chat message');
  await jieun.hears('chat message');
  await jieun.asks('chat message', '아직');
  await minho.hears('chat message');
  await jieun.hears('chat message');
  third.says('room', room);
  await third.hears('result');
  await third.hears('refused');
  await third.asks('room', room);
  await third.hears('result');
  third.says('chat message', '나도');
  await third.hears('refused');
  await third.asks('chat message', ' ');
  await third.asks('room', '');
  await third.asks('room', { room });
  await minho.asks('room', '다른 방');
  await third.asks('room', room);
  await third.asks('chat message', '들어왔다');
  await third.hears('chat message');
  await jieun.hears('chat message');
  await jieun.asks('join', { room, since: 2 });
}

async function oldClients(cast) {
  for (const generation of ['2', '1']) {
    cast.scene(`a client of generation ${generation}`);
    const old = await cast.connect('지은', { generation, query: { name: '지은' } });
    const room = `옛 방 ${generation}`;
    await old.asks('hello', {});
    await open(old, { room });
    const minho = await cast.connect('민호');
    await enter(minho, room, [old]);
    await minho.asks('send', { room, cid: 'b', body: '"반가워" 👋\né' });
    await minho.hears('event');
    await old.hears('event');
    await old.asks('dance', {});
    await old.asks('room', `${room}!`);
    await minho.hears('presence');
    old.says('chat message', '안녕');
    await old.hears('chat message');
    await cast.end();
  }
}

async function restart(cast, server) {
  cast.scene('the server is stopped');
  // Over long-polling the connection may be over before the poll that brings the news.
  const jieun = await cast.connect('지은', { transports: ['websocket'], auth: { name: '지은' } });
  await jieun.asks('join', { room: '끝' });
  await server.end('SIGTERM');
  await jieun.hears('restart');
  await jieun.ends();
}

async function heartbeat(cast) {
  cast.scene('heartbeat');
  const jieun = await cast.connect('지은');
  await open(jieun, { room: '고요' });
  await jieun.hears('heartbeat');
}

async function keptSeat(cast) {
  cast.scene('the seat of a person with a token is kept for ten seconds');
  const room = '자리';
  const jieun = await cast.connect('지은');
  const minho = await cast.connect('민호');
  await jieun.asks('hello', {});
  await open(jieun, { room, seats: 2 });
  await enter(minho, room, [jieun]);
  jieun.leave();
  const third = await cast.connect('셋째');
  await third.asks('join', { room });
  await minho.hears('presence');
  await third.asks('join', { room });
  for (const one of [minho, third]) await one.hears('presence');
}

async function tooFast(cast) {
  cast.scene('too fast');
  const room = '천천히';
  const jieun = await cast.connect('지은');
  await open(jieun, { room });
  await jieun.asks('send', { room, cid: 'second', body: '빨리' });
  await jieun.asks('edit', { room, seq: 1, cid: 'e', body: '빨리' });
  await jieun.asks('typing', { room });
  await jieun.asks('away', { away: true });
  await jieun.asks('join', { room: '다른 방' });
  await jieun.asks('rename', { name: '빠름' });
  await jieun.asks('hello', {});
}
tooFast.options = {
  '--message-rate': '0.001',
  '--message-burst': '1',
  '--join-rate': '0.001',
  '--join-burst': '1',
};

/** More sessions than there may be connections: they poll one after the other over a single connection. */
async function unavailable({ transcript, url }) {
  transcript.scene('more sessions than --max-connections');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const poll = async (method, sid, body) => {
    const query = `EIO=4&transport=polling${sid ? `&sid=${sid}` : ''}`;
    return (await request(url, method, `/socket.io/?${query}`, { body, agent })).body;
  };
  for (const name of ['하나', '둘', '셋']) {
    const { sid } = JSON.parse((await poll('GET')).slice(1));
    await poll('POST', sid, `40${JSON.stringify({ name })}`);
    transcript.add(name, '<', (await poll('GET', sid)).slice(1));
  }
  agent.destroy();
}
unavailable.options = { '--max-connections': '2' };

/** A server to which a file that may not grow is an error, as on a full disk, and not its end. */
class LimitedServer extends Server {
  command() {
    return ['sh', '-c', 'trap "" XFSZ; exec "$@"', 'sh', ...super.command()];
  }
}

async function notStored(cast, server) {
  cast.scene('a full disk');
  const room = '가득';
  const jieun = await cast.connect('지은');
  await open(jieun, { room });
  await run('prlimit', ['--pid', String(server.process.pid), '--fsize=1:unlimited']);
  await jieun.asks('send', { room, cid: 'full', body: '자리 없음' });
  await jieun.asks('history', { room, after: 0 });
  await run('prlimit', ['--pid', String(server.process.pid), '--fsize=unlimited']);
  await jieun.asks('send', { room, cid: 'full', body: '자리 있음' });
  await jieun.hears('event');
}
notStored.server = LimitedServer;
