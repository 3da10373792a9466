// Loss between server and page: in the end every message is on the screen once and in order, without
// any action of the reader.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newCid, newRoomName } from './clients.mjs';
import { PageFixture } from './page-fixture.mjs';
import { isSendReply, isEventWithText, WebSocketProxy } from './websocket-proxy.mjs';

/** The server sends each room's last number every 15 seconds. */
const HEARTBEAT = 20_000;

const FIRST = '첫마디';

const fixture = new PageFixture();

async function setup() {
  const [jieun, minho] = [await fixture.newPerson('지은'), await fixture.newClient('민호')];
  const proxy = await WebSocketProxy.intercept(jieun);
  const room = newRoomName();
  await jieun.joinRoom(room);
  await minho.request('join', { room });
  const sendAll = async (...texts) => {
    for (const body of texts) await minho.request('send', { room, cid: newCid(), body });
  };
  // Once it is shown she has joined, and must not miss anything from here on.
  await sendAll(FIRST);
  await jieun.waitForMessage(FIRST);
  return { jieun, minho, proxy, room, sendAll };
}

test('a lost message is fetched as soon as the next one arrives', async () => {
  const { jieun, minho, proxy, sendAll } = await setup();
  proxy.drops = (frame) => isEventWithText('둘')(frame) || isEventWithText('셋')(frame);
  await sendAll('하나', '둘', '셋', '넷');
  for (const text of ['하나', '둘', '셋', '넷']) await jieun.waitForMessage(text);
  assert.deepEqual(await jieun.messageTexts(), [FIRST, '하나', '둘', '셋', '넷']);
  minho.leave();
});

test('a lost last message is fetched after a heartbeat', async () => {
  const { jieun, minho, proxy, sendAll } = await setup();
  proxy.drops = isEventWithText('마지막 말');
  await sendAll('마지막 말');
  await jieun.messageRow('마지막 말').waitFor({ timeout: HEARTBEAT });
  minho.leave();
});

test('messages sent while the connection was cut appear after the reconnect', async () => {
  const { jieun, minho, proxy, sendAll } = await setup();
  const texts = [FIRST];
  for (const round of [1, 2, 3]) {
    await proxy.cut();
    const missed = Array.from({ length: 60 }, (_, index) => `${round}번째 ${index + 1}`);
    await sendAll(...missed);
    await jieun.sendAndPersist(`${round}번째 내 말`);
    proxy.restore();
    texts.push(...missed, `${round}번째 내 말`);
    await jieun.waitForMessage(texts.at(-1));
    await jieun.waitUntilDelivered();
    // Only the end of a long conversation is drawn.
    const drawn = await jieun.messageTexts();
    assert.ok(drawn.length > missed.length, `only ${drawn.length} are drawn`);
    assert.deepEqual(drawn, texts.slice(-drawn.length));
  }
  minho.leave();
  jieun.ignoreConnectionErrors();
});

test('a lost reply duplicates no message', async () => {
  const { jieun, minho, proxy, room } = await setup();
  for (const text of ['대답 없는 말', '또 한 번']) {
    proxy.drops = isSendReply;
    await jieun.send(text);
    let told;
    do told = await minho.next('event');
    while (told.event.what.posted.body !== text);
    await proxy.cut();
    proxy.drops = () => false;
    proxy.restore();
    await jieun.waitForMessage(text);
    await jieun.waitUntilDelivered();
  }
  assert.deepEqual(await fixture.readLog(room), [FIRST, '대답 없는 말', '또 한 번']);
  minho.leave();
  jieun.ignoreConnectionErrors();
});

test('a page refused for reading too fast waits and continues', async () => {
  const { jieun, minho, proxy, room } = await setup();
  await proxy.cut();
  await fixture.fillRoom(room, 400);
  let refused = 0;
  proxy.refuse('too_fast', (name) => name === 'history' && (refused += 1) === 1);
  proxy.restore();
  await jieun.waitForMessage('이야기 400');
  assert.ok(refused > 1, 'refused once, and asked again');
  minho.leave();
  jieun.ignoreConnectionErrors();
});

test('a clock set back during a wait delays nothing', async () => {
  const { jieun, minho, proxy, sendAll } = await setup();
  await proxy.cut();
  await jieun.page.evaluate(() => {
    const { now } = Date;
    Date.now = () => now() - 3_600_000;
  });
  await sendAll('하나');
  proxy.restore();
  await jieun.waitForMessage('하나');
  minho.leave();
  jieun.ignoreConnectionErrors();
});

test('a refused reconnect is tried again', async () => {
  const { jieun, minho, proxy, sendAll } = await setup();
  for (const code of ['unavailable', 'not_stored', 'too_fast']) {
    await proxy.cut();
    await sendAll(code);
    let refused = 0;
    proxy.refuse(code, (name) => name === 'hello' && (refused += 1) === 1);
    proxy.restore();
    await jieun.waitForMessage(code);
    assert.ok(refused > 1, 'refused once, and asked again');
  }
  minho.leave();
  jieun.ignoreConnectionErrors();
});

test('unknown kinds of events are skipped and the messages beside them shown', async () => {
  const { jieun, minho, proxy, room, sendAll } = await setup();
  const told = [];
  // As a later version of the server would send it.
  proxy.rewrites = (frame) => {
    const newer = `${frame}`
      .replaceAll(/"reacted":\{[^}]*\}/g, '"invented":[{"of":1},1.5]')
      .replaceAll('{"away":"', '{"invented":"')
      .replaceAll('"may":["read"', '"may":["invented","read"');
    if (newer !== `${frame}`) told.push(newer);
    return newer;
  };
  const react = (on) => minho.request('react', { room, seq: 1, cid: newCid(), emoji: '👍', on });
  await react(true);
  await minho.request('away', { away: true });
  await sendAll('하나');
  await jieun.waitForMessage('하나');
  // The same in a page of history, and in the reply to a join.
  await proxy.cut();
  await react(false);
  await fixture.fillRoom(room, 60);
  proxy.restore();
  await jieun.waitForMessage('이야기 60');
  await jieun.page.reload();
  await jieun.waitForMessage('이야기 60');
  await sendAll('둘');
  await jieun.waitForMessage('둘');
  assert.deepEqual(told.filter((frame) => frame.startsWith('42["presence"')).length, 1);
  assert.ok(told.some((frame) => frame.startsWith('42["event"')));
  assert.ok(told.some((frame) => frame.startsWith('43') && frame.includes('"may"') && frame.includes('"invented":[')));
  minho.leave();
  jieun.ignoreConnectionErrors();
});

test('a server restart is announced and the page reconnects by itself', async () => {
  const { jieun, room } = await setup();
  const line = jieun.page.getByText('서버를 새로 여는 중이에요', { exact: false });
  await fixture.server.end('SIGTERM');
  await line.waitFor();
  await jieun.sendAndPersist('새로 여는 동안 쓴 말');
  await fixture.server.restart();
  await jieun.waitUntilDelivered();
  await line.waitFor({ state: 'detached' });
  assert.deepEqual(await fixture.readLog(room), [FIRST, '새로 여는 동안 쓴 말']);
  jieun.ignoreConnectionErrors();
});
