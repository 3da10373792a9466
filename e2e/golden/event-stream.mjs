// Server-sent events of a room: what the stream says, where it begins, and how it ends.

import { Client } from '../clients.mjs';
import { Server } from '../server.mjs';
import { open, request } from './request.mjs';
import { Received, Transcript } from './transcript.mjs';

export async function recordEventStream() {
  const transcript = new Transcript();
  const server = await Server.start();
  const streams = [];
  const openStream = async (name, path, headers) => {
    streams.push(await Stream.open(transcript, server.url, name, path, headers));
    return streams.at(-1);
  };
  const say = (room, text) => request(server.url, 'POST', `/api/rooms/${room}/messages?name=손님`, { body: text });
  const people = [];
  const connect = async (name) => {
    people.push(await Client.connect(server.url, { generation: '4', transport: 'websocket', name }));
    return people.at(-1);
  };
  try {
    await placesToBegin(transcript, openStream, say);
    const quiet = await everything(transcript, openStream, await connect('지은'), say);
    await endings(transcript, openStream, connect);
    await refusals(transcript, openStream);
    transcript.scene('a stream with nothing to tell, every 15 seconds');
    await quiet.hears('comment');
    transcript.scene('the server is stopped');
    await server.end('SIGTERM');
    await quiet.hears();
    await quiet.ends();
  } finally {
    streams.forEach((stream) => stream.close());
    people.forEach((person) => person.leave());
    await server.stop();
  }
  return transcript.toString();
}

/** One reader of a stream. */
class Stream {
  static async open(transcript, url, name, path, headers = {}) {
    transcript.add(name, '>', `GET /api/rooms/${path}`);
    for (const [header, value] of Object.entries(headers)) transcript.add(name, '>', `${header}: ${value}`);
    const response = await open(url, 'GET', `/api/rooms/${path}`, { headers });
    transcript.add(name, '<', String(response.statusCode));
    for (const header of ['content-type', 'cache-control', 'x-accel-buffering', 'retry-after', 'www-authenticate']) {
      if (header in response.headers) transcript.add(name, '<', `${header}: ${response.headers[header]}`);
    }
    return new Stream(transcript, name, response);
  }

  constructor(transcript, name, response) {
    this.transcript = transcript;
    this.name = name;
    this.response = response;
    this.received = new Received(name);
    let text = '';
    response.on('data', (chunk) => {
      const blocks = (text + chunk).split('\n\n');
      text = blocks.pop();
      // The comment that says nothing but that the stream is alive has a scene of its own.
      blocks.forEach((block) => this.received.put(block === ':' ? 'comment' : 'block', block));
    });
    response.on('close', () => this.received.put('end', text));
  }

  /** Records what comes next: an event, `retry:`, or in a quiet stream a comment. */
  async hears(kind = 'block') {
    const block = await this.received.take(kind);
    for (const line of block.split('\n')) this.transcript.add(this.name, '<', line);
  }

  /** Records the rest of the body and that it is over. */
  async ends() {
    const rest = await this.received.take('end');
    if (rest) this.transcript.add(this.name, '<', rest);
    this.transcript.note(`the stream of ${this.name} is over`);
    this.received.assertNothingLeft(['comment']);
  }

  close() {
    this.response.destroy();
  }
}

async function placesToBegin(transcript, openStream, say) {
  transcript.scene('where a stream begins');
  for (const text of ['하나', '둘', '셋']) await say('마당', text);
  const all = await openStream('since=0', '마당/events?since=0');
  for (let count = 0; count < 3; count += 1) await all.hears();
  const later = await openStream('since=2', '마당/events?since=2');
  await later.hears();
  const back = await openStream('Last-Event-ID', '마당/events?since=0', { 'last-event-id': '2' });
  await back.hears();
  const ahead = await openStream('since=99', '마당/events?since=99');
  const now = await openStream('from now on', '마당/events');
  await say('마당', '넷');
  for (const stream of [all, later, back, ahead, now]) {
    await stream.hears();
    stream.close();
  }
}

/** Every kind of event. */
async function everything(transcript, openStream, jieun, say) {
  transcript.scene('every kind of event');
  const room = '글방';
  await jieun.request('join', { room });
  const stream = await openStream('reader', `${room}/events`);
  for (const [command, payload] of [
    ['send', { cid: 'm-1', body: '하나\n둘' }],
    ['send', { cid: 'm-2', body: '셋', reply_to: 1 }],
    ['edit', { seq: 1, cid: 'e-1', body: '하나' }],
    ['react', { seq: 1, cid: 'r-1', emoji: '🎉', on: true }],
    ['delete', { seq: 1, cid: 'd-1' }],
    ['describe', { cid: 't-1', topic: '글', seats: null }],
  ]) {
    await jieun.request(command, { room, ...payload });
    await stream.hears();
  }
  const late = await openStream('late reader', `${room}/events?since=0`);
  for (let count = 0; count < 6; count += 1) await late.hears();
  late.close();
  await say(room, '안녕');
  await stream.hears();
  return stream;
}

async function endings(transcript, openStream, connect) {
  transcript.scene('a stream ends with the right to it');
  const [owner, guest] = [await connect('주인'), await connect('손님')];
  const { you, token } = await guest.request('hello', {});
  const bearer = { authorization: `Bearer ${token}` };
  await owner.request('join', { room: '사랑방' });
  await owner.request('send', { room: '사랑방', cid: 'a', body: '어서 오세요' });
  const removed = await openStream('guest', '사랑방/events?since=0', bearer);
  await removed.hears();
  await owner.request('remove', { room: '사랑방', person: you.id });
  await removed.ends();
  await (await openStream('guest', '사랑방/events', bearer)).ends();
  const stranger = await openStream('stranger', '사랑방/events');
  await owner.request('describe', { room: '사랑방', cid: 'b', seats: 2 });
  await stranger.ends();
  await (await openStream('stranger', '사랑방/events')).ends();
  await owner.request('describe', { room: '사랑방', cid: 'c', seats: 1 });
  await (await openStream('stranger', '사랑방/events')).ends();
}

async function refusals(transcript, openStream) {
  transcript.scene('refusals');
  for (const [path, headers] of [
    ['없는 방/events', {}],
    ['마당/events?after=1', {}],
    ['마당/events?since=x', {}],
    ['마당/events', { 'last-event-id': 'x' }],
    ['마당/events', { authorization: 'Bearer 0' }],
    ['마당/events', { origin: 'https://evil.example' }],
    ['a%2Fb/events', {}],
  ]) {
    await (await openStream('reader', path, headers)).ends();
  }
}
