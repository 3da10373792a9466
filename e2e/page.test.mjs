// The page in real browsers: people with Korean names in a Korean room, a reload, a crash of the
// server. No test sleeps; each waits for a visible change.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually, newRoomName } from './clients.mjs';
import { PageFixture } from './page-fixture.mjs';

const fixture = new PageFixture();
const newPerson = (...args) => fixture.newPerson(...args);

test('two people talk both ways, in Korean', async () => {
  const [jieun, minho] = [await newPerson('지은'), await newPerson('민호')];
  const room = newRoomName();
  await jieun.joinRoom(room);
  await minho.joinRoom(room);
  await jieun.send('오늘 저녁에 시간 돼?');
  await minho.waitForMessage('오늘 저녁에 시간 돼?');
  await minho.send('7시 이후로 괜찮아 🙂');
  for (const person of [jieun, minho]) await person.waitForMessage('7시 이후로 괜찮아 🙂');
});

test('a reload keeps the name and all messages', async () => {
  const jieun = await newPerson('지은');
  const room = newRoomName();
  await jieun.joinRoom(room);
  await jieun.send('새로고침해도 남아 있어야지');
  await jieun.waitForMessage('새로고침해도 남아 있어야지');
  await jieun.page.reload();
  await jieun.waitForMessage('새로고침해도 남아 있어야지');
  assert.equal(await jieun.nameField.count(), 0, 'the name is asked for once');
  await jieun.send('남아 있네');
  const reader = await fixture.newClient('서기');
  const told = await eventually('the second message', async () => {
    const { events } = await reader.request('join', { room });
    return events.length === 2 && events;
  });
  reader.leave();
  assert.deepEqual(told.map(({ person }) => person.name), ['지은', '지은']);
  assert.equal(told[0].person.id, told[1].person.id);
});

test('a rename leaves earlier messages under the old name', async () => {
  const [jieun, minho] = [await newPerson('지은'), await newPerson('민호')];
  const room = newRoomName();
  await jieun.joinRoom(room);
  await minho.joinRoom(room);
  await jieun.send('지은이가 한 말');
  await minho.waitForMessage('지은이가 한 말');

  const change = jieun.page.getByRole('button', { name: '이름 바꾸기' });
  await change.press('Enter');
  await jieun.nameField.press('Escape');
  await change.and(jieun.page.locator(':focus')).waitFor();
  await change.press('Enter');
  // The old name is selected, and typing replaces it.
  await jieun.page.keyboard.type('하루');
  await jieun.page.keyboard.press('Enter');
  await change.and(jieun.page.locator(':focus')).waitFor();
  await jieun.send('하루가 한 말');
  for (const person of [jieun, minho]) {
    await person.waitForMessage('하루가 한 말');
    await person.messageRow('지은이가 한 말').getByText('지은', { exact: true }).waitFor();
    await person.messageRow('하루가 한 말').getByText('하루', { exact: true }).waitFor();
  }
});

test('in a room for two a third person waits until a seat is free, and a reload keeps one’s seat', async () => {
  const [jieun, minho, third] = [await newPerson('지은'), await newPerson('민호'), await newPerson('수아')];
  const room = newRoomName();
  await jieun.createRoomForTwo(room);
  await minho.joinRoom(room);
  await minho.send('둘만의 방');
  await jieun.waitForMessage('둘만의 방');
  await third.openRoomLink(room);
  await third.fullRoomHeading.waitFor();

  await jieun.page.reload();
  await jieun.waitForMessage('둘만의 방');
  await third.page.reload();
  await third.fullRoomHeading.waitFor();

  await minho.close();
  await third.fullRoomHeading.waitFor({ state: 'detached' });
  await third.send('자리 났다!');
  await jieun.waitForMessage('자리 났다!');
});

test('a server crash loses nothing, and the open page continues', async () => {
  const [jieun, minho] = [await newPerson('지은'), await newPerson('민호')];
  const room = newRoomName();
  await jieun.joinRoom(room);
  await minho.joinRoom(room);
  const before = ['하나', '둘', '셋'];
  for (const text of before) {
    await jieun.send(text);
    await minho.waitForMessage(text);
  }
  await fixture.server.kill();
  await jieun.send('서버가 없을 때 쓴 말');
  await fixture.server.restart();
  await minho.waitForMessage('서버가 없을 때 쓴 말');
  await minho.send('다시 왔다');
  for (const person of [jieun, minho]) {
    for (const text of [...before, '서버가 없을 때 쓴 말', '다시 왔다']) await person.waitForMessage(text);
    person.ignoreConnectionErrors();
  }
});

test('the language follows the browser and can be switched', async () => {
  const [jieun, emma] = [await newPerson('지은'), await newPerson('Emma', { language: 'en' })];
  const room = newRoomName();
  await jieun.joinRoom(room);
  await emma.joinRoom(room);
  await emma.page.getByRole('button', { name: emma.labels.send, exact: true }).waitFor();
  assert.equal(await emma.page.locator('html').getAttribute('lang'), 'en');
  await emma.switchLanguage('ko');
  assert.equal(await emma.page.locator('html').getAttribute('lang'), 'ko');
  await emma.page.reload();
  await emma.composer.waitFor();
  await emma.switchLanguage('en');
});

test('scrolling up fetches older messages, and the reading position stays fixed', async () => {
  const room = newRoomName();
  await fixture.fillRoom(room, 400);
  const jieun = await newPerson('지은');
  await jieun.joinRoom(room);
  const newest = jieun.log.getByText('이야기 400', { exact: true });
  await newest.waitFor();
  await jieun.waitForPaint();
  assert.ok(await isOnScreen(newest), 'the newest message is what one sees first');

  // Older messages are fetched and drawn as one scrolls towards them.
  const reading = jieun.log.getByText('이야기 352', { exact: true });
  const oldest = async () => Number(await jieun.log.locator('.message').first().getAttribute('data-seq'));
  const first = await oldest();
  const before = await reading.evaluate((message) => {
    message.scrollIntoView({ block: 'center' });
    return message.getBoundingClientRect().y;
  });
  await eventually('older messages', async () => (await oldest()) < first);
  await jieun.waitForPaint();
  const { y: afterwards } = await reading.boundingBox();
  assert.ok(Math.abs(afterwards - before) < 3, `what one reads moved by ${afterwards - before} pixels`);

  await jieun.scrollUpUntil(jieun.log.getByText('이야기 1', { exact: true }));
});

test('on a phone nothing is wider than the screen', async () => {
  const jieun = await newPerson('지은', { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  const room = newRoomName();
  await fixture.fillRoom(room, 3, '띄어쓰기도없이아주길게이어지는한글낱말'.repeat(8), `https://example.org/${'path/'.repeat(60)}`);
  await jieun.page.goto('/');
  await assertFitsScreen(jieun);
  await jieun.joinRoom(room);
  await jieun.log.getByText('이야기 3', { exact: true }).waitFor();
  await assertFitsScreen(jieun);
  await jieun.composer.fill('길게 '.repeat(200));
  await assertFitsScreen(jieun);
});

function isOnScreen(locator) {
  return locator.evaluate((element) => {
    const { top, bottom } = element.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  });
}

async function assertFitsScreen({ page }) {
  const { wide, screen } = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth,
    screen: document.documentElement.clientWidth,
  }));
  assert.ok(wide <= screen, `${wide} pixels on a screen of ${screen}`);
}
