// A page that was open once starts without the server and shows what it had cached; with a connection
// it catches up. It offers a newer page of the server, and never mixes the files of two versions.

import assert from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';

import { eventually, newCid, newRoomName } from './clients.mjs';
import { Person } from './page.mjs';
import { PageFixture } from './page-fixture.mjs';

// A page made by trunk is no release: it has no service worker, and its files are served by another
// process.
const released = !process.env.MADANG_PAGE;
const skip = !released && 'needs the page inside the server';

/** `CACHED_EVENTS` in app/src/state/room.rs. */
const CACHED_EVENTS = 100;

const fixture = new PageFixture();

/** Opens a page and waits until the worker has cached everything and controls the page. */
async function newCachedPerson(name) {
  const person = await fixture.newPerson(name, { serviceWorkers: 'allow' });
  await person.page.goto('/');
  if (released) await controlled(person.page);
  return person;
}

function controlled(page) {
  return page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    while (!navigator.serviceWorker.controller) await new Promise((turn) => setTimeout(turn, 10));
  });
}

/** Leaves the page, as if the tab had been closed, and opens the room again. */
async function reopenRoom(person, room) {
  await person.page.goto('about:blank');
  await person.page.goto(Person.linkTo(room));
}

/** Waits until the cache of a room has this text, or has it no more. */
function waitUntilCached(person, text, holds = true) {
  const looked = async () => (await person.cachedRooms()).some((room) => JSON.stringify(room).includes(text)) === holds;
  return eventually(`"${text}" ${holds ? 'is' : 'is no longer'} cached`, looked);
}

async function sendMessages(room, ...texts) {
  const speaker = await fixture.newClient('민수');
  const joined = await speaker.request('join', { room });
  const sent = [];
  for (const body of texts) sent.push(await speaker.request('send', { room, cid: newCid(), body }));
  return { speaker, joined, sent };
}

test('without the server cached rooms are shown with their messages, and continue when it is back', async () => {
  const [garden, yard] = [newRoomName(), newRoomName()];
  const jieun = await newCachedPerson('지은');
  await jieun.joinRoom(yard);
  await jieun.sendAndPersist('마당에서 한 말');
  await jieun.page.goto(Person.linkTo(garden));
  await jieun.send('뜰에서 한 말');
  await waitUntilCached(jieun, '마당에서 한 말');
  await waitUntilCached(jieun, '뜰에서 한 말');

  await fixture.server.kill();
  await reopenRoom(jieun, garden);
  await jieun.waitForMessage('뜰에서 한 말');
  await jieun.page.getByText('연결이 끊겼어요').waitFor();
  await jieun.page.locator('.profile').getByText('지은', { exact: true }).waitFor();
  await jieun.page.getByRole('navigation').getByRole('link', { name: yard }).click();
  await jieun.waitForMessage('마당에서 한 말');
  await jieun.sendAndPersist('전파가 없어요');
  await jieun.page.goto('/');
  await jieun.page.getByRole('link', { name: garden }).waitFor();
  await jieun.page.getByRole('link', { name: yard }).click();
  await jieun.waitForMessage('전파가 없어요');

  await fixture.server.restart();
  await jieun.waitUntilDelivered();
  for (const text of ['마당에서 한 말', '전파가 없어요']) await jieun.waitForMessage(text);
  assert.deepEqual(await fixture.readLog(yard), ['마당에서 한 말', '전파가 없어요']);
  jieun.ignoreConnectionErrors();
});

test('missed messages, edits and deletions are caught up with, also in the cache', async () => {
  const room = newRoomName();
  const jieun = await newCachedPerson('지은');
  await jieun.joinRoom(room);
  const { speaker, sent } = await sendMessages(room, '그대로', '고칠 말', '거둘 말');
  await waitUntilCached(jieun, '거둘 말');
  await jieun.page.goto('about:blank');

  await speaker.request('edit', { room, cid: newCid(), seq: sent[1].seq, body: '고친 말' });
  await speaker.request('delete', { room, cid: newCid(), seq: sent[2].seq });
  await speaker.request('send', { room, cid: newCid(), body: '그사이 한 말' });
  await jieun.page.goto(Person.linkTo(room));
  await jieun.waitForMessage('그사이 한 말');
  await jieun.log.getByText('고친 말').waitFor();
  for (const old of ['고칠 말', '거둘 말']) assert.equal(await jieun.log.getByText(old).count(), 0, old);
  assert.equal((await jieun.messageTexts()).length, 3);
  await waitUntilCached(jieun, '거둘 말', false);
  await waitUntilCached(jieun, '고칠 말', false);
  await waitUntilCached(jieun, '그사이 한 말');
});

test('the last hundred events of a long room are cached, and missed messages are unread', async () => {
  const room = newRoomName();
  await fixture.fillRoom(room, 150);
  const jieun = await newCachedPerson('지은');
  await jieun.joinRoom(room);
  await jieun.waitForMessage('이야기 150');
  await jieun.scrollUpUntil(jieun.log.getByText('이야기 1', { exact: true }));
  await sendMessages(room, '하나 더');
  await waitUntilCached(jieun, '하나 더');
  const [cached] = (await jieun.cachedRooms()).filter((cached) => cached.room === room);
  assert.equal(cached.events.length, CACHED_EVENTS);
  assert.equal(cached.more, true);

  await jieun.page.goto('/');
  await jieun.page.goto('about:blank');
  await sendMessages(room, ...Array.from({ length: 120 }, (_, index) => `소식 ${index + 1}`));
  await jieun.page.goto('/');
  await jieun.page.getByRole('link', { name: room }).getByText('121', { exact: true }).waitFor();
});

test('a room that was left is not cached, whichever tab left it', async () => {
  const [left, stays] = [newRoomName(), newRoomName()];
  const jieun = await newCachedPerson('지은');
  await jieun.joinRoom(left);
  await jieun.send('떠날 방에서');
  const other = await fixture.newWindow(jieun);
  await other.page.goto(Person.linkTo(left));
  await other.waitForMessage('떠날 방에서');
  await waitUntilCached(jieun, '떠날 방에서');
  await other.page.getByRole('button', { name: other.labels.about, exact: true }).click();
  await other.page.getByRole('button', { name: '방에서 나가기' }).click();
  await waitUntilCached(jieun, '떠날 방에서', false);

  // The other tab is still in the room, and receives more.
  await sendMessages(left, '남은 사람의 말');
  await jieun.waitForMessage('남은 사람의 말');
  await jieun.page.goto(Person.linkTo(stays));
  await jieun.send('남을 방에서');
  await waitUntilCached(jieun, '남을 방에서');
  await waitUntilCached(jieun, '남은 사람의 말', false);
});

test('messages cached by two tabs are shown once by the third', async () => {
  const room = newRoomName();
  const jieun = await newCachedPerson('지은');
  await jieun.joinRoom(room);
  const other = await fixture.newWindow(jieun);
  await other.page.goto(Person.linkTo(room));
  await other.composer.waitFor();
  await jieun.send('첫째 창에서');
  await other.waitForMessage('첫째 창에서');
  await other.send('둘째 창에서');
  await jieun.waitForMessage('둘째 창에서');
  await waitUntilCached(jieun, '둘째 창에서');
  await fixture.server.kill();
  const third = await fixture.newWindow(jieun);
  await third.page.goto(Person.linkTo(room));
  for (const text of ['첫째 창에서', '둘째 창에서']) await third.waitForMessage(text);
  await fixture.server.restart();
  await third.send('셋째 창에서');
  for (const window of [jieun, other, third]) {
    await window.waitForMessage('셋째 창에서');
    assert.deepEqual(await window.messageTexts(), ['첫째 창에서', '둘째 창에서', '셋째 창에서']);
    window.ignoreConnectionErrors();
  }
});

test('a new identity does not see the cache of the former one', async () => {
  const room = newRoomName();
  const jieun = await newCachedPerson('지은');
  await jieun.joinRoom(room);
  await jieun.send('우리끼리 한 말');
  await waitUntilCached(jieun, '우리끼리 한 말');
  await jieun.context.clearCookies();
  await reopenRoom(jieun, room);
  await jieun.nameField.waitFor();
  await eventually('nothing is kept', async () => (await jieun.cachedRooms()).length === 0);
});

test('a server restored from a backup is believed, however much was cached since', async () => {
  const room = newRoomName();
  const jieun = await newCachedPerson('지은');
  await jieun.joinRoom(room);
  await jieun.send('복원될 말');
  await jieun.waitUntilDelivered();
  await fixture.server.kill();
  const [data, backup] = ['data', 'backup'].map((folder) => join(fixture.server.data, folder));
  // Node copies no sockets; the server makes its own anew.
  const filter = (path) => !path.endsWith('.sock');
  await cp(data, backup, { recursive: true, filter });
  await fixture.server.restart();
  await jieun.send('사라질 말');
  await waitUntilCached(jieun, '사라질 말');
  await jieun.page.goto('about:blank');
  await fixture.server.kill();
  await rm(data, { recursive: true });
  await cp(backup, data, { recursive: true });
  await fixture.server.restart();
  await sendMessages(room, '새로 한 말', '또 새로 한 말');
  await jieun.page.goto(Person.linkTo(room));
  await jieun.waitForMessage('또 새로 한 말');
  assert.deepEqual(await jieun.messageTexts(), ['복원될 말', '새로 한 말', '또 새로 한 말']);
  await waitUntilCached(jieun, '사라질 말', false);
  jieun.ignoreConnectionErrors();
});

test('an installed page has its name and its shortcuts in the reader’s language', async () => {
  for (const [language, name] of [['ko', '마당'], ['en', 'Madang']]) {
    const reader = await fixture.newPerson('지은', { language });
    await reader.page.goto('/?new');
    await reader.page.locator('input[name=room]:focus').waitFor();
    const browser = await reader.context.newCDPSession(reader.page);
    const { data, errors } = await browser.send('Page.getAppManifest');
    assert.deepEqual(errors, []);
    const manifest = JSON.parse(data);
    assert.deepEqual([manifest.name, manifest.lang, manifest.id], [name, language, '/']);
    assert.deepEqual(manifest.shortcuts.map(({ url }) => url), ['/', '/?new']);
    assert.ok(manifest.icons.some(({ purpose }) => purpose === 'maskable'));
    for (const { src } of manifest.icons) assert.equal(await status(new URL(src, fixture.server.url)), 200, src);
  }
});

test('a click on a notification of the worker opens its room in the existing tab', { skip }, async () => {
  const room = newRoomName();
  const jieun = await newCachedPerson('지은');
  await jieun.joinRoom(room);
  await jieun.page.goto('/');
  await jieun.page.evaluate(() => (window.isTheSame = true));
  const [worker] = jieun.context.serviceWorkers();
  const closed = await worker.evaluate(async (path) => {
    const click = new Event('notificationclick');
    let closed = false;
    click.notification = { data: path, close: () => (closed = true) };
    // Without a click of the user a tab may not be brought to the front.
    const led = new Promise((done) => (click.waitUntil = (work) => done(work.catch(() => {}))));
    dispatchEvent(click);
    await led;
    return closed;
  }, Person.linkTo(room));
  assert.ok(closed);
  await jieun.composer.waitFor();
  assert.equal(new URL(jieun.page.url()).pathname, Person.linkTo(room));
  assert.equal(await jieun.page.evaluate(() => window.isTheSame), true, 'the page was loaded again');
});

test('a newer page is offered once, and is used after a reload', { skip }, async () => {
  const visitor = await fixture.newPerson('민수');
  await visitor.page.goto('/');
  const bar = visitor.page.locator('.page-alert[data-kind=update]');
  const look = () => visitor.page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await look();
  let hash = '0123456789abcdef';
  const newer = async (route) => {
    const answer = await route.fetch();
    const html = (await answer.text()).replace(/app\.\w+\.wasm/, `app.${hash}.wasm`);
    await route.fulfill({ response: answer, body: html });
  };
  await visitor.page.route('**/', newer);
  assert.equal(await bar.count(), 0, 'nothing is newer yet');
  await look();
  await bar.getByRole('button', { name: '나중에' }).click();
  await look();
  // Files requested later are also answered later.
  await visitor.page.evaluate(() => fetch('/', { cache: 'no-cache' }).then((answer) => answer.text()));
  assert.equal(await bar.count(), 0, 'it was put off');
  hash = 'fedcba9876543210';
  await look();
  await bar.getByRole('button', { name: '새로고침' }).waitFor();
  await visitor.page.unroute('**/', newer);
  await bar.getByRole('button', { name: '새로고침' }).click();
  await bar.waitFor({ state: 'detached' });
});

test('a tab with an old page keeps its files while the new page is installed', { skip }, async () => {
  const front = await ReplacedPageServer.inFrontOf(fixture.server.url);
  try {
    const context = await fixture.browser.newContext({ baseURL: front.url });
    const [old, fresh] = [await context.newPage(), await context.newPage()];
    await old.goto('/');
    await controlled(old);
    const files = await filesOf(old);
    assert.ok(files.length >= 3, `${files}`);
    front.renew();
    await fresh.goto('/');
    const newFiles = await filesOf(fresh);
    assert.deepEqual(newFiles.filter((file) => files.includes(file)), [], 'the new page has old files');
    await eventually('the new page is kept', async () => (await cacheNames(fresh)).length === 2);

    assert.deepEqual(await Promise.all(files.map((file) => status(front.url + file))), files.map(() => 404));
    for (const file of files) assert.equal(await old.evaluate(async (path) => (await fetch(path)).status, file), 200);
    await front.close();
    await old.reload();
    assert.deepEqual(await filesOf(old), newFiles, 'without a server the latest page starts');
    await context.close();
  } finally {
    await front.close();
  }
});

test('the page starts behind a proxy that answers for a dead server', { skip }, async () => {
  const front = await ReplacedPageServer.inFrontOf(fixture.server.url);
  try {
    const context = await fixture.browser.newContext({ baseURL: front.url });
    const page = await context.newPage();
    await page.goto('/');
    await controlled(page);
    const files = await filesOf(page);
    const before = await cacheNames(page);
    for (const code of [500, 502, 503, 504]) {
      front.says = [code, '<title>Bad Gateway</title>'];
      await page.goto('/');
      assert.deepEqual(await filesOf(page), files, `${code}`);
    }
    // A page that is not ours is shown, and does not replace the cached one.
    for (const code of [200, 404]) {
      front.says = [code, '<title>Who are you?</title><script src="/proxy.js"></script>'];
      await page.goto('/');
      assert.equal(await page.title(), 'Who are you?');
    }
    front.says = undefined;
    await page.goto('/');
    assert.deepEqual(await cacheNames(page), before);
    await context.close();
  } finally {
    await front.close();
  }
});

/** Returns this page's files that are named by their content. */
async function filesOf(page) {
  await page.locator('main').first().waitFor();
  const html = await page.content();
  return [...new Set([...html.matchAll(/\/pkg\/[\w.-]+/g)].map(([path]) => path))].sort();
}

const cacheNames = (page) => page.evaluate(() => caches.keys());

const status = async (url) => (await fetch(url)).status;

/** A server whose page can be replaced by one with other file names, or by the response of a proxy. */
class ReplacedPageServer {
  static async inFrontOf(url) {
    const front = new ReplacedPageServer();
    front.server = createServer((asked, answer) => front.answer(url, asked, answer));
    await new Promise((listening) => front.server.listen(0, '127.0.0.1', listening));
    front.url = `http://127.0.0.1:${front.server.address().port}`;
    return front;
  }

  renew() {
    this.isNew = true;
  }

  answer(url, asked, answer) {
    if (this.says) return answer.writeHead(this.says[0], { 'content-type': 'text/html' }).end(this.says[1]);
    const renamed = asked.url.startsWith('/pkg/new-');
    if (asked.url.startsWith('/pkg/') && renamed !== Boolean(this.isNew)) return answer.writeHead(404).end();
    const path = renamed ? asked.url.replace('/pkg/new-', '/pkg/') : asked.url;
    const onward = request(new URL(path, url), { method: asked.method, headers: { ...asked.headers, 'accept-encoding': 'identity' } });
    onward.on('response', async (found) => {
      const body = Buffer.concat(await found.toArray());
      const isText = /html|javascript/.test(found.headers['content-type']);
      const text = isText && this.isNew ? body.toString().replaceAll('/pkg/', '/pkg/new-') : body;
      const { 'content-length': _, etag: __, ...headers } = found.headers;
      answer.writeHead(found.statusCode, headers).end(text);
    });
    onward.on('error', () => answer.writeHead(502).end());
    asked.pipe(onward);
  }

  async close() {
    this.server.closeAllConnections();
    if (this.server.listening) await new Promise((closed) => this.server.close(closed));
  }
}
