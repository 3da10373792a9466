// What was written and is not yet said: kept on the disk before it leaves, shared by all windows of
// a browser, delivered once and in order whatever happens to the window it was written in.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually, newCid, newRoom } from './clients.mjs';
import { Person } from './page.mjs';
import { Stage } from './stage.mjs';
import { isAnswerToSend, Wire } from './wire.mjs';

/** `PATIENCE` in app/src/indexed_db.rs is ten seconds. */
const LONGER_THAN_THE_PAGE_WAITS = 12_000;

const stage = new Stage();

test('what was written while the server was away is said after a reload, in order', async () => {
  const jieun = await stage.arrive('지은');
  const room = newRoom();
  await jieun.enter(room);
  await stage.server.kill();
  const texts = ['하나', '둘', '셋'];
  for (const text of texts) await jieun.writes(text);
  await stage.server.reopen();
  await jieun.page.reload();
  for (const text of texts) await jieun.sees(text);
  await jieun.hasSaidAll();
  assert.deepEqual(await stage.log(room), texts);
  jieun.forgiveLostConnections();
});

test('a clock that goes back changes no order', async () => {
  const jieun = await stage.arrive('지은');
  const room = newRoom();
  await jieun.enter(room);
  await stage.server.kill();
  await jieun.writes('먼저');
  await jieun.page.evaluate(() => (Date.now = () => 0));
  await jieun.writes('나중');
  await jieun.page.evaluate(() => (Date.now = () => -86_400_000));
  await jieun.writes('맨 끝');
  await stage.server.reopen();
  await jieun.page.reload();
  await jieun.sees('맨 끝');
  await jieun.hasSaidAll();
  assert.deepEqual(await stage.log(room), ['먼저', '나중', '맨 끝']);
  jieun.forgiveLostConnections();
});

test('a window that is closed leaves what it wrote to the other, once and in order', async () => {
  const jieun = await stage.arrive('지은');
  const room = newRoom();
  await jieun.enter(room);
  const other = await stage.anotherWindow(jieun);
  await other.page.goto(Person.linkTo(room));
  await other.composer.waitFor();
  await stage.server.kill();
  await jieun.writes('첫째 창에서');
  await other.keeps('첫째 창에서');
  await other.writes('둘째 창에서');
  await jieun.keeps('둘째 창에서');
  await jieun.writes('다시 첫째 창에서');
  await jieun.page.close();
  await stage.server.reopen();
  await other.sees('다시 첫째 창에서');
  await other.hasSaidAll();
  assert.deepEqual(await stage.log(room), ['첫째 창에서', '둘째 창에서', '다시 첫째 창에서']);
  for (const window of [jieun, other]) window.forgiveLostConnections();
});

test('two windows that both have a connection say everything once', async () => {
  const jieun = await stage.arrive('지은');
  const room = newRoom();
  await jieun.enter(room);
  const other = await stage.anotherWindow(jieun);
  await other.page.goto(Person.linkTo(room));
  await other.composer.waitFor();
  const texts = Array.from({ length: 20 }, (_, index) => `번갈아 ${index + 1}`);
  for (const [index, text] of texts.entries()) await [jieun, other][index % 2].writes(text);
  for (const window of [jieun, other]) {
    for (const text of texts) await window.sees(text);
    await window.hasSaidAll();
  }
  assert.deepEqual(await stage.log(room), texts);
});

test('what one window writes is not lost with what another says', async () => {
  const jieun = await stage.arrive('지은');
  const room = newRoom();
  await jieun.enter(room);
  const other = await stage.anotherWindow(jieun);
  await other.page.goto(Person.linkTo(room));
  await other.composer.waitFor();
  await jieun.composer.pressSequentially('아직 쓰는 중');
  await other.composer.pressSequentially('다른 창의 말');
  await other.composer.press('Enter');
  await jieun.sees('다른 창의 말');
  await other.hasSaidAll();
  await jieun.page.reload();
  await jieun.composer.waitFor();
  assert.equal(await jieun.composer.inputValue(), '아직 쓰는 중');
});

test('a message that arrives without its answer is gone from a window without a connection too', async () => {
  const jieun = await stage.arrive('지은');
  const wire = await Wire.of(jieun);
  const room = newRoom();
  await jieun.enter(room);
  const offline = await stage.anotherWindow(jieun);
  await offline.page.routeWebSocket(/\/socket\.io\//, (page) => page.close());
  await offline.page.goto(Person.linkTo(room));
  await offline.composer.waitFor();
  await wire.cut();
  await jieun.writes('대답 없는 말');
  await offline.keeps('대답 없는 말');
  wire.loses = isAnswerToSend;
  wire.mend();
  await jieun.hasSaidAll();
  await offline.row('대답 없는 말').waitFor({ state: 'detached' });
  for (const window of [jieun, offline]) window.forgiveLostConnections();
});

test('a message another window has said stands where it stood while the connection is away', async () => {
  const jieun = await stage.arrive('지은');
  const wire = await Wire.of(jieun);
  const room = newRoom();
  await jieun.enter(room);
  await jieun.writes('먼저');
  await jieun.hasSaidAll();
  const offline = await stage.anotherWindow(jieun);
  const itsWire = new Wire();
  await offline.page.routeWebSocket(/\/socket\.io\//, (page) => itsWire.open(page));
  await offline.page.goto(Person.linkTo(room));
  await offline.sees('먼저');
  for (const lost of [wire, itsWire]) await lost.cut();
  await jieun.writes('나중');
  await offline.sees('나중');
  // Told as an event before it is answered, or instead.
  wire.loses = isAnswerToSend;
  wire.mend();
  await jieun.hasSaidAll();
  await offline.hasSaidAll();
  assert.deepEqual(await offline.reads(), ['먼저', '나중']);
  itsWire.mend();
  await jieun.say('끝으로');
  await offline.sees('끝으로');
  assert.deepEqual(await offline.reads(), ['먼저', '나중', '끝으로']);
  for (const window of [jieun, offline]) window.forgiveLostConnections();
});

test('a message that failed is thrown away in every window, or sent again from any', async () => {
  const jieun = await stage.arrive('지은');
  const wire = await Wire.of(jieun);
  const room = newRoom();
  await jieun.enter(room);
  const other = await stage.anotherWindow(jieun);
  await other.page.goto(Person.linkTo(room));
  await other.composer.waitFor();
  wire.refuse('message_unreadable', (name) => name === 'send');
  for (const text of ['버릴 말', '다시 보낼 말']) {
    await jieun.say(text);
    for (const window of [jieun, other]) await failed(window, text).waitFor();
  }
  await failed(other, '버릴 말').getByRole('button', { name: '지우기' }).click();
  for (const window of [jieun, other]) await window.row('버릴 말').waitFor({ state: 'detached' });
  wire.answers = () => undefined;
  await failed(other, '다시 보낼 말').getByRole('button', { name: '다시 보내기' }).click();
  for (const window of [jieun, other]) {
    await failed(window, '다시 보낼 말').waitFor({ state: 'detached' });
    await window.hasSaidAll();
  }
  assert.deepEqual(await stage.log(room), ['다시 보낼 말']);
});

test('a server that wants time gets it, and the message', async () => {
  const jieun = await stage.arrive('지은');
  const wire = await Wire.of(jieun);
  const room = newRoom();
  await jieun.enter(room);
  for (const code of ['too_fast', 'unavailable', 'not_stored']) {
    let refused = 0;
    wire.refuse(code, (name) => name === 'send' && (refused += 1) <= 2);
    await jieun.say(code);
    await jieun.sees(code);
    await jieun.hasSaidAll();
    assert.equal(refused, 3, 'refused twice, accepted once');
  }
  assert.deepEqual(await stage.log(room), ['too_fast', 'unavailable', 'not_stored']);
});

test('what was said without an answer long before the page is opened again is not sending for ever', async () => {
  const [jieun, minho] = [await stage.arrive('지은'), await stage.visitor('민호')];
  const wire = await Wire.of(jieun);
  const room = newRoom();
  await jieun.enter(room);
  await minho.ask('join', { room });
  await minho.ask('send', { room, cid: newCid(), body: '첫마디' });
  await jieun.sees('첫마디');
  wire.loses = (frame) => `${frame}`.startsWith('4');
  await jieun.writes('대답 없는 말');
  while ((await minho.told('event')).event.what.posted.body !== '대답 없는 말');
  await jieun.page.goto('about:blank');
  wire.loses = () => false;
  await stage.fill(room, 500);
  await jieun.page.goto(Person.linkTo(room));
  await eventually('an empty outbox', async () => (await jieun.kept()) === 0);
  // The page opens where what is new begins; right above it stands what was said.
  await jieun.sees('이야기 1');
  await jieun.hasSaidAll();
  assert.deepEqual((await jieun.reads()).slice(0, 3), ['첫마디', '대답 없는 말', '이야기 1']);
  minho.leave();
});

test('what was left behind in a room is said without going back there', async () => {
  const jieun = await stage.arrive('지은');
  const [room, elsewhere] = [newRoom(), newRoom()];
  await jieun.enter(room);
  await stage.server.kill();
  const texts = ['두고 온 말', '그다음 말'];
  for (const text of texts) await jieun.writes(text);
  await stage.server.reopen();
  await jieun.page.goto(Person.linkTo(elsewhere));
  await jieun.composer.waitFor();
  await eventually('the messages in the other room', async () => (await stage.log(room)).length === 2);
  assert.deepEqual(await stage.log(room), texts);
  jieun.forgiveLostConnections();
});

test('a room for two that was written in and never reached is there after a reload, and has two seats', async () => {
  const jieun = await stage.arrive('지은');
  const wire = await Wire.of(jieun);
  const room = newRoom();
  await jieun.enter(newRoom());
  await wire.cut();
  await jieun.askForRoomForTwo(room);
  await jieun.writes('둘이서만');
  await jieun.page.goto(Person.linkTo(newRoom()));
  await jieun.composer.waitFor();
  await jieun.page.getByRole('navigation').getByRole('link', { name: room }).waitFor();
  wire.mend();
  await eventually('an empty outbox', async () => (await jieun.kept()) === 0);
  const minho = await stage.visitor('민호');
  const { seats, events } = await minho.ask('join', { room });
  assert.deepEqual([seats, events.length], [2, 1]);
  minho.leave();
  jieun.forgiveLostConnections();
});

test('what waits in a room that one leaves is said in passing', async () => {
  const jieun = await stage.arrive('지은');
  const wire = await Wire.of(jieun);
  const [room, other] = [newRoom(), newRoom()];
  await jieun.enter(room);
  await wire.cut();
  await jieun.writes('나가기 전에');
  await jieun.page.getByRole('button', { name: jieun.words.about, exact: true }).click();
  await jieun.page.getByRole('button', { name: '방에서 나가기' }).click();
  await jieun.page.goto(Person.linkTo(other));
  wire.mend();
  await eventually('an empty outbox', async () => (await jieun.kept()) === 0);
  assert.deepEqual(await stage.log(room), ['나가기 전에']);
  assert.equal(await jieun.page.getByRole('navigation').getByRole('link', { name: room }).count(), 0);
  jieun.forgiveLostConnections();
});

test('a browser without IndexedDB sends all the same, and does not say that it keeps anything', async () => {
  const jieun = await stage.arrive('지은');
  await jieun.context.addInitScript(() => Object.defineProperty(window, 'indexedDB', { value: undefined }));
  const room = newRoom();
  await jieun.enter(room);
  await stage.server.kill();
  await jieun.say('지금만 있는 말');
  await jieun.log.locator('[data-delivery="sending"]').waitFor();
  assert.equal(await jieun.log.locator('[data-delivery][data-kept]').count(), 0);
  await stage.server.reopen();
  await jieun.hasSaidAll();
  assert.deepEqual(await stage.log(room), ['지금만 있는 말']);
  jieun.forgiveLostConnections();
});

test('a disk that is slow for once neither changes the order nor is given up', async () => {
  const jieun = await stage.arrive('지은');
  const wire = await Wire.of(jieun);
  const room = newRoom();
  await jieun.enter(room);
  await wire.cut();
  await jieun.writes('먼저');
  const sleepy = await stage.anotherWindow(jieun);
  // A page of this address, but not ours: it delivers nothing.
  const body = '<link rel="icon" href="data:,">';
  await sleepy.page.route('/asleep', (route) => route.fulfill({ contentType: 'text/html', body }));
  await sleepy.page.goto('/asleep');
  await sleepy.page.evaluate(holdTheDatabase, LONGER_THAN_THE_PAGE_WAITS);
  await jieun.page.reload();
  wire.mend();
  await jieun.say('나중');
  const order = ['먼저', '나중'];
  await eventually('both messages', async () => (await stage.log(room)).length === 2, 2 * LONGER_THAN_THE_PAGE_WAITS);
  assert.deepEqual(await stage.log(room), order);
  await wire.cut();
  await jieun.writes('맨 끝');
  wire.mend();
  await jieun.hasSaidAll();
  assert.deepEqual(await stage.log(room), [...order, '맨 끝']);
  jieun.forgiveLostConnections();
});

/** Runs in a page: begins a transaction that is not over for so many milliseconds. */
function holdTheDatabase(milliseconds) {
  const end = performance.now() + milliseconds;
  return new Promise((held) => {
    const opening = indexedDB.open('madang');
    opening.onsuccess = () => {
      const outbox = opening.result.transaction('outbox', 'readwrite').objectStore('outbox');
      const ask = () => {
        outbox.count().onsuccess = () => {
          held();
          if (performance.now() < end) ask();
        };
      };
      ask();
    };
  });
}

function failed(person, text) {
  return person.row(text).and(person.page.locator('[data-delivery="failed"]'));
}
