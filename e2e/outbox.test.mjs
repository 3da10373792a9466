// The outbox: persisted before a message leaves, shared by all tabs of a browser, delivered once and in
// order whatever happens to the tab in which it was written.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually, newCid, newRoomName } from './clients.mjs';
import { Person } from './page.mjs';
import { PageFixture } from './page-fixture.mjs';
import { isSendReply, WebSocketProxy } from './websocket-proxy.mjs';

/** The page gives up on the database after ten seconds. */
const LONGER_THAN_THE_PAGE_WAITS = 12_000;

const fixture = new PageFixture();

test('messages written while the server was down are sent after a reload, in order', async () => {
  const jieun = await fixture.newPerson('지은');
  const room = newRoomName();
  await jieun.joinRoom(room);
  await fixture.server.kill();
  const texts = ['하나', '둘', '셋'];
  for (const text of texts) await jieun.sendAndPersist(text);
  await fixture.server.restart();
  await jieun.page.reload();
  for (const text of texts) await jieun.waitForMessage(text);
  await jieun.waitUntilDelivered();
  assert.deepEqual(await fixture.readLog(room), texts);
  jieun.ignoreConnectionErrors();
});

test('a clock set back changes no order', async () => {
  const jieun = await fixture.newPerson('지은');
  const room = newRoomName();
  await jieun.joinRoom(room);
  await fixture.server.kill();
  await jieun.sendAndPersist('먼저');
  await jieun.page.evaluate(() => (Date.now = () => 0));
  await jieun.sendAndPersist('나중');
  await jieun.page.evaluate(() => (Date.now = () => -86_400_000));
  await jieun.sendAndPersist('맨 끝');
  await fixture.server.restart();
  await jieun.page.reload();
  await jieun.waitForMessage('맨 끝');
  await jieun.waitUntilDelivered();
  assert.deepEqual(await fixture.readLog(room), ['먼저', '나중', '맨 끝']);
  jieun.ignoreConnectionErrors();
});

test('a closed tab leaves its messages to the other, once and in order', async () => {
  const jieun = await fixture.newPerson('지은');
  const room = newRoomName();
  await jieun.joinRoom(room);
  const other = await fixture.newWindow(jieun);
  await other.page.goto(Person.linkTo(room));
  await other.composer.waitFor();
  await fixture.server.kill();
  await jieun.sendAndPersist('첫째 창에서');
  await other.waitUntilPersisted('첫째 창에서');
  await other.sendAndPersist('둘째 창에서');
  await jieun.waitUntilPersisted('둘째 창에서');
  await jieun.sendAndPersist('다시 첫째 창에서');
  await jieun.page.close();
  await fixture.server.restart();
  await other.waitForMessage('다시 첫째 창에서');
  await other.waitUntilDelivered();
  assert.deepEqual(await fixture.readLog(room), ['첫째 창에서', '둘째 창에서', '다시 첫째 창에서']);
  for (const window of [jieun, other]) window.ignoreConnectionErrors();
});

test('two connected tabs send everything once', async () => {
  const jieun = await fixture.newPerson('지은');
  const room = newRoomName();
  await jieun.joinRoom(room);
  const other = await fixture.newWindow(jieun);
  await other.page.goto(Person.linkTo(room));
  await other.composer.waitFor();
  const texts = Array.from({ length: 20 }, (_, index) => `번갈아 ${index + 1}`);
  for (const [index, text] of texts.entries()) await [jieun, other][index % 2].sendAndPersist(text);
  for (const window of [jieun, other]) {
    for (const text of texts) await window.waitForMessage(text);
    await window.waitUntilDelivered();
  }
  assert.deepEqual(await fixture.readLog(room), texts);
});

test('a message written in one tab is not lost when another tab delivers its own', async () => {
  const jieun = await fixture.newPerson('지은');
  const room = newRoomName();
  await jieun.joinRoom(room);
  const other = await fixture.newWindow(jieun);
  await other.page.goto(Person.linkTo(room));
  await other.composer.waitFor();
  await jieun.composer.pressSequentially('아직 쓰는 중');
  await other.composer.pressSequentially('다른 창의 말');
  await other.composer.press('Enter');
  await jieun.waitForMessage('다른 창의 말');
  await other.waitUntilDelivered();
  await jieun.page.reload();
  await jieun.composer.waitFor();
  assert.equal(await jieun.composer.inputValue(), '아직 쓰는 중');
});

test('a message delivered without a reply leaves the outbox of a tab without a connection too', async () => {
  const jieun = await fixture.newPerson('지은');
  const proxy = await WebSocketProxy.intercept(jieun);
  const room = newRoomName();
  await jieun.joinRoom(room);
  const offline = await fixture.newWindow(jieun);
  await offline.page.routeWebSocket(/\/socket\.io\//, (page) => page.close());
  await offline.page.goto(Person.linkTo(room));
  await offline.composer.waitFor();
  await proxy.cut();
  await jieun.sendAndPersist('대답 없는 말');
  await offline.waitUntilPersisted('대답 없는 말');
  proxy.drops = isSendReply;
  proxy.restore();
  await jieun.waitUntilDelivered();
  await offline.messageRow('대답 없는 말').waitFor({ state: 'detached' });
  for (const window of [jieun, offline]) window.ignoreConnectionErrors();
});

test('a message delivered by another tab keeps its place while the connection is down', async () => {
  const jieun = await fixture.newPerson('지은');
  const proxy = await WebSocketProxy.intercept(jieun);
  const room = newRoomName();
  await jieun.joinRoom(room);
  await jieun.sendAndPersist('먼저');
  await jieun.waitUntilDelivered();
  const offline = await fixture.newWindow(jieun);
  const otherProxy = new WebSocketProxy();
  await offline.page.routeWebSocket(/\/socket\.io\//, (page) => otherProxy.open(page));
  await offline.page.goto(Person.linkTo(room));
  await offline.waitForMessage('먼저');
  for (const lost of [proxy, otherProxy]) await lost.cut();
  await jieun.sendAndPersist('나중');
  await offline.waitForMessage('나중');
  // The event arrives before the reply, or instead of it.
  proxy.drops = isSendReply;
  proxy.restore();
  await jieun.waitUntilDelivered();
  await offline.waitUntilDelivered();
  assert.deepEqual(await offline.messageTexts(), ['먼저', '나중']);
  otherProxy.restore();
  await jieun.send('끝으로');
  await offline.waitForMessage('끝으로');
  assert.deepEqual(await offline.messageTexts(), ['먼저', '나중', '끝으로']);
  for (const window of [jieun, offline]) window.ignoreConnectionErrors();
});

test('a failedMessage message can be discarded in every tab, or sent again from any', async () => {
  const jieun = await fixture.newPerson('지은');
  const proxy = await WebSocketProxy.intercept(jieun);
  const room = newRoomName();
  await jieun.joinRoom(room);
  const other = await fixture.newWindow(jieun);
  await other.page.goto(Person.linkTo(room));
  await other.composer.waitFor();
  proxy.refuse('message_unreadable', (name) => name === 'send');
  for (const text of ['버릴 말', '다시 보낼 말']) {
    await jieun.send(text);
    for (const window of [jieun, other]) await failedMessage(window, text).waitFor();
  }
  await failedMessage(other, '버릴 말').getByRole('button', { name: '지우기' }).click();
  for (const window of [jieun, other]) await window.messageRow('버릴 말').waitFor({ state: 'detached' });
  proxy.answers = () => undefined;
  await failedMessage(other, '다시 보낼 말').getByRole('button', { name: '다시 보내기' }).click();
  for (const window of [jieun, other]) {
    await failedMessage(window, '다시 보낼 말').waitFor({ state: 'detached' });
    await window.waitUntilDelivered();
  }
  assert.deepEqual(await fixture.readLog(room), ['다시 보낼 말']);
});

test('a server that is too busy gets the message later', async () => {
  const jieun = await fixture.newPerson('지은');
  const proxy = await WebSocketProxy.intercept(jieun);
  const room = newRoomName();
  await jieun.joinRoom(room);
  for (const code of ['too_fast', 'unavailable', 'not_stored']) {
    let refused = 0;
    proxy.refuse(code, (name) => name === 'send' && (refused += 1) <= 2);
    await jieun.send(code);
    await jieun.waitForMessage(code);
    await jieun.waitUntilDelivered();
    assert.equal(refused, 3, 'refused twice, accepted once');
  }
  assert.deepEqual(await fixture.readLog(room), ['too_fast', 'unavailable', 'not_stored']);
});

test('a message delivered without a reply long before a reload does not stay pending', async () => {
  const [jieun, minho] = [await fixture.newPerson('지은'), await fixture.newClient('민호')];
  const proxy = await WebSocketProxy.intercept(jieun);
  const room = newRoomName();
  await jieun.joinRoom(room);
  await minho.request('join', { room });
  await minho.request('send', { room, cid: newCid(), body: '첫마디' });
  await jieun.waitForMessage('첫마디');
  proxy.drops = (frame) => `${frame}`.startsWith('4');
  await jieun.sendAndPersist('대답 없는 말');
  while ((await minho.next('event')).event.what.posted.body !== '대답 없는 말');
  await jieun.page.goto('about:blank');
  proxy.drops = () => false;
  await fixture.fillRoom(room, 500);
  await jieun.page.goto(Person.linkTo(room));
  await eventually('an empty outbox', async () => (await jieun.outboxSize()) === 0);
  // The page opens at the unread divider, right below one's own message.
  await jieun.waitForMessage('이야기 1');
  await jieun.waitUntilDelivered();
  assert.deepEqual((await jieun.messageTexts()).slice(0, 3), ['첫마디', '대답 없는 말', '이야기 1']);
  minho.leave();
});

test('pending messages of another room are sent without opening it', async () => {
  const jieun = await fixture.newPerson('지은');
  const [room, elsewhere] = [newRoomName(), newRoomName()];
  await jieun.joinRoom(room);
  await fixture.server.kill();
  const texts = ['두고 온 말', '그다음 말'];
  for (const text of texts) await jieun.sendAndPersist(text);
  await fixture.server.restart();
  await jieun.page.goto(Person.linkTo(elsewhere));
  await jieun.composer.waitFor();
  await eventually('the messages in the other room', async () => (await fixture.readLog(room)).length === 2);
  assert.deepEqual(await fixture.readLog(room), texts);
  jieun.ignoreConnectionErrors();
});

test('a room for two that was never reached is created after a reload, with two seats', async () => {
  const jieun = await fixture.newPerson('지은');
  const proxy = await WebSocketProxy.intercept(jieun);
  const room = newRoomName();
  await jieun.joinRoom(newRoomName());
  await proxy.cut();
  await jieun.submitRoomForTwo(room);
  await jieun.sendAndPersist('둘이서만');
  await jieun.page.goto(Person.linkTo(newRoomName()));
  await jieun.composer.waitFor();
  await jieun.page.getByRole('navigation').getByRole('link', { name: room }).waitFor();
  proxy.restore();
  await eventually('an empty outbox', async () => (await jieun.outboxSize()) === 0);
  const minho = await fixture.newClient('민호');
  const { seats, events } = await minho.request('join', { room });
  assert.deepEqual([seats, events.length], [2, 1]);
  minho.leave();
  jieun.ignoreConnectionErrors();
});

test('pending messages of a room that is left are sent in the background', async () => {
  const jieun = await fixture.newPerson('지은');
  const proxy = await WebSocketProxy.intercept(jieun);
  const [room, other] = [newRoomName(), newRoomName()];
  await jieun.joinRoom(room);
  await proxy.cut();
  await jieun.sendAndPersist('나가기 전에');
  await jieun.page.getByRole('button', { name: jieun.labels.about, exact: true }).click();
  await jieun.page.getByRole('button', { name: '방에서 나가기' }).click();
  await jieun.page.goto(Person.linkTo(other));
  proxy.restore();
  await eventually('an empty outbox', async () => (await jieun.outboxSize()) === 0);
  assert.deepEqual(await fixture.readLog(room), ['나가기 전에']);
  assert.equal(await jieun.page.getByRole('navigation').getByRole('link', { name: room }).count(), 0);
  jieun.ignoreConnectionErrors();
});

test('a browser without IndexedDB still sends, and shows nothing as persisted', async () => {
  const jieun = await fixture.newPerson('지은');
  await jieun.context.addInitScript(() => Object.defineProperty(window, 'indexedDB', { value: undefined }));
  const room = newRoomName();
  await jieun.joinRoom(room);
  await fixture.server.kill();
  await jieun.send('지금만 있는 말');
  await jieun.log.locator('[data-delivery="sending"]').waitFor();
  assert.equal(await jieun.log.locator('[data-delivery][data-persisted]').count(), 0);
  await fixture.server.restart();
  await jieun.waitUntilDelivered();
  assert.deepEqual(await fixture.readLog(room), ['지금만 있는 말']);
  jieun.ignoreConnectionErrors();
});

test('a slow disk neither changes the order nor is given up', async () => {
  const jieun = await fixture.newPerson('지은');
  const proxy = await WebSocketProxy.intercept(jieun);
  const room = newRoomName();
  await jieun.joinRoom(room);
  await proxy.cut();
  await jieun.sendAndPersist('먼저');
  const sleepy = await fixture.newWindow(jieun);
  // A page of this origin, but not ours: it delivers nothing.
  const body = '<link rel="icon" href="data:,">';
  await sleepy.page.route('/asleep', (route) => route.fulfill({ contentType: 'text/html', body }));
  await sleepy.page.goto('/asleep');
  await sleepy.page.evaluate(holdTheDatabase, LONGER_THAN_THE_PAGE_WAITS);
  await jieun.page.reload();
  proxy.restore();
  await jieun.send('나중');
  const order = ['먼저', '나중'];
  await eventually('both messages', async () => (await fixture.readLog(room)).length === 2, 2 * LONGER_THAN_THE_PAGE_WAITS);
  assert.deepEqual(await fixture.readLog(room), order);
  await proxy.cut();
  await jieun.sendAndPersist('맨 끝');
  proxy.restore();
  await jieun.waitUntilDelivered();
  assert.deepEqual(await fixture.readLog(room), [...order, '맨 끝']);
  jieun.ignoreConnectionErrors();
});

/** Runs in a page: begins a transaction that lasts this many milliseconds. */
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

function failedMessage(person, text) {
  return person.messageRow(text).and(person.page.locator('[data-delivery="failed"]'));
}
