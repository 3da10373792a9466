// A server that takes one message a second, and a wire that breaks while they wait for their turn:
// a new connection has joined nothing, and what is sent into it too early must not count as failed.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually, newRoom } from './clients.mjs';
import { Person } from './page.mjs';
import { Stage } from './stage.mjs';
import { Wire } from './wire.mjs';

/** Messages that can not be sent at once are tried again within so many milliseconds, three by three. */
const DELIVERY_LIMIT = 40_000;

const TEXTS = Array.from({ length: 10 }, (_, index) => `천천히 ${index + 1}`);

const stage = new Stage({ '--message-rate': '1', '--message-burst': '3' });

test('a wire that breaks while messages wait in their room fails none of them', async () => {
  const { jieun, wire, room } = await written();
  let held = 0;
  wire.mend();
  await wire.refused('too_fast');
  await wire.cut();
  // The messages are tried again before the room has let the new connection in.
  wire.refuse('unavailable', (name) => name === 'join' && (held += 1) === 1);
  await comeBack(jieun, wire);
  await said(room);
  assert.ok(held > 1, 'held up once, and let in');
  await jieun.hasSaidAll();
  jieun.forgiveLostConnections();
});

test('a wire that breaks while messages are sent in passing fails none of them', async () => {
  const { jieun, wire, room } = await written();
  await jieun.page.goto(Person.linkTo(newRoom()));
  await jieun.composer.waitFor();
  wire.mend();
  await wire.refused('too_fast');
  await wire.cut();
  await comeBack(jieun, wire);
  await said(room);
  await jieun.page.goto(Person.linkTo(room));
  await jieun.sees(TEXTS.at(-1));
  await jieun.hasSaidAll();
  jieun.forgiveLostConnections();
});

/** Ten messages on the disk, and no wire. */
async function written() {
  const jieun = await stage.arrive('지은');
  const wire = await Wire.of(jieun);
  const room = newRoom();
  await jieun.enter(room);
  await wire.cut();
  for (const text of TEXTS) await jieun.writes(text);
  return { jieun, wire, room };
}

/** Mends the wire, and lets the page know: the new connection is there before anything is tried again. */
async function comeBack(person, wire) {
  wire.mend();
  await person.page.evaluate(() => window.dispatchEvent(new Event('online')));
}

async function said(room) {
  await eventually('all messages', async () => (await stage.log(room)).length >= TEXTS.length, DELIVERY_LIMIT);
  assert.deepEqual(await stage.log(room), TEXTS);
}
