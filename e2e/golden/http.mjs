// HTTP: every request of the API and how it is refused, and Engine.IO's handshake beneath Socket.IO.

import { Client } from '../clients.mjs';
import { Server } from '../server.mjs';
import { request } from './request.mjs';
import { Transcript } from './transcript.mjs';

/** Headers that are not the application's, or differ from one run to the next. */
const LEFT_OUT = new Set(['connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding']);
const JSON_TYPE = { 'content-type': 'application/json' };
const PUBLIC_URL = 'https://chat.example.com';
const PUBLIC = { host: 'chat.example.com' };

export async function recordHttp() {
  const transcripts = await Promise.all([recordApi(), recordTooFast()]);
  return transcripts.join('\n');
}

async function recordApi() {
  const transcript = new Transcript();
  const server = await Server.start({ '--public-url': PUBLIC_URL });
  const visitor = new Visitor(transcript, server.url);
  const people = [];
  const connect = async (name) => {
    people.push(await Client.connect(server.url, { generation: '4', transport: 'websocket', name }));
    return people.at(-1);
  };
  try {
    await everyResponse(visitor);
    await identity(visitor);
    await messages(visitor, await connect('지은'));
    await fewSeats(visitor, connect);
    await removal(visitor, await connect('주인'));
    await rooms(visitor, people);
    await elsewhere(visitor);
    await handshakes(visitor);
  } finally {
    people.forEach((person) => person.leave());
    await server.stop();
  }
  return transcript;
}

/** Somebody who sends requests, which are recorded with their responses. */
class Visitor {
  #securityHeaders;

  constructor(transcript, url) {
    this.transcript = transcript;
    this.url = url;
  }

  scene(title) {
    this.transcript.scene(title);
  }

  async asks(method, path, headers = {}, body) {
    this.transcript.add('', '>', `${method} ${path}`);
    for (const [name, value] of Object.entries(headers)) this.transcript.add('', '>', `${name}: ${value}`);
    if (body !== undefined) this.transcript.add('', '>', body instanceof Buffer ? `<${body.toString('hex')}>` : body);
    const response = await request(this.url, method, path, { headers, body });
    this.transcript.add('', '<', String(response.status));
    const told = Object.entries(response.headers).filter(([name]) => !LEFT_OUT.has(name));
    const isEverywhere = ([name, value]) => this.#securityHeaders?.[name] === value;
    for (const [name, value] of told.filter((header) => !isEverywhere(header)).sort()) {
      this.transcript.add('', '<', `${name}: ${value}`);
    }
    const missing = Object.keys(this.#securityHeaders ?? {}).filter((name) => !(name in response.headers));
    for (const name of missing) this.transcript.add('', '<', `without ${name}`);
    this.transcript.add('', '<', shown(response));
    return response;
  }

  /** Says which headers the last response had that are not recorded with every other one. */
  expectEverywhere(headers) {
    this.#securityHeaders = headers;
  }
}

/** The body, but for what is long and told elsewhere. */
function shown({ headers, body }) {
  const type = headers['content-type'] ?? '';
  if (type.startsWith('image/svg')) return body.replace(/^(<\?xml[^>]*>)?[^]*$/, '$1 <picture>');
  if (!type.startsWith('application/json') || !body.includes('"openapi"')) return body;
  const { openapi, paths } = JSON.parse(body);
  const operations = Object.entries(paths).flatMap(([path, methods]) => {
    const named = Object.entries(methods).filter(([, operation]) => operation.responses);
    return named.map(([method, { responses }]) => `${method} ${path} ${Object.keys(responses).sort().join(' ')}`);
  });
  return [openapi, ...operations].join('; ');
}

async function everyResponse(visitor) {
  visitor.scene('what every response says');
  const { headers } = await visitor.asks('GET', '/up');
  const everywhere = Object.entries(headers).filter(([name]) => !LEFT_OUT.has(name) && name !== 'content-type');
  visitor.expectEverywhere(Object.fromEntries(everywhere));
  await visitor.asks('HEAD', '/up');
  await visitor.asks('POST', '/up');
  await visitor.asks('POST', '/');
  await visitor.asks('GET', '/api/nothing');
  await visitor.asks('DELETE', '/api/rooms');
  await visitor.asks('GET', `/api/rooms?${'x'.repeat(2100)}`);
  await visitor.asks('GET', '/api/openapi.json');
}

async function identity(visitor) {
  visitor.scene('who one is');
  await visitor.asks('GET', '/api/me');
  const { headers } = await visitor.asks('POST', '/api/me', JSON_TYPE, '{"name":" 지은 "}');
  const cookie = headers['set-cookie'][0].split(';')[0];
  await visitor.asks('GET', '/api/me', { cookie });
  await visitor.asks('POST', '/api/me', { ...JSON_TYPE, cookie }, '{"name":"김지은"}');
  await visitor.asks('GET', '/api/me', { cookie: 'other=1; madang=0' });
  await visitor.asks('POST', '/api/me', { ...JSON_TYPE, ...PUBLIC }, '{"name":"민호"}');
  for (const body of ['{"name":""}', `{"name":"${'가'.repeat(33)}"}`, '{"name":"a\\u202eb"}', '{"name":17}', '{}', 'x']) {
    await visitor.asks('POST', '/api/me', JSON_TYPE, body);
  }
  await visitor.asks('POST', '/api/me', { 'content-type': 'text/plain' }, '{"name":"지은"}');
}

async function messages(visitor, jieun) {
  visitor.scene('messages');
  const path = '/api/rooms/마당/messages';
  const { token } = await jieun.request('hello', {});
  const bearer = { authorization: `Bearer ${token}` };
  await visitor.asks('GET', path);
  await visitor.asks('POST', `${path}?name=build+bot`, {}, 'build green');
  await visitor.asks('POST', path, { 'content-type': 'application/x-www-form-urlencoded' }, 'a=b&c');
  await visitor.asks('POST', path, { 'content-type': 'text/plain; charset=utf-8', ...bearer }, '  안녕\n');
  const json = { ...JSON_TYPE, 'idempotency-key': 'deploy-1742' };
  await visitor.asks('POST', path, json, '{"body":"배포","name":"배포","reply_to":1}');
  await visitor.asks('POST', path, json, '{"body":"배포","name":"배포","reply_to":1}');
  await visitor.asks('POST', path, json, '{"body":"다른 배포"}');
  await visitor.asks('POST', path, { ...JSON_TYPE, ...bearer }, '{"body":"하나","cid":"m-1"}');
  await visitor.asks('POST', path, { ...JSON_TYPE, ...bearer }, '{"body":"둘","cid":"m-1"}');
  for (const [headers, body] of [
    [{}, ''],
    [{}, 'a\u0007b'],
    [{}, Buffer.from([0xb0, 0xa1])],
    [{}, 'x'.repeat(4001)],
    [{}, 'x'.repeat(70_000)],
    [{ 'content-type': 'application/xml' }, '<a/>'],
    [{ 'idempotency-key': 'a b' }, '안녕'],
    [{ authorization: 'Bearer 0' }, '안녕'],
    [JSON_TYPE, '{"name":"지은"}'],
    [JSON_TYPE, '{"body":" "}'],
    [JSON_TYPE, '{"body":"안녕","name":""}'],
    [JSON_TYPE, '{"body":"안녕","cid":"a b"}'],
    [JSON_TYPE, '{"body":"안녕","reply_to":99}'],
    [JSON_TYPE, '안녕'],
    [json, '{"body":"안녕","cid":"other"}'],
  ]) {
    await visitor.asks('POST', path, headers, body);
  }
  await visitor.asks('POST', '/api/rooms/a%2Fb/messages', {}, '안녕');
  await visitor.asks('POST', '/api/rooms/%FF/messages', {}, '안녕');
  await visitor.asks('POST', `${path}?nmae=bot`, {}, '안녕');
  await visitor.asks('POST', `${path}?name=`, {}, '안녕');
  await visitor.asks('PUT', path, {}, '안녕');
  await visitor.asks('GET', path, bearer);
  await visitor.asks('GET', path, { authorization: 'Basic eDp5' });
  await visitor.asks('GET', path, { authorization: 'Bearer 0' });
  for (const query of ['since=3', 'before=3&limit=1', 'around=2&limit=1', 'limit=0', 'since=1&before=3', 'since=x', 'after=1']) {
    await visitor.asks('GET', `${path}?${query}`);
  }
}

async function fewSeats(visitor, connect) {
  visitor.scene('a room with few seats');
  const path = '/api/rooms/둘이/messages';
  const [jieun, minho] = [await connect('지은'), await connect('민호')];
  const { token } = await jieun.request('hello', {});
  await jieun.request('join', { room: '둘이', seats: 2, topic: '우리끼리' });
  await visitor.asks('GET', path);
  await visitor.asks('POST', path, {}, '안녕');
  await visitor.asks('POST', path, { authorization: `Bearer ${token}` }, '안녕');
  await minho.request('join', { room: '둘이' });
  await visitor.asks('GET', path);
  await visitor.asks('POST', path, {}, '안녕');
  await visitor.asks('GET', path, { authorization: `Bearer ${token}` });
}

async function removal(visitor, owner) {
  visitor.scene('somebody whom the owner has removed');
  const { headers } = await visitor.asks('POST', '/api/me', JSON_TYPE, '{"name":"손님"}');
  const cookie = headers['set-cookie'][0].split(';')[0];
  const { body } = await request(visitor.url, 'GET', '/api/me', { headers: { cookie } });
  await owner.request('join', { room: '사랑방' });
  await visitor.asks('POST', '/api/rooms/사랑방/messages', { cookie }, '안녕');
  await owner.request('remove', { room: '사랑방', person: JSON.parse(body).you.id });
  await visitor.asks('POST', '/api/rooms/사랑방/messages', { cookie }, '안녕');
  await visitor.asks('GET', '/api/rooms/사랑방/messages', { cookie });
}

async function rooms(visitor, people) {
  visitor.scene('the list of rooms');
  for (const person of people) for (const room of ['둘이', '사랑방']) await person.request('leave', { room });
  const [jieun] = people;
  await jieun.request('join', { room: '아무 말 없는 방', topic: '고요', seats: 3 });
  await visitor.asks('GET', '/api/rooms');
  visitor.scene('a QR code');
  await visitor.asks('GET', '/api/rooms/마당/qr.svg');
  await visitor.asks('GET', '/api/rooms/마당/qr.svg?size=2');
  await visitor.asks('GET', '/api/rooms/a%2Fb/qr.svg');
}

async function elsewhere(visitor) {
  visitor.scene('other hosts and origins');
  const origin = { origin: 'https://evil.example' };
  await visitor.asks('GET', '/api/me', origin);
  await visitor.asks('POST', '/api/rooms/마당/messages', origin, '안녕');
  await visitor.asks('GET', '/api/me', { host: 'evil.example' });
  await visitor.asks('GET', '/up', { host: 'evil.example' });
  await visitor.asks('GET', '/api/me', { 'sec-fetch-site': 'cross-site' });
  await visitor.asks('GET', '/api/me', { origin: PUBLIC_URL });
  await visitor.asks('GET', '/api/me', { ...PUBLIC, origin: PUBLIC_URL });
  await visitor.asks('GET', '/socket.io/?EIO=4&transport=polling', origin);
  await visitor.asks('GET', '/socket.io/?EIO=4&transport=polling', { origin: PUBLIC_URL });
}

async function handshakes(visitor) {
  visitor.scene("Engine.IO's handshake");
  await visitor.asks('GET', '/socket.io/?EIO=4&transport=polling');
  await visitor.asks('GET', '/socket.io/?EIO=3&transport=polling&name=old');
  await visitor.asks('GET', '/socket.io/?EIO=9&transport=polling');
  await visitor.asks('GET', '/socket.io/?EIO=4&transport=pigeon');
  await visitor.asks('GET', '/socket.io/?EIO=4&transport=polling&sid=unknown');
  await visitor.asks('GET', '/socket.io/?EIO=4&transport=websocket');
}

/** As many messages as a person may say at once, and one more; the same for pages. */
async function recordTooFast() {
  const transcript = new Transcript();
  const server = await Server.start({ '--message-rate': '0.001', '--message-burst': '1' });
  const visitor = new Visitor(transcript, server.url);
  try {
    const { headers } = await request(server.url, 'GET', '/up');
    visitor.expectEverywhere(Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'content-type')));
    visitor.scene('too fast');
    const introduced = await visitor.asks('POST', '/api/me', JSON_TYPE, '{"name":"지은"}');
    const cookie = introduced.headers['set-cookie'][0].split(';')[0];
    const path = '/api/rooms/마당/messages';
    await visitor.asks('POST', path, { cookie }, '하나');
    await visitor.asks('POST', path, { cookie }, '둘');
  } finally {
    await server.stop();
  }
  return transcript;
}
