// Writes fixtures/past: a database and a browser profile, with everything that the server and the page
// store, and the answers of the server. Later versions must open both (server/tests/it/past.rs,
// e2e/past.test.mjs).
//
//   MADANG_BIN=… node e2e/make-past.mjs
//
// The files in the repository were written with commit 0c31dc4. They stay as they are: when a stored
// format changes, record another folder beside them instead.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { io } from 'sio4';

import { Profile } from './browser.mjs';
import { eventually } from './clients.mjs';
import { Person } from './page.mjs';
import * as past from './past.mjs';
import { Server } from './server.mjs';
import { WebSocketProxy } from './websocket-proxy.mjs';

const { DATABASE, DRAFTS, EDITED, KEPT, OPENED, ORIGIN, PAST, PROFILE, REFUSED, ROOMS, UNSENT } = past;
const run = promisify(execFile);

async function makePast() {
  const folder = await mkdtemp(join(tmpdir(), 'madang-past-'));
  const database = join(folder, DATABASE);
  const start = () =>
    Server.start({ '--database': `sqlite:${database}`, '--public-url': ORIGIN, '--listen': 'udp://127.0.0.1:0' });
  await mkdir(PAST, { recursive: true });

  try {
    const { people, sent } = await withServer(start, async (server) => {
      const { people, sent } = await talk(server);
      await recordBrowser(server, people);
      return { people, sent };
    });
    // A server that was stopped leaves no write-ahead log behind.
    await copyFile(database, join(PAST, DATABASE));
    await write('people.json', people);
    await write('expected.json', await withServer(start, (server) => record(server, people, sent)));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Runs `work` against a server and stops the server afterwards. */
async function withServer(start, work) {
  const server = await start();
  try {
    return await work(server);
  } finally {
    await server.stop();
  }
}

/** Writes JSON with one request per line, so that diffs are readable. */
function write(name, value) {
  const lines = JSON.stringify(value).replaceAll(/\{"(?:path|command)":/g, '\n$&');
  return writeFile(join(PAST, name), `${lines}\n`);
}

// ---- the database -------------------------------------------------------------------------------

/** Fills the database through HTTP, Socket.IO and UDP; returns the people, and the commands with their answers. */
async function talk(server) {
  const sent = [];
  const people = {};
  const jieun = await register(server, '지은');
  const minho = await Speaker.connect(server, { name: '민호' }, sent);
  const hana = await Speaker.connect(server, { name: 'Hana Kim' }, sent);
  people.jieun = jieun;
  people.minho = await minho.account();
  people.hana = await hana.account();
  const owner = await Speaker.connect(server, { token: jieun.token }, sent, 'jieun');
  minho.as = 'minho';
  hana.as = 'hana';

  const everybody = [owner, minho, hana];
  await owner.request('join', { room: ROOMS.topic, topic: '오늘 마당에서 있었던 일' });
  await minho.request('join', { room: ROOMS.seats, seats: 2, topic: '둘이서만' });
  await hana.request('join', { room: ROOMS.long });
  for (const speaker of everybody) {
    for (const room of [ROOMS.lobby, ROOMS.topic, ROOMS.long]) await speaker.request('join', { room });
  }
  await owner.request('join', { room: ROOMS.seats });

  for (let n = 1; n <= 120; n += 1) await everybody[n % 3].post(ROOMS.long, `long-${n}`, `이야기 ${n}`);

  const room = ROOMS.topic;
  await owner.post(room, 'hello-1', '안녕하세요, *마당*에 오신 것을 환영해요 👋');
  await minho.post(room, 'hello-2', '반가워요 @지은! _여기_ 좋네요. `cargo run`');
  await hana.post(room, 'code-1', '```rust\nfn main() {\n    println!("마당");\n}\n```');
  await hana.post(room, 'link-1', 'See [the site](https://example.com/a?b=c&d) and https://example.org/한글');
  await owner.request('send', { room, cid: 'reply-1', body: '> 인용\n고마워요', reply_to: 2 }, true);
  await minho.post(room, 'typo-1', '내일 6시에 만나요');
  await minho.request('edit', { room, seq: 6, cid: 'edit-1', body: '내일 *7시*에 만나요' }, true);
  await minho.request('edit', { room, seq: 6, cid: 'edit-2', body: '내일 *8시*에 만나요' }, true);
  await hana.post(room, 'secret-1', '지울 말');
  await hana.request('delete', { room, seq: 9, cid: 'delete-1' }, true);
  await minho.post(room, 'advert-1', '광고입니다');
  // By the owner of the room.
  await owner.request('delete', { room, seq: 11, cid: 'delete-2' }, true);
  for (const [speaker, emoji] of [[owner, '👍'], [minho, '👍'], [hana, '❤️'], [hana, '👩‍👩‍👧‍👦']]) {
    await speaker.request('react', { room, seq: 6, cid: `react-${speaker.as}-${[...emoji].length}`, emoji, on: true }, true);
  }
  await minho.request('react', { room, seq: 6, cid: 'react-off', emoji: '👍', on: false }, true);
  await owner.request('describe', { room, cid: 'topic-1', topic: '바뀐 주제 🌳' }, true);
  await minho.request('rename', { name: '민호 (새 이름)' });
  people.minho.name = '민호 (새 이름)';
  await minho.post(room, 'renamed-1', '이름을 바꿨어요');
  await owner.post(room, 'text-1', '첫 줄\n둘째 줄\n\n\t들여쓴 줄 <b>&amp;</b> \\*별표\\* é ‮‬ 🇰🇷');

  await minho.post(ROOMS.seats, 'two-1', '여기는 둘뿐이에요');
  await owner.post(ROOMS.seats, 'two-2', '조용하네요');
  await minho.request('describe', { room: ROOMS.seats, cid: 'seats-1', seats: 3 }, true);

  await owner.post(ROOMS.lobby, 'lobby-1', '로비에서 인사드려요');
  sent.push(await postOverHttp(server, ROOMS.lobby, 'build-1742', 'build 1742 green'));
  await sendDatagram(server, `/to ${ROOMS.lobby}\n/name 초인종\n문이 열렸어요`);
  await eventually('the datagram is in the log', async () => {
    const { events } = await owner.request('history', { room: ROOMS.lobby, after: 0 });
    return events.some((event) => event.what.posted?.via);
  });
  for (const speaker of everybody) speaker.close();
  return { people, sent };
}

/** One person's Socket.IO connection; the answers to `repeatable` commands are collected. */
class Speaker {
  static async connect(server, auth, sent, as) {
    const socket = io(server.url, { auth, transports: ['websocket'], forceNew: true });
    await new Promise((connected, refused) => socket.on('connect', connected).on('connect_error', refused));
    return Object.assign(new Speaker(), { socket, sent, as });
  }

  async account() {
    const { you, token } = await this.request('hello', {});
    return { ...you, token };
  }

  async ask(command, payload, repeatable = false) {
    const answer = await this.socket.emitWithAck(command, payload);
    assert.ok(!answer.error, `${command} ${JSON.stringify(payload)}: ${JSON.stringify(answer.error)}`);
    if (repeatable) this.sent.push({ as: this.as, command, payload, answer });
    return answer;
  }

  post(room, cid, body) {
    return this.request('send', { room, cid, body }, true);
  }

  close() {
    this.socket.close();
  }
}

/** Registers a person as a browser does: the token is in a cookie. */
async function register(server, name) {
  const answer = await fetch(`${server.url}/api/me`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  });
  const { you } = await answer.json();
  const [, token] = answer.headers.get('set-cookie').match(/^madang(?:-[0-9a-f]{8})?=([^;]+); HttpOnly; SameSite=Lax; Path=\/; Max-Age=/);
  return { ...you, token };
}

async function postOverHttp(server, room, cid, body) {
  const path = `/api/rooms/${encodeURIComponent(room)}/messages?name=build+bot`;
  const answer = await fetch(server.url + path, { method: 'POST', headers: { 'idempotency-key': cid }, body });
  assert.equal(answer.status, 201);
  return { path, cid, body, answer: await answer.json() };
}

async function sendDatagram(server, text) {
  const socket = createSocket('udp4');
  await promisify(socket.send.bind(socket))(text, server.ports.udp, '127.0.0.1');
  socket.close();
}

// ---- what the server answers --------------------------------------------------------------------

/** Reads everything that is stored: each request with its answer, for the test to repeat. */
async function record(server, people, sent) {
  const http = [];
  const get = async (path, as = null) => {
    const headers = as ? { cookie: `madang=${people[as].token}` } : {};
    http.push({ path, as, answer: await (await fetch(server.url + path, { headers })).json() });
  };
  await get('/api/rooms');
  await get('/api/me');
  for (const as of Object.keys(people)) await get('/api/me', as);
  for (const room of [ROOMS.lobby, ROOMS.topic, ROOMS.long]) {
    for (const query of ['?since=0&limit=200', '?around=7&limit=5', '?before=5']) {
      await get(`/api/rooms/${encodeURIComponent(room)}/messages${query}`);
    }
  }

  const socket = {};
  for (const as of Object.keys(people)) {
    const asked = (socket[as] = []);
    const speaker = await Speaker.connect(server, { token: people[as].token }, asked, as);
    const ask = async (command, payload) => asked.push({ command, payload, answer: await speaker.request(command, payload) });
    await ask('hello', {});
    for (const room of Object.values(ROOMS)) {
      // The long room is read by its owner only, and whole over HTTP.
      if (room === ROOMS.long && as !== 'hana') continue;
      await ask('join', { room });
      if (room !== ROOMS.long) await ask('history', { room, after: 0, limit: 200 });
      await ask('history', { room, before: 7, limit: 3 });
      await ask('history', { room, around: 3, limit: 5 });
      // Repeating a command with its cid returns the first answer.
      for (const { command, payload, answer } of sent.filter((sent) => sent.as === as && sent.payload.room === room)) {
        await ask(command, payload);
        assert.deepEqual(asked.at(-1).answer, answer);
      }
      await ask('leave', { room });
    }
    speaker.close();
  }
  return { http, posts: sent.filter(({ path }) => path), socket };
}

// ---- the browser profile ------------------------------------------------------------------------

/** Uses the page as 지은 and packs the profile that this leaves. */
async function recordBrowser(server, { jieun }) {
  const profile = await Profile.create();
  try {
    const browser = await profile.open(ORIGIN, jieun.name, 'ko', past.resolveTo(server.port));
    await fillStorage(browser.person, jieun);
    await browser.close();
    await run('tar', ['-czf', join(PAST, PROFILE), '-C', profile.folder, ...past.PROFILE_PARTS]);
  } finally {
    await profile.remove();
  }
}

/** Makes the page store data of every kind; the outbox is filled without a connection. */
async function fillStorage(person, account) {
  const { page } = person;
  const proxy = await WebSocketProxy.intercept(person);
  await page.setViewportSize(past.SCREEN);
  const open = async (room) => {
    await page.goto(ORIGIN + Person.linkTo(room));
    await person.composer.waitFor();
  };
  /** Presses a button of the message with this text. */
  const press = async (text, name) => {
    const message = person.log.locator('.message').filter({ hasText: text });
    await message.hover();
    await message.getByRole('button', { name, exact: true }).click();
  };
  await person.context.addCookies([past.cookieOf(account)]);
  await page.goto(ORIGIN);
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    while (!navigator.serviceWorker.controller) await new Promise((turn) => setTimeout(turn, 10));
  });

  // Online: a scroll position, drafts, settings, a refused message.
  for (const room of Object.values(ROOMS)) await open(room);
  await person.waitForMessage('이야기 120');
  await person.scrollUpUntil(person.log.getByText('이야기 40', { exact: true }));
  await person.composer.fill(DRAFTS.long);
  await open(ROOMS.lobby);
  await page.getByRole('button', { name: '이 방의 알림' }).click();
  await page.getByRole('radio', { name: '나를 부를 때만' }).check();
  await page.keyboard.press('Escape');
  await open(ROOMS.seats);
  await person.send('연결되어 있을 때 한 말');
  await person.waitUntilDelivered();
  await press('여기는 둘뿐이에요', '답장');
  await person.composer.fill(DRAFTS.seats);
  await open(ROOMS.topic);
  await person.changeSetting('화면 밝기', '어둡게');
  await person.changeSetting('글자 크기', '크게');
  proxy.refuse('message_unreadable', (name) => name === 'send');
  await person.send(REFUSED);
  await person.messageRow(REFUSED).getByRole('button', { name: '다시 보내기' }).waitFor();
  await eventually('every room is kept', async () => (await person.cachedRooms()).length === Object.keys(ROOMS).length);

  // Offline: messages, a reply, an edit, and a room that the server does not know yet.
  await proxy.cut();
  for (const text of [UNSENT.topic[0], UNSENT.topic[1]]) await person.sendAndPersist(text);
  await press('이름을 바꿨어요', '답장');
  await person.sendAndPersist(UNSENT.topic[2]);
  await press('둘째 줄', '고치기');
  await person.composer.fill(EDITED);
  await person.composer.press('Enter');
  await person.log.getByText(EDITED).waitFor();
  await page.getByRole('navigation').getByRole('link', { name: ROOMS.lobby }).click();
  await person.sendAndPersist(UNSENT.lobby[0]);
  await page.goto(ORIGIN);
  await page.getByText(person.labels.details).click();
  await page.getByRole('textbox', { name: person.labels.seats }).fill('2');
  const name = page.getByRole('textbox', { name: person.labels.room, exact: true });
  await name.fill(OPENED.room);
  await name.press('Enter');
  await person.composer.waitFor();
  await person.sendAndPersist(OPENED.text);
  await person.switchLanguage('en');
  assert.equal(await person.outboxSize(), KEPT);
}

await makePast();
