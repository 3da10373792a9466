// The page in real browsers: people with Korean names in a Korean room, a reload, a crash of the
// server, Hangul being composed. No test sleeps; each waits for what a person would wait for.

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

test('one Enter sends one message while Hangul is being composed', async () => {
  const [jieun, minho] = [await arrive('지은'), await arrive('민호')];
  const room = newRoom();
  await jieun.enter(room);
  await minho.enter(room);
  await jieun.composer.focus();
  const keyboard = await Keyboard.of(jieun);

  // Enter ends the composition: Chromium on Windows and Linux.
  await keyboard.compose('ㅎ', '하', '한');
  await keyboard.commit('한');
  await keyboard.compose('ㄱ', '그', '글');
  await keyboard.enterDown({ composing: true });
  await keyboard.commit('글');
  await keyboard.enterUp();
  await minho.sees('한글');

  // The same with a second, plain Enter of the same key press: Chromium on macOS.
  await keyboard.compose('ㄷ', '두', '둘');
  await keyboard.enterDown({ composing: true });
  await keyboard.commit('둘');
  await keyboard.enterDown({ composing: false });
  await keyboard.enterUp();
  await minho.sees('둘');

  // Nothing being composed any more.
  await keyboard.compose('ㅅ', '세', '셋');
  await keyboard.commit('셋');
  await keyboard.enterDown({ composing: false });
  await keyboard.enterUp();
  await minho.sees('셋');

  await jieun.say('끝');
  await minho.sees('끝');
  assert.deepEqual(await said(jieun, room), ['한글', '둘', '셋', '끝']);
});

test('Enter while Japanese is being composed only confirms', async () => {
  const jieun = await arrive('지은');
  const room = newRoom();
  await jieun.enter(room);
  await jieun.composer.focus();
  const keyboard = await Keyboard.of(jieun);
  await keyboard.compose('に', 'にほ', '日本');
  await keyboard.enterDown({ composing: true });
  await keyboard.commit('日本');
  await keyboard.enterUp();
  assert.equal(await jieun.composer.inputValue(), '日本');
  await jieun.composer.press('Enter');
  await jieun.sees('日本');
  assert.deepEqual(await said(jieun, room), ['日本']);
});

test('Shift and Enter begin a new line', async () => {
  const jieun = await arrive('지은');
  const room = newRoom();
  await jieun.enter(room);
  await jieun.composer.pressSequentially('첫 줄');
  await jieun.composer.press('Shift+Enter');
  await jieun.composer.pressSequentially('둘째 줄');
  await jieun.composer.press('Enter');
  await jieun.log.getByText('둘째 줄').waitFor();
  assert.deepEqual(await said(jieun, room), ['첫 줄\n둘째 줄']);
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
  await stage.fill(room, 160);
  const jieun = await arrive('지은');
  await jieun.enter(room);
  const newest = jieun.log.getByText('이야기 160', { exact: true });
  await newest.waitFor();
  assert.ok(await isOnScreen(newest), 'the newest message is what one sees first');

  // `join` brought 111 to 160; what is older comes while one reads here.
  const reading = jieun.log.getByText('이야기 113', { exact: true });
  const older = jieun.log.getByText('이야기 100', { exact: true });
  assert.equal(await older.count(), 0);
  const before = await reading.evaluate((message) => {
    message.scrollIntoView({ block: 'center' });
    return message.getBoundingClientRect().y;
  });
  await older.waitFor({ state: 'attached' });
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

/** The keys and compositions of a Korean keyboard, below what playwright offers. */
class Keyboard {
  static async of(person) {
    return new Keyboard(await person.context.newCDPSession(person.page));
  }

  constructor(session) {
    this.session = session;
  }

  async compose(...steps) {
    for (const text of steps) {
      await this.session.send('Input.imeSetComposition', {
        text,
        selectionStart: text.length,
        selectionEnd: text.length,
      });
    }
  }

  async commit(text) {
    await this.session.send('Input.insertText', { text });
  }

  async enterDown({ composing }) {
    await this.session.send('Input.dispatchKeyEvent', {
      type: composing ? 'rawKeyDown' : 'keyDown',
      key: 'Enter',
      code: 'Enter',
      windowsVirtualKeyCode: composing ? 229 : 13,
      ...(composing ? {} : { text: '\r' }),
    });
  }

  async enterUp() {
    await this.session.send('Input.dispatchKeyEvent', {
      type: 'keyUp',
      key: 'Enter',
      code: 'Enter',
      windowsVirtualKeyCode: 13,
    });
  }
}

/** What the room's log holds, read by somebody else. */
async function said(person, room) {
  await person.hasSaidAll();
  return stage.log(room);
}

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
