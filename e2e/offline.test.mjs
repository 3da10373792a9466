// A page that was open once starts without the server and shows what it had; back on the network it
// catches up. It tells when the server has a newer page, and never mixes the files of two.

import assert from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';

import { eventually, newCid, newRoom } from './clients.mjs';
import { Person } from './page.mjs';
import { Stage } from './stage.mjs';

// What trunk makes is no release: there is no worker, and whoever serves the files stays.
const released = !process.env.MADANG_PAGE;
const skip = !released && 'needs the page inside the server';

/** `KEPT` in app/src/state/room.rs. */
const KEPT = 100;

const stage = new Stage();

/** Somebody whose page is kept, as soon as the worker has everything and hands it out. */
async function arrive(name) {
  const person = await stage.arrive(name, { serviceWorkers: 'allow' });
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

/** Makes the page be gone, as if the window had been closed, and opens the room again. */
async function comeBack(person, room) {
  await person.page.goto('about:blank');
  await person.page.goto(Person.linkTo(room));
}

/** Waits until the browser keeps this text of a room, or none of it any more. */
function shelfHolds(person, text, holds = true) {
  const looked = async () => (await person.shelf()).some((room) => JSON.stringify(room).includes(text)) === holds;
  return eventually(`"${text}" ${holds ? 'is' : 'is no longer'} kept`, looked);
}

async function say(room, ...texts) {
  const speaker = await stage.visitor('민수');
  const joined = await speaker.ask('join', { room });
  const sent = [];
  for (const body of texts) sent.push(await speaker.ask('send', { room, cid: newCid(), body }));
  return { speaker, joined, sent };
}

test('without the server the rooms are there with what was said in them, and go on when it is back', async () => {
  const [garden, yard] = [newRoom(), newRoom()];
  const jieun = await arrive('지은');
  await jieun.enter(yard);
  await jieun.writes('마당에서 한 말');
  await jieun.page.goto(Person.linkTo(garden));
  await jieun.say('뜰에서 한 말');
  await shelfHolds(jieun, '마당에서 한 말');
  await shelfHolds(jieun, '뜰에서 한 말');

  await stage.server.kill();
  await comeBack(jieun, garden);
  await jieun.sees('뜰에서 한 말');
  await jieun.page.getByText('연결이 끊겼어요').waitFor();
  await jieun.page.locator('.you').getByText('지은', { exact: true }).waitFor();
  await jieun.page.getByRole('navigation').getByRole('link', { name: yard }).click();
  await jieun.sees('마당에서 한 말');
  await jieun.writes('전파가 없어요');
  await jieun.page.goto('/');
  await jieun.page.getByRole('link', { name: garden }).waitFor();
  await jieun.page.getByRole('link', { name: yard }).click();
  await jieun.sees('전파가 없어요');

  await stage.server.reopen();
  await jieun.hasSaidAll();
  for (const text of ['마당에서 한 말', '전파가 없어요']) await jieun.sees(text);
  assert.deepEqual(await stage.log(yard), ['마당에서 한 말', '전파가 없어요']);
  jieun.forgiveLostConnections();
});

test('what was said, edited and taken back meanwhile is caught up with, on the disk too', async () => {
  const room = newRoom();
  const jieun = await arrive('지은');
  await jieun.enter(room);
  const { speaker, sent } = await say(room, '그대로', '고칠 말', '거둘 말');
  await shelfHolds(jieun, '거둘 말');
  await jieun.page.goto('about:blank');

  await speaker.ask('edit', { room, cid: newCid(), seq: sent[1].seq, body: '고친 말' });
  await speaker.ask('delete', { room, cid: newCid(), seq: sent[2].seq });
  await speaker.ask('send', { room, cid: newCid(), body: '그사이 한 말' });
  await jieun.page.goto(Person.linkTo(room));
  await jieun.sees('그사이 한 말');
  await jieun.log.getByText('고친 말').waitFor();
  for (const old of ['고칠 말', '거둘 말']) assert.equal(await jieun.log.getByText(old).count(), 0, old);
  assert.equal((await jieun.reads()).length, 3);
  await shelfHolds(jieun, '거둘 말', false);
  await shelfHolds(jieun, '고칠 말', false);
  await shelfHolds(jieun, '그사이 한 말');
});

test('of a long room the last hundred events are kept, and what came meanwhile is unread', async () => {
  const room = newRoom();
  await stage.fill(room, 150);
  const jieun = await arrive('지은');
  await jieun.enter(room);
  await jieun.sees('이야기 150');
  await jieun.scrollUpUntil(jieun.log.getByText('이야기 1', { exact: true }));
  await say(room, '하나 더');
  await shelfHolds(jieun, '하나 더');
  const [kept] = (await jieun.shelf()).filter((kept) => kept.room === room);
  assert.equal(kept.events.length, KEPT);
  assert.equal(kept.more, true);

  await jieun.page.goto('/');
  await jieun.page.goto('about:blank');
  await say(room, ...Array.from({ length: 120 }, (_, index) => `소식 ${index + 1}`));
  await jieun.page.goto('/');
  await jieun.page.getByRole('link', { name: room }).getByText('121', { exact: true }).waitFor();
});

test('a room that was left is not kept, whichever window left it', async () => {
  const [left, stays] = [newRoom(), newRoom()];
  const jieun = await arrive('지은');
  await jieun.enter(left);
  await jieun.say('떠날 방에서');
  const other = await stage.anotherWindow(jieun);
  await other.page.goto(Person.linkTo(left));
  await other.sees('떠날 방에서');
  await shelfHolds(jieun, '떠날 방에서');
  await other.page.getByRole('button', { name: other.words.about, exact: true }).click();
  await other.page.getByRole('button', { name: '방에서 나가기' }).click();
  await shelfHolds(jieun, '떠날 방에서', false);

  // The other window is still in it, and hears more.
  await say(left, '남은 사람의 말');
  await jieun.sees('남은 사람의 말');
  await jieun.page.goto(Person.linkTo(stays));
  await jieun.say('남을 방에서');
  await shelfHolds(jieun, '남을 방에서');
  await shelfHolds(jieun, '남은 사람의 말', false);
});

test('what two windows keep is shown once by the third', async () => {
  const room = newRoom();
  const jieun = await arrive('지은');
  await jieun.enter(room);
  const other = await stage.anotherWindow(jieun);
  await other.page.goto(Person.linkTo(room));
  await other.composer.waitFor();
  await jieun.say('첫째 창에서');
  await other.sees('첫째 창에서');
  await other.say('둘째 창에서');
  await jieun.sees('둘째 창에서');
  await shelfHolds(jieun, '둘째 창에서');
  await stage.server.kill();
  const third = await stage.anotherWindow(jieun);
  await third.page.goto(Person.linkTo(room));
  for (const text of ['첫째 창에서', '둘째 창에서']) await third.sees(text);
  await stage.server.reopen();
  await third.say('셋째 창에서');
  for (const window of [jieun, other, third]) {
    await window.sees('셋째 창에서');
    assert.deepEqual(await window.reads(), ['첫째 창에서', '둘째 창에서', '셋째 창에서']);
    window.forgiveLostConnections();
  }
});

test('who turns out to be somebody else finds nothing of what was kept', async () => {
  const room = newRoom();
  const jieun = await arrive('지은');
  await jieun.enter(room);
  await jieun.say('우리끼리 한 말');
  await shelfHolds(jieun, '우리끼리 한 말');
  await jieun.context.clearCookies();
  await comeBack(jieun, room);
  await jieun.nameField.waitFor();
  await eventually('nothing is kept', async () => (await jieun.shelf()).length === 0);
});

test('a server that was restored from a backup is believed, however much was said since', async () => {
  const room = newRoom();
  const jieun = await arrive('지은');
  await jieun.enter(room);
  await jieun.say('복원될 말');
  await jieun.hasSaidAll();
  await stage.server.kill();
  const [data, backup] = ['data', 'backup'].map((folder) => join(stage.server.data, folder));
  await cp(data, backup, { recursive: true });
  await stage.server.reopen();
  await jieun.say('사라질 말');
  await shelfHolds(jieun, '사라질 말');
  await jieun.page.goto('about:blank');
  await stage.server.kill();
  await rm(data, { recursive: true });
  await cp(backup, data, { recursive: true });
  await stage.server.reopen();
  await say(room, '새로 한 말', '또 새로 한 말');
  await jieun.page.goto(Person.linkTo(room));
  await jieun.sees('또 새로 한 말');
  assert.deepEqual(await jieun.reads(), ['복원될 말', '새로 한 말', '또 새로 한 말']);
  await shelfHolds(jieun, '사라질 말', false);
  jieun.forgiveLostConnections();
});

test('an installed page has its name and its shortcuts in the reader’s language', async () => {
  for (const [language, name] of [['ko', '마당'], ['en', 'Madang']]) {
    const reader = await stage.arrive('지은', { language });
    await reader.page.goto('/?new');
    await reader.page.locator('input[name=room]:focus').waitFor();
    const browser = await reader.context.newCDPSession(reader.page);
    const { data, errors } = await browser.send('Page.getAppManifest');
    assert.deepEqual(errors, []);
    const manifest = JSON.parse(data);
    assert.deepEqual([manifest.name, manifest.lang, manifest.id], [name, language, '/']);
    assert.deepEqual(manifest.shortcuts.map(({ url }) => url), ['/', '/?new']);
    assert.ok(manifest.icons.some(({ purpose }) => purpose === 'maskable'));
    for (const { src } of manifest.icons) assert.equal(await status(new URL(src, stage.server.url)), 200, src);
  }
});

test('a click on a notice of the worker leads to its room, in the window that is open', { skip }, async () => {
  const room = newRoom();
  const jieun = await arrive('지은');
  await jieun.enter(room);
  await jieun.page.goto('/');
  await jieun.page.evaluate(() => (window.isTheSame = true));
  const [worker] = jieun.context.serviceWorkers();
  const closed = await worker.evaluate(async (path) => {
    const click = new Event('notificationclick');
    let closed = false;
    click.notification = { data: path, close: () => (closed = true) };
    // A click that nobody made may not bring a window to the front.
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

test('a newer page of the server offers itself once, and is the one after a reload', { skip }, async () => {
  const visitor = await stage.arrive('민수');
  await visitor.page.goto('/');
  const bar = visitor.page.locator('.crash[data-says=newer]');
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
  // What is asked for later is answered later.
  await visitor.page.evaluate(() => fetch('/', { cache: 'no-cache' }).then((answer) => answer.text()));
  assert.equal(await bar.count(), 0, 'it was put off');
  hash = 'fedcba9876543210';
  await look();
  await bar.getByRole('button', { name: '새로고침' }).waitFor();
  await visitor.page.unroute('**/', newer);
  await bar.getByRole('button', { name: '새로고침' }).click();
  await bar.waitFor({ state: 'detached' });
});

test('a window with an old page keeps its files while the new one is put in its place', { skip }, async () => {
  const front = await Renewed.inFrontOf(stage.server.url);
  try {
    const context = await stage.browser.newContext({ baseURL: front.url });
    const [old, fresh] = [await context.newPage(), await context.newPage()];
    await old.goto('/');
    await controlled(old);
    const files = await filesOf(old);
    assert.ok(files.length >= 3, `${files}`);
    front.renew();
    await fresh.goto('/');
    const newFiles = await filesOf(fresh);
    assert.deepEqual(newFiles.filter((file) => files.includes(file)), [], 'the new page has old files');
    await eventually('the new page is kept', async () => (await kept(fresh)).length === 2);

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

test('behind a proxy that speaks for a server that is gone, the page is there all the same', { skip }, async () => {
  const front = await Renewed.inFrontOf(stage.server.url);
  try {
    const context = await stage.browser.newContext({ baseURL: front.url });
    const page = await context.newPage();
    await page.goto('/');
    await controlled(page);
    const files = await filesOf(page);
    const before = await kept(page);
    for (const code of [500, 502, 503, 504]) {
      front.says = [code, '<title>Bad Gateway</title>'];
      await page.goto('/');
      assert.deepEqual(await filesOf(page), files, `${code}`);
    }
    // What is no page of ours is shown, and takes no page's place.
    for (const code of [200, 404]) {
      front.says = [code, '<title>Who are you?</title><script src="/proxy.js"></script>'];
      await page.goto('/');
      assert.equal(await page.title(), 'Who are you?');
    }
    front.says = undefined;
    await page.goto('/');
    assert.deepEqual(await kept(page), before);
    await context.close();
  } finally {
    await front.close();
  }
});

/** The files of this page that are named by their content. */
async function filesOf(page) {
  await page.locator('main').first().waitFor();
  const html = await page.content();
  return [...new Set([...html.matchAll(/\/pkg\/[\w.-]+/g)].map(([path]) => path))].sort();
}

const kept = (page) => page.evaluate(() => caches.keys());

const status = async (url) => (await fetch(url)).status;

/** A server whose page is replaced by one whose files have other names, or by what a proxy says. */
class Renewed {
  static async inFrontOf(url) {
    const front = new Renewed();
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
