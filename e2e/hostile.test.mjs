// Hostile names and messages are refused, or drawn as plain text. Nothing gets into the page but text
// and the elements of a message, and nothing overflows its place.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MESSAGES, NAMES } from './hostile-inputs.mjs';
import { newCid, newRoomName } from './clients.mjs';
import { PageFixture } from './page-fixture.mjs';

/** The refusals that a name or a message may get. */
const REFUSALS = new Set(['message_empty', 'message_too_long', 'message_unreadable', 'name_empty', 'name_too_long', 'name_unreadable']);

/** Every element that a message may contain, with its attributes. */
const ALLOWED = {
  P: [],
  BLOCKQUOTE: [],
  UL: [],
  OL: [],
  LI: ['value'],
  FIGURE: ['class', 'dir'],
  PRE: ['tabindex', 'role', 'aria-label'],
  CODE: ['dir'],
  BUTTON: ['class', 'data-action'],
  SPAN: ['class'],
  // The host of a link whose text could be taken for another one.
  BDI: [],
  STRONG: [],
  EM: [],
  S: [],
  A: ['href', 'title', 'target', 'rel'],
};

const fixture = new PageFixture();

for (const [width, options] of [
  [1280, {}],
  [390, { viewport: { width: 390, height: 844 }, isMobile: true }],
]) {
  test(`hostile messages are drawn as plain text, ${width} pixels wide`, async () => {
    const room = newRoomName();
    const said = (await sendAll(room)) + (await connectAll(room));
    const jieun = await fixture.newPerson('지은', options);
    await jieun.joinRoom(room);
    await jieun.log.locator('.message').first().waitFor();

    const seen = new Set();
    const wrong = new Set();
    await jieun.log.hover();
    for (let turns = 0; seen.size < said; turns += 1) {
      assert.ok(turns < 2_000, `${said - seen.size} messages are not in the log`);
      const found = await jieun.page.evaluate(inspectMessages, ALLOWED);
      found.seen.forEach((seq) => seen.add(seq));
      found.wrong.forEach((what) => wrong.add(what));
      await jieun.page.mouse.wheel(0, -600);
      await jieun.waitForPaint();
    }
    assert.deepEqual([...wrong], []);

    await jieun.send('나는 잘 있어요');
    await jieun.waitUntilDelivered();
    await jieun.waitForMessage('나는 잘 있어요');
  });
}

for (const width of [360, 820, 1280]) {
  test(`the longest room name and topic leave the composer usable, ${width} pixels wide`, async () => {
    const room = `${newRoomName()} ${'가'.repeat(50)}`;
    const owner = await fixture.newClient('방 주인');
    await owner.request('join', { room, topic: '이번 주에 읽을 책과 다음 모임 날짜 '.repeat(11) });
    const jieun = await fixture.newPerson('지은', { viewport: { width, height: 800 }, isMobile: width < 768 });
    await jieun.joinRoom(room);
    await jieun.page.locator('.room-header .topic').waitFor();
    const outside = await jieun.page.locator('.room :is(button, textarea, a):visible').evaluateAll((parts) =>
      parts.filter((part) => part.getBoundingClientRect().right > visualViewport.width).map((part) => part.outerHTML),
    );
    assert.deepEqual(outside, []);
    await jieun.composer.fill('보낼 수 있어요');
    await jieun.page.getByRole('button', { name: jieun.labels.send, exact: true }).click();
    await jieun.waitForMessage('보낼 수 있어요');
    owner.leave();
  });
}

/** Sends them all; returns how many were accepted. */
async function sendAll(room) {
  const teller = await fixture.newClient('장난꾼');
  await teller.request('join', { room });
  let taken = 0;
  for (const body of MESSAGES) {
    const { error } = await teller.request('send', { room, cid: newCid(), body });
    if (error) assert.ok(REFUSALS.has(error.code), `${error.code}: ${JSON.stringify(body)}`);
    else taken += 1;
  }
  teller.leave();
  assert.ok(taken > 300, 'most of them are messages');
  return taken;
}

/** Connects once under each name; returns how many were accepted, and sent. */
async function connectAll(room) {
  const guest = await fixture.newClient('손님');
  await guest.request('join', { room });
  let taken = 0;
  for (const name of NAMES) {
    const { error } = await guest.request('rename', { name });
    if (error) assert.ok(REFUSALS.has(error.code), `${error.code}: ${JSON.stringify(name)}`);
    else {
      taken += 1;
      await guest.request('send', { room, cid: newCid(), body: `이름 ${taken}` });
    }
  }
  guest.leave();
  assert.ok(taken > 30, 'many of them are names');
  return taken;
}

/** Runs in the page: returns the drawn messages, and what is wrong with them. */
function inspectMessages(allowed) {
  const seen = [];
  const wrong = [];
  if (document.documentElement.scrollWidth > innerWidth) wrong.push('the page is wider than the screen');
  const { left, right } = document.querySelector('[role=log]').getBoundingClientRect();
  for (const row of document.querySelectorAll('.message')) {
    seen.push(row.dataset.seq);
    for (const part of row.querySelectorAll('.author, .message-body, .message-body > *')) {
      const place = part.getBoundingClientRect();
      if (place.left < left - 1 || place.right > right + 1) wrong.push(`${row.dataset.seq} is out of its place`);
    }
    for (const element of row.querySelectorAll('.message-body *')) {
      for (const { name } of element.attributes) {
        if (!allowed[element.tagName]?.includes(name)) wrong.push(`${row.dataset.seq}: ${element.tagName} ${name}`);
      }
      if (!allowed[element.tagName]) wrong.push(`${row.dataset.seq}: ${element.tagName}`);
      if (element.href && !/^https?:/.test(element.href)) wrong.push(`${row.dataset.seq}: ${element.href}`);
    }
  }
  return { seen, wrong };
}
