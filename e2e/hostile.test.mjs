// Names and messages made to break things: they are refused, or drawn as what they are. Nothing gets
// into the page but text and the elements of a message, and nothing gets out of its place.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MESSAGES, NAMES } from './awkward.mjs';
import { newCid, newRoom } from './clients.mjs';
import { Stage } from './stage.mjs';

/** Why a name or a message may be refused. */
const REFUSALS = new Set(['message_empty', 'message_too_long', 'message_unreadable', 'name_empty', 'name_too_long', 'name_unreadable']);

/** All that a message may be made of, and what each may have. */
const ALLOWED = {
  P: [],
  BLOCKQUOTE: [],
  UL: [],
  OL: [],
  LI: ['value'],
  FIGURE: ['class', 'dir'],
  PRE: ['tabindex', 'role', 'aria-label'],
  CODE: ['dir'],
  BUTTON: ['class', 'data-act'],
  SPAN: ['class'],
  STRONG: [],
  EM: [],
  S: [],
  A: ['href', 'title', 'target', 'rel'],
};

const stage = new Stage();

for (const [width, options] of [
  [1280, {}],
  [390, { viewport: { width: 390, height: 844 }, isMobile: true }],
]) {
  test(`what is made to break the page is text like any other, ${width} pixels wide`, async () => {
    const room = newRoom();
    const said = (await sayAll(room)) + (await comeAll(room));
    const jieun = await stage.arrive('지은', options);
    await jieun.enter(room);
    await jieun.log.locator('.message').first().waitFor();

    const seen = new Set();
    const wrong = new Set();
    await jieun.log.hover();
    for (let turns = 0; seen.size < said; turns += 1) {
      assert.ok(turns < 2_000, `${said - seen.size} messages are not in the log`);
      const found = await jieun.page.evaluate(look, ALLOWED);
      found.seen.forEach((seq) => seen.add(seq));
      found.wrong.forEach((what) => wrong.add(what));
      await jieun.page.mouse.wheel(0, -600);
      await jieun.painted();
    }
    assert.deepEqual([...wrong], []);

    await jieun.say('나는 잘 있어요');
    await jieun.hasSaidAll();
    await jieun.sees('나는 잘 있어요');
  });
}

for (const width of [360, 820, 1280]) {
  test(`however long a room’s name and topic are, one can write and send, ${width} pixels wide`, async () => {
    const room = `${newRoom()} ${'가'.repeat(50)}`;
    const owner = await stage.visitor('방 주인');
    await owner.ask('join', { room, topic: '이번 주에 읽을 책과 다음 모임 날짜 '.repeat(11) });
    const jieun = await stage.arrive('지은', { viewport: { width, height: 800 }, isMobile: width < 768 });
    await jieun.enter(room);
    await jieun.page.locator('.room-header .topic').waitFor();
    const outside = await jieun.page.locator('.room :is(button, textarea, a):visible').evaluateAll((parts) =>
      parts.filter((part) => part.getBoundingClientRect().right > visualViewport.width).map((part) => part.outerHTML),
    );
    assert.deepEqual(outside, []);
    await jieun.composer.fill('보낼 수 있어요');
    await jieun.page.getByRole('button', { name: jieun.words.send, exact: true }).click();
    await jieun.sees('보낼 수 있어요');
    owner.leave();
  });
}

/** Says them all; how many were taken. */
async function sayAll(room) {
  const teller = await stage.visitor('장난꾼');
  await teller.ask('join', { room });
  let taken = 0;
  for (const body of MESSAGES) {
    const { error } = await teller.ask('send', { room, cid: newCid(), body });
    if (error) assert.ok(REFUSALS.has(error.code), `${error.code}: ${JSON.stringify(body)}`);
    else taken += 1;
  }
  teller.leave();
  assert.ok(taken > 300, 'most of them are messages');
  return taken;
}

/** Comes once under each name; how many were taken, and said so. */
async function comeAll(room) {
  const guest = await stage.visitor('손님');
  await guest.ask('join', { room });
  let taken = 0;
  for (const name of NAMES) {
    const { error } = await guest.ask('rename', { name });
    if (error) assert.ok(REFUSALS.has(error.code), `${error.code}: ${JSON.stringify(name)}`);
    else {
      taken += 1;
      await guest.ask('send', { room, cid: newCid(), body: `이름 ${taken}` });
    }
  }
  guest.leave();
  assert.ok(taken > 30, 'many of them are names');
  return taken;
}

/** In the page: which messages are drawn, and what is wrong with them. */
function look(allowed) {
  const seen = [];
  const wrong = [];
  if (document.documentElement.scrollWidth > innerWidth) wrong.push('the page is wider than the screen');
  const { left, right } = document.querySelector('[role=log]').getBoundingClientRect();
  for (const row of document.querySelectorAll('.message')) {
    seen.push(row.dataset.seq);
    for (const part of row.querySelectorAll('.who, .body, .body > *')) {
      const place = part.getBoundingClientRect();
      if (place.left < left - 1 || place.right > right + 1) wrong.push(`${row.dataset.seq} is out of its place`);
    }
    for (const element of row.querySelectorAll('.body *')) {
      for (const { name } of element.attributes) {
        if (!allowed[element.tagName]?.includes(name)) wrong.push(`${row.dataset.seq}: ${element.tagName} ${name}`);
      }
      if (!allowed[element.tagName]) wrong.push(`${row.dataset.seq}: ${element.tagName}`);
      if (element.href && !/^https?:/.test(element.href)) wrong.push(`${row.dataset.seq}: ${element.href}`);
    }
  }
  return { seen, wrong };
}
