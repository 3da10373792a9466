// The page in real browsers: people with Korean names in a Korean room, a reload, a crash of the
// server. No test sleeps; each waits for what a person would wait for.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually, newRoom } from './clients.mjs';
import { Stage } from './stage.mjs';

const stage = new Stage();
const arrive = (...who) => stage.arrive(...who);

test('two people talk both ways, in Korean', async () => {
  const [jieun, minho] = [await arrive('지은'), await arrive('민호')];
  const room = newRoom();
  await jieun.enter(room);
  await minho.enter(room);
  await jieun.say('오늘 저녁에 시간 돼?');
  await minho.sees('오늘 저녁에 시간 돼?');
  await minho.say('7시 이후로 괜찮아 🙂');
  for (const person of [jieun, minho]) await person.sees('7시 이후로 괜찮아 🙂');
});

test('a reload keeps the name and everything said', async () => {
  const jieun = await arrive('지은');
  const room = newRoom();
  await jieun.enter(room);
  await jieun.say('새로고침해도 남아 있어야지');
  await jieun.sees('새로고침해도 남아 있어야지');
  await jieun.page.reload();
  await jieun.sees('새로고침해도 남아 있어야지');
  assert.equal(await jieun.nameField.count(), 0, 'the name is asked for once');
  await jieun.say('남아 있네');
  const reader = await stage.visitor('서기');
  const told = await eventually('the second message', async () => {
    const { events } = await reader.ask('join', { room });
    return events.length === 2 && events;
  });
  reader.leave();
  assert.deepEqual(told.map(({ person }) => person.name), ['지은', '지은']);
  assert.equal(told[0].person.id, told[1].person.id);
});

test('somebody changes the name, and what was said before keeps the old one', async () => {
  const [jieun, minho] = [await arrive('지은'), await arrive('민호')];
  const room = newRoom();
  await jieun.enter(room);
  await minho.enter(room);
  await jieun.say('지은이가 한 말');
  await minho.sees('지은이가 한 말');

  const change = jieun.page.getByRole('button', { name: '이름 바꾸기' });
  await change.press('Enter');
  await jieun.nameField.press('Escape');
  await change.and(jieun.page.locator(':focus')).waitFor();
  await change.press('Enter');
  // What was there is selected, and typing replaces it.
  await jieun.page.keyboard.type('하루');
  await jieun.page.keyboard.press('Enter');
  await change.and(jieun.page.locator(':focus')).waitFor();
  await jieun.say('하루가 한 말');
  for (const person of [jieun, minho]) {
    await person.sees('하루가 한 말');
    await person.row('지은이가 한 말').getByText('지은', { exact: true }).waitFor();
    await person.row('하루가 한 말').getByText('하루', { exact: true }).waitFor();
  }
});

test('in a room for two a third person waits until a seat is free, and a reload loses none', async () => {
  const [jieun, minho, third] = [await arrive('지은'), await arrive('민호'), await arrive('수아')];
  const room = newRoom();
  await jieun.openRoomForTwo(room);
  await minho.enter(room);
  await minho.say('둘만의 방');
  await jieun.sees('둘만의 방');
  await third.knock(room);
  await third.full.waitFor();

  await jieun.page.reload();
  await jieun.sees('둘만의 방');
  await third.page.reload();
  await third.full.waitFor();

  await minho.goAway();
  await third.full.waitFor({ state: 'detached' });
  await third.say('자리 났다!');
  await jieun.sees('자리 났다!');
});

test('a server that dies and comes back loses nothing, and the open page goes on', async () => {
  const [jieun, minho] = [await arrive('지은'), await arrive('민호')];
  const room = newRoom();
  await jieun.enter(room);
  await minho.enter(room);
  const before = ['하나', '둘', '셋'];
  for (const text of before) {
    await jieun.say(text);
    await minho.sees(text);
  }
  await stage.server.kill();
  await jieun.say('서버가 없을 때 쓴 말');
  await stage.server.reopen();
  await minho.sees('서버가 없을 때 쓴 말');
  await minho.say('다시 왔다');
  for (const person of [jieun, minho]) {
    for (const text of [...before, '서버가 없을 때 쓴 말', '다시 왔다']) await person.sees(text);
    person.forgiveLostConnections();
  }
});

test('the language follows the browser and can be switched', async () => {
  const [jieun, emma] = [await arrive('지은'), await arrive('Emma', { language: 'en' })];
  const room = newRoom();
  await jieun.enter(room);
  await emma.enter(room);
  await emma.page.getByRole('button', { name: emma.words.send, exact: true }).waitFor();
  assert.equal(await emma.page.locator('html').getAttribute('lang'), 'en');
  await emma.switchLanguage('ko');
  assert.equal(await emma.page.locator('html').getAttribute('lang'), 'ko');
  await emma.page.reload();
  await emma.composer.waitFor();
  await emma.switchLanguage('en');
});

test('scrolling up brings what is older, and what one reads stays where it is', async () => {
  const room = newRoom();
  await stage.fill(room, 400);
  const jieun = await arrive('지은');
  await jieun.enter(room);
  const newest = jieun.log.getByText('이야기 400', { exact: true });
  await newest.waitFor();
  await jieun.painted();
  assert.ok(await isOnScreen(newest), 'the newest message is what one sees first');

  // What is older is fetched, and drawn, as one comes nearer to it.
  const reading = jieun.log.getByText('이야기 352', { exact: true });
  const oldest = async () => Number(await jieun.log.locator('.message').first().getAttribute('data-seq'));
  const first = await oldest();
  const before = await reading.evaluate((message) => {
    message.scrollIntoView({ block: 'center' });
    return message.getBoundingClientRect().y;
  });
  await eventually('older messages', async () => (await oldest()) < first);
  await jieun.painted();
  const { y: afterwards } = await reading.boundingBox();
  assert.ok(Math.abs(afterwards - before) < 3, `what one reads moved by ${afterwards - before} pixels`);

  await jieun.scrollUpUntil(jieun.log.getByText('이야기 1', { exact: true }));
});

test('on a phone nothing is wider than the screen', async () => {
  const jieun = await arrive('지은', { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  const room = newRoom();
  await stage.fill(room, 3, '띄어쓰기도없이아주길게이어지는한글낱말'.repeat(8), `https://example.org/${'path/'.repeat(60)}`);
  await jieun.page.goto('/');
  await fits(jieun);
  await jieun.enter(room);
  await jieun.log.getByText('이야기 3', { exact: true }).waitFor();
  await fits(jieun);
  await jieun.composer.fill('길게 '.repeat(200));
  await fits(jieun);
});

function isOnScreen(locator) {
  return locator.evaluate((element) => {
    const { top, bottom } = element.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  });
}

async function fits({ page }) {
  const { wide, screen } = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth,
    screen: document.documentElement.clientWidth,
  }));
  assert.ok(wide <= screen, `${wide} pixels on a screen of ${screen}`);
}
