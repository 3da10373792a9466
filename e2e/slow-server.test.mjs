// A server with a rate limit of one message a second, and a connection that is cut while messages wait:
// a new connection has joined nothing, and what is sent on it too early must not count as failed.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually, newRoomName } from './clients.mjs';
import { Person } from './page.mjs';
import { PageFixture } from './page-fixture.mjs';
import { WebSocketProxy } from './websocket-proxy.mjs';

/** Messages refused for the rate limit are retried within this time, three at a time. */
const DELIVERY_LIMIT = 40_000;

const TEXTS = Array.from({ length: 10 }, (_, index) => `천천히 ${index + 1}`);

const fixture = new PageFixture({ '--message-rate': '1', '--message-burst': '3' });

test('a connection cut while messages wait in their room fails none of them', async () => {
  const { jieun, proxy, room } = await personWithPendingMessages();
  let held = 0;
  proxy.restore();
  await proxy.nextRefusal('too_fast');
  await proxy.cut();
  // The messages are retried before the room is joined again.
  proxy.refuse('unavailable', (name) => name === 'join' && (held += 1) === 1);
  await reconnect(jieun, proxy);
  await waitUntilStored(room);
  assert.ok(held > 1, 'held up once, and let in');
  await jieun.waitUntilDelivered();
  jieun.ignoreConnectionErrors();
});

test('a connection cut while messages are sent in the background fails none of them', async () => {
  const { jieun, proxy, room } = await personWithPendingMessages();
  await jieun.page.goto(Person.linkTo(newRoomName()));
  await jieun.composer.waitFor();
  proxy.restore();
  await proxy.nextRefusal('too_fast');
  await proxy.cut();
  await reconnect(jieun, proxy);
  await waitUntilStored(room);
  await jieun.page.goto(Person.linkTo(room));
  await jieun.waitForMessage(TEXTS.at(-1));
  await jieun.waitUntilDelivered();
  jieun.ignoreConnectionErrors();
});

/** Returns a person with ten persisted messages and no connection. */
async function personWithPendingMessages() {
  const jieun = await fixture.newPerson('지은');
  const proxy = await WebSocketProxy.intercept(jieun);
  const room = newRoomName();
  await jieun.joinRoom(room);
  await proxy.cut();
  for (const text of TEXTS) await jieun.sendAndPersist(text);
  return { jieun, proxy, room };
}

/** Restores the connection and notifies the page: it reconnects before any retry is due. */
async function reconnect(person, proxy) {
  proxy.restore();
  await person.page.evaluate(() => window.dispatchEvent(new Event('online')));
}

async function waitUntilStored(room) {
  await eventually('all messages', async () => (await fixture.readLog(room)).length >= TEXTS.length, DELIVERY_LIMIT);
  assert.deepEqual(await fixture.readLog(room), TEXTS);
}
