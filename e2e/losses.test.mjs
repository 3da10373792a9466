// What the wire loses between server and page, and what the page does about it: in the end every
// message stands on the screen once and in order, without anybody doing anything.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newCid, newRoom } from './clients.mjs';
import { Stage } from './stage.mjs';
import { isAnswerToSend, tells, Wire } from './wire.mjs';

/** The server tells every 15 seconds how far a room's log goes. */
const HEARTBEAT = 20_000;

const FIRST = '첫마디';

const stage = new Stage();

async function scene() {
  const [jieun, minho] = [await stage.arrive('지은'), await stage.visitor('민호')];
  const wire = await Wire.of(jieun);
  const room = newRoom();
  await jieun.enter(room);
  await minho.ask('join', { room });
  const says = async (...texts) => {
    for (const body of texts) await minho.ask('send', { room, cid: newCid(), body });
  };
  // Seen: she is in the room, and what comes from here on must not be missed.
  await says(FIRST);
  await jieun.sees(FIRST);
  return { jieun, minho, wire, room, says };
}

test('a message lost in the middle is there as soon as the next one comes', async () => {
  const { jieun, minho, wire, says } = await scene();
  wire.loses = (frame) => tells('둘')(frame) || tells('셋')(frame);
  await says('하나', '둘', '셋', '넷');
  for (const text of ['하나', '둘', '셋', '넷']) await jieun.sees(text);
  assert.deepEqual(await jieun.reads(), [FIRST, '하나', '둘', '셋', '넷']);
  minho.leave();
});

test('the very last message, lost in silence, is there after a heartbeat', async () => {
  const { jieun, minho, wire, says } = await scene();
  wire.loses = tells('마지막 말');
  await says('마지막 말');
  await jieun.row('마지막 말').waitFor({ timeout: HEARTBEAT });
  minho.leave();
});

test('what was said while the wire was cut is there when it is mended', async () => {
  const { jieun, minho, wire, says } = await scene();
  const texts = [FIRST];
  for (const round of [1, 2, 3]) {
    await wire.cut();
    const missed = Array.from({ length: 60 }, (_, index) => `${round}번째 ${index + 1}`);
    await says(...missed);
    await jieun.writes(`${round}번째 내 말`);
    wire.mend();
    texts.push(...missed, `${round}번째 내 말`);
    await jieun.sees(texts.at(-1));
    await jieun.hasSaidAll();
    // Of a long conversation the end is drawn.
    const drawn = await jieun.reads();
    assert.ok(drawn.length > missed.length, `only ${drawn.length} are drawn`);
    assert.deepEqual(drawn, texts.slice(-drawn.length));
  }
  minho.leave();
  jieun.forgiveLostConnections();
});

test('an answer that is lost makes nobody say anything twice', async () => {
  const { jieun, minho, wire, room } = await scene();
  for (const text of ['대답 없는 말', '또 한 번']) {
    wire.loses = isAnswerToSend;
    await jieun.say(text);
    let told;
    do told = await minho.told('event');
    while (told.event.what.posted.body !== text);
    await wire.cut();
    wire.loses = () => false;
    wire.mend();
    await jieun.sees(text);
    await jieun.hasSaidAll();
  }
  assert.deepEqual(await stage.log(room), [FIRST, '대답 없는 말', '또 한 번']);
  minho.leave();
  jieun.forgiveLostConnections();
});

test('a page that reads too fast waits, and reads on', async () => {
  const { jieun, minho, wire, room } = await scene();
  await wire.cut();
  await stage.fill(room, 400);
  let refused = 0;
  wire.refuse('too_fast', (name) => name === 'history' && (refused += 1) === 1);
  wire.mend();
  await jieun.sees('이야기 400');
  assert.ok(refused > 1, 'refused once, and asked again');
  minho.leave();
  jieun.forgiveLostConnections();
});

test('a clock that is put back while the page waits keeps it from nothing', async () => {
  const { jieun, minho, wire, says } = await scene();
  await wire.cut();
  await jieun.page.evaluate(() => {
    const { now } = Date;
    Date.now = () => now() - 3_600_000;
  });
  await says('하나');
  wire.mend();
  await jieun.sees('하나');
  minho.leave();
  jieun.forgiveLostConnections();
});

test('a server that has no time for somebody who comes back is asked again', async () => {
  const { jieun, minho, wire, says } = await scene();
  for (const code of ['unavailable', 'not_stored', 'too_fast']) {
    await wire.cut();
    await says(code);
    let refused = 0;
    wire.refuse(code, (name) => name === 'hello' && (refused += 1) === 1);
    wire.mend();
    await jieun.sees(code);
    assert.ok(refused > 1, 'refused once, and asked again');
  }
  minho.leave();
  jieun.forgiveLostConnections();
});

test('what only a newer page knows is passed over, and what is said beside it is there', async () => {
  const { jieun, minho, wire, room, says } = await scene();
  const told = [];
  // As a server of next year would say it.
  wire.rewrites = (frame) => {
    const newer = `${frame}`
      .replaceAll(/"reacted":\{[^}]*\}/g, '"invented":[{"of":1},1.5]')
      .replaceAll('{"away":"', '{"invented":"')
      .replaceAll('"may":["read"', '"may":["invented","read"');
    if (newer !== `${frame}`) told.push(newer);
    return newer;
  };
  const react = (on) => minho.ask('react', { room, seq: 1, cid: newCid(), emoji: '👍', on });
  await react(true);
  await minho.ask('away', { away: true });
  await says('하나');
  await jieun.sees('하나');
  // A page of history, and the answer to a join.
  await wire.cut();
  await react(false);
  await stage.fill(room, 60);
  wire.mend();
  await jieun.sees('이야기 60');
  await jieun.page.reload();
  await jieun.sees('이야기 60');
  await says('둘');
  await jieun.sees('둘');
  assert.deepEqual(told.filter((frame) => frame.startsWith('42["presence"')).length, 1);
  assert.ok(told.some((frame) => frame.startsWith('42["event"')));
  assert.ok(told.some((frame) => frame.startsWith('43') && frame.includes('"may"') && frame.includes('"invented":[')));
  minho.leave();
  jieun.forgiveLostConnections();
});

test('a server that restarts is announced calmly, and the page is back by itself', async () => {
  const { jieun, room } = await scene();
  const line = jieun.page.getByText('서버를 새로 여는 중이에요', { exact: false });
  await stage.server.end('SIGTERM');
  await line.waitFor();
  await jieun.writes('새로 여는 동안 쓴 말');
  await stage.server.reopen();
  await jieun.hasSaidAll();
  await line.waitFor({ state: 'detached' });
  assert.deepEqual(await stage.log(room), [FIRST, '새로 여는 동안 쓴 말']);
  jieun.forgiveLostConnections();
});
