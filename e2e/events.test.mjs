// A browser's own EventSource on the stream of a room: it reconnects by itself with Last-Event-ID and
// receives every event once and in order, whatever happens to the server.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { chromium } from 'playwright-core';

import { newRoomName } from './clients.mjs';
import { CHROMIUM, FLAGS } from './page.mjs';
import { Server } from './server.mjs';

/** EventSource waits three seconds before it reconnects, unless the server sent another time. */
const WAIT = 20_000;

let server;
let browser;
before(async () => {
  server = await Server.start();
  browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
});
after(async () => {
  await browser.close();
  await server.stop();
});

/** Opens a page that only listens. */
async function listener(room) {
  const page = await browser.newPage();
  await page.goto(`${server.url}/up`);
  await page.evaluate((path) => {
    window.heard = [];
    window.openings = 0;
    window.stream = new EventSource(path);
    window.stream.onopen = () => (window.openings += 1);
    window.stream.addEventListener('event', ({ lastEventId, data }) => {
      window.heard.push([Number(lastEventId), JSON.parse(data).what.posted.body]);
    });
  }, `/api/rooms/${room}/events?since=0`);
  return {
    /** Returns all received events, once there are this many. */
    async waitForEvents(count) {
      await page.waitForFunction((count) => window.heard.length >= count, count, { timeout: WAIT });
      return page.evaluate(() => window.heard);
    },
    openings: () => page.evaluate(() => window.openings),
  };
}

async function sendMessage(room, text) {
  const response = await fetch(`${server.url}/api/rooms/${room}/messages`, { method: 'POST', body: text });
  assert.equal(response.status, 201);
}

for (const [how, end] of [
  ['stopped', () => server.end('SIGTERM')],
  ['killed', () => server.kill()],
]) {
  test(`a stream continues where it was when the server was ${how}`, async () => {
    const room = newRoomName();
    await sendMessage(room, '하나');
    const page = await listener(room);
    await sendMessage(room, '둘');
    assert.deepEqual(await page.waitForEvents(2), [[1, '하나'], [2, '둘']]);
    await end();
    await server.restart();
    await sendMessage(room, '셋');
    await sendMessage(room, '넷');
    assert.deepEqual(await page.waitForEvents(4), [[1, '하나'], [2, '둘'], [3, '셋'], [4, '넷']]);
    assert.ok((await page.openings()) >= 2, 'it came back by itself');
  });
}
