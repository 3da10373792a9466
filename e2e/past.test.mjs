// Opens the browser profile and the database that an earlier version wrote (fixtures/past): the page
// shows what it stored without a connection, and sends the outbox once and in order with one.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { io } from 'sio4';

import { Profile } from './browser.mjs';
import { eventually } from './clients.mjs';
import { Person, LABELS } from './page.mjs';
import * as past from './past.mjs';
import { Server } from './server.mjs';
import { WebSocketProxy } from './websocket-proxy.mjs';

const { DRAFTS, EDITED, KEPT, OPENED, ORIGIN, PAST, REFUSED, ROOMS, UNSENT } = past;
const skip = process.env.MADANG_PAGE && 'the profile belongs to an origin without a port';
const DELIVERY_LIMIT = 60_000;

let folder, server, profile, people;

before(async () => {
  if (skip) return;
  folder = await mkdtemp(join(tmpdir(), 'madang-past-'));
  await promisify(execFile)('tar', ['-xzf', join(PAST, past.PROFILE), '-C', folder]);
  await copyFile(join(PAST, past.DATABASE), join(folder, past.DATABASE));
  people = JSON.parse(await readFile(join(PAST, 'people.json'), 'utf8'));
  profile = new Profile(folder);
  server = await Server.start({ '--database': `sqlite:${join(folder, past.DATABASE)}`, '--public-url': ORIGIN });
});

after(async () => {
  if (skip) return;
  await server?.stop();
  await profile?.remove();
});

test('an earlier profile is shown before the server answers, and its outbox is sent once and in order', { skip }, async () => {
  const before = await logs();
  const browser = await profile.open(ORIGIN, people.jieun.name, 'ko', past.resolveTo(server.port));
  const { person } = browser;
  const { page } = person;
  // The browser asks for Korean; the stored setting is English.
  person.labels = LABELS.en;
  const proxy = await WebSocketProxy.intercept(person);
  await page.setViewportSize(past.SCREEN);
  await person.context.addCookies([past.cookieOf(people.jieun)]);

  await proxy.cut();
  let refused = 0;
  await page.route('**/api/**', (request) => {
    refused += 1;
    return request.abort('connectionrefused');
  });
  const visit = async (room) => {
    await page.goto(ORIGIN + Person.linkTo(room));
    await person.composer.waitFor();
  };
  await visit(ROOMS.topic);
  const module = await moduleOf(text(server.url));
  assert.equal(await moduleOf(page.content()), module, 'the page is the present one');
  assert.ok(await page.evaluate(() => Boolean(navigator.serviceWorker.controller)), 'the earlier service worker is in charge');
  await showsWhatWasStored(person, visit);
  assert.ok(refused > 0, 'the list of rooms did not come from the server');
  // Nothing was sent yet.
  assert.equal(await person.outboxSize(), KEPT);
  assert.deepEqual(await logs(), before);

  await page.unroute('**/api/**');
  proxy.restore();
  await visit(ROOMS.topic);
  await person.messageRow(REFUSED).getByRole('button', { name: 'Send again' }).click();
  await eventually('an empty outbox', async () => (await person.outboxSize()) === 0, DELIVERY_LIMIT);
  await person.waitUntilDelivered();
  await person.log.locator('.message').filter({ hasText: EDITED }).getByText('edited').waitFor();

  // A reload sends nothing twice.
  await page.reload();
  await person.waitForMessage(REFUSED);
  await person.waitUntilDelivered();
  const news = await logs();
  for (const room of Object.keys(ROOMS)) news[room].splice(0, before[room].length);
  const posted = (room) => news[room].flatMap(({ what }) => what.posted?.body ?? []);
  const answered = before.topic.find(({ what }) => what.posted?.body === '이름을 바꿨어요');
  // The refused message is sent after the click, possibly between the others.
  assert.deepEqual(posted('topic').filter((body) => body !== REFUSED), UNSENT.topic);
  assert.equal(posted('topic').filter((body) => body === REFUSED).length, 1);
  assert.equal(news.topic.find(({ what }) => what.posted?.body === UNSENT.topic[2]).what.posted.reply_to, answered.seq);
  assert.deepEqual(news.topic.flatMap(({ what }) => what.edited?.body ?? []), [EDITED]);
  assert.deepEqual(posted('lobby'), UNSENT.lobby);
  assert.deepEqual([news.seats, news.long], [[], []]);
  const { rooms } = JSON.parse(await text(`${server.url}/api/rooms`));
  const opened = rooms.find(({ room }) => room === OPENED.room);
  assert.equal(opened?.seats, 2);
  const { opened: first } = await logs({ opened: OPENED.room });
  assert.deepEqual(first.map(({ what }) => what.posted.body), [OPENED.text]);

  const kept = () => page.evaluate(() => caches.keys());
  await eventually('the present page is kept too', async () => (await kept()).includes(`madang ${module}`));
  person.ignoreConnectionErrors();
  assert.deepEqual(person.errors, []);
  await browser.close();
});

/** Checks the page without a connection, room by room. */
async function showsWhatWasStored(person, visit) {
  const { page } = person;
  const { lang, theme, text } = await page.evaluate(() => {
    const { lang, dataset } = document.documentElement;
    return { lang, ...dataset };
  });
  assert.deepEqual({ lang, theme, text }, { lang: 'en', theme: 'dark', text: 'large' });
  await page.locator('.profile').getByText(people.jieun.name, { exact: true }).waitFor();
  for (const room of Object.values(ROOMS)) {
    await page.getByRole('navigation').getByRole('link', { name: room }).waitFor();
  }
  await person.waitForMessage(UNSENT.topic.at(-1));
  assert.deepEqual((await person.messageTexts()).slice(-6), ['이름을 바꿨어요', EDITED, REFUSED, ...UNSENT.topic]);
  await person.messageRow(REFUSED).getByRole('button', { name: 'Send again' }).waitFor();

  await visit(ROOMS.lobby);
  for (const shown of ['로비에서 인사드려요', 'build 1742 green', '문이 열렸어요', ...UNSENT.lobby]) await person.waitForMessage(shown);
  await page.getByRole('button', { name: 'Notifications in this room' }).click();
  assert.ok(await page.getByRole('radio').nth(1).isChecked(), 'only mentions are notified of');
  await page.keyboard.press('Escape');

  await visit(ROOMS.seats);
  await person.waitForMessage('연결되어 있을 때 한 말');
  assert.equal(await person.composer.inputValue(), DRAFTS.seats);
  await page.getByText(`Reply to ${people.minho.name}`).waitFor();

  await visit(OPENED.room);
  await person.waitForMessage(OPENED.text);

  await visit(ROOMS.long);
  assert.equal(await person.composer.inputValue(), DRAFTS.long);
  // The profile says that this was the first message in sight.
  await eventually('the scroll position is restored', async () => {
    const [log, message] = await Promise.all([person.log, person.messageRow('이야기 56')].map((shown) => shown.boundingBox()));
    return Math.abs(message.y + message.height - log.y) < 100;
  });
}

/** Reads every event of these rooms as a person who may join all of them. */
async function logs(rooms = ROOMS) {
  const socket = io(server.url, { auth: { token: people.minho.token }, transports: ['websocket'], forceNew: true });
  const logs = {};
  for (const [key, room] of Object.entries(rooms)) {
    await socket.emitWithAck('join', { room });
    logs[key] = (await socket.emitWithAck('history', { room, after: 0, limit: 200 })).events;
    await socket.emitWithAck('leave', { room });
  }
  socket.close();
  return logs;
}

const text = async (url) => (await fetch(url)).text();

const moduleOf = async (html) => (await html).match(/\/pkg\/app\.\w+\.wasm/)?.[0];
