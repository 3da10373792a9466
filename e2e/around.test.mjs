// What is around the conversation: settings, rooms, notices, the phone. Real browsers, as in
// page.test.mjs.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually, newRoom } from './clients.mjs';
import { Person, WORDS } from './page.mjs';
import { Stage } from './stage.mjs';
import { Wire } from './wire.mjs';

const stage = new Stage();
const arrive = (...who) => stage.arrive(...who);

test('a change of language loses no draft', async () => {
  const jieun = await arrive('지은');
  await jieun.enter(newRoom());
  await jieun.composer.fill('아직 쓰는 중인 글');
  await jieun.switchLanguage('en');
  assert.equal(await jieun.composer.inputValue(), '아직 쓰는 중인 글');
  await jieun.switchLanguage('ko');
  assert.equal(await jieun.composer.inputValue(), '아직 쓰는 중인 글');
});

test('what is chosen in the settings holds after a reload, from the first paint on', async () => {
  const emma = await arrive('Emma', { language: 'en' });
  const room = newRoom();
  await emma.enter(room);
  await emma.choose('Theme', 'Dark');
  await emma.choose('Text size', 'Largest');
  await emma.choose('Enter key', 'New line');
  await emma.page.reload({ waitUntil: 'commit' });
  const html = emma.page.locator('html');
  await emma.page.waitForFunction(() => document.documentElement.dataset.theme === 'dark');
  assert.equal(await html.getAttribute('data-text'), 'largest');
  await emma.composer.fill('one');
  await emma.composer.press('Enter');
  await emma.composer.pressSequentially('two');
  assert.equal(await emma.composer.inputValue(), 'one\ntwo');
  await emma.composer.press('Control+Enter');
  await emma.log.getByText('two').waitFor();
  await emma.hasSaidAll();
  assert.deepEqual(await stage.log(room), ['one\ntwo']);
});

test('the settings are at hand before one has a name, before a closed door, and in a room on a phone', async () => {
  const room = newRoom();
  const minho = await stage.visitor('민호');
  await minho.ask('join', { room, seats: 1 });
  const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
  const jieun = await arrive('지은', phone);
  const speaks = async (words) => {
    await jieun.page.getByRole('combobox', { name: jieun.words.language }).selectOption(words.own);
    await jieun.page.keyboard.press('Escape');
    await jieun.page.getByRole('dialog').waitFor({ state: 'detached' });
    jieun.words = words;
  };
  const openSettings = () => jieun.page.getByRole('button', { name: jieun.words.settings, exact: true }).click();
  await jieun.page.goto(Person.linkTo(room));
  await jieun.nameField.waitFor();
  await openSettings();
  await speaks(WORDS.en);
  await jieun.introduce();
  await jieun.full.waitFor();
  await openSettings();
  await speaks(WORDS.ko);
  await jieun.full.waitFor();
  await minho.ask('leave', { room });
  await jieun.composer.waitFor();
  await jieun.page.getByRole('button', { name: jieun.words.about }).click();
  await openSettings();
  await speaks(WORDS.en);
  await jieun.composer.waitFor();
  minho.leave();
});

test('one’s name has the width of the side while it is changed', async () => {
  const jieun = await arrive('지은');
  await jieun.enter(newRoom());
  await jieun.page.getByRole('button', { name: '이름 바꾸기' }).click();
  const { width } = await jieun.nameField.boundingBox();
  assert.ok(width > 140, `${width} pixels`);
});

test('a few letters lead to another room, also the first consonants alone', async () => {
  const jieun = await arrive('지은');
  const [books, walks] = [`동네 책모임 ${newRoom()}`, `주말 등산 ${newRoom()}`];
  await jieun.enter(walks);
  await jieun.say('일요일 8시');
  await jieun.hasSaidAll();
  await jieun.page.goto(Person.linkTo(books));
  await jieun.composer.waitFor();
  await jieun.page.keyboard.press('Control+k');
  const field = jieun.page.getByRole('combobox', { name: '다른 방으로 가기' });
  await field.pressSequentially('ㅈㅁㄷ');
  const first = jieun.page.getByRole('option', { name: walks });
  await first.waitFor();
  assert.equal(await first.getAttribute('aria-selected'), 'true');
  assert.equal(await field.getAttribute('aria-activedescendant'), await first.getAttribute('id'));
  await field.press('Enter');
  await jieun.page.getByRole('heading', { name: walks }).waitFor();
  await jieun.page.getByRole('dialog').waitFor({ state: 'detached' });

  const fresh = newRoom();
  await jieun.page.keyboard.press('Control+k');
  await field.fill(fresh);
  await jieun.page.getByRole('option', { name: fresh }).click();
  await jieun.page.getByRole('heading', { name: fresh }).waitFor();
});

test('what lies over the page gives its place to the quick switcher, and the focus too', async () => {
  const jieun = await arrive('지은');
  await jieun.enter(newRoom());
  for (const opened of ['방 정보', '초대하기', '설정']) {
    await jieun.composer.focus();
    const opener = jieun.page.locator('.room-header, .side').getByRole('button', { name: opened, exact: true });
    await opener.click();
    await jieun.page.getByRole('dialog', { name: opened }).waitFor();
    await jieun.page.keyboard.press('Control+k');
    const field = jieun.page.getByRole('combobox', { name: '다른 방으로 가기' });
    await field.and(jieun.page.locator(':focus')).waitFor();
    await jieun.page.keyboard.press('Escape');
    await jieun.page.getByRole('dialog').waitFor({ state: 'detached' });
    // Back where it was before either was open.
    await opener.and(jieun.page.locator(':focus')).waitFor();
  }
});

test('a question mark lists the shortcuts, except where one writes', async () => {
  const emma = await arrive('Emma', { language: 'en' });
  await emma.enter(newRoom());
  await emma.composer.press('?');
  assert.equal(await emma.composer.inputValue(), '?');
  await emma.composer.fill('');
  await emma.log.focus();
  await emma.page.keyboard.press('?');
  await emma.page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  await emma.page.keyboard.press('Escape');
  await emma.page.getByRole('dialog').waitFor({ state: 'detached' });
});

test('every shortcut of the list does what the list says', async () => {
  const [jieun, emma] = [await arrive('지은'), await arrive('Emma', { language: 'en' })];
  const [room, other] = [newRoom(), newRoom()];
  const { page, composer } = emma;
  const { keyboard } = page;
  const value = (text) => page.waitForFunction((text) => document.querySelector('.composer textarea').value === text, text);
  const isIn = (room) => page.getByRole('main').getByRole('heading', { name: room }).waitFor();
  const dialog = (name) => page.getByRole('dialog', { name });
  const escape = async () => {
    await keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  };
  const marks = (shortcut, marked) => async () => {
    await composer.fill('word');
    await composer.press('Control+a');
    await keyboard.press(shortcut);
    await value(marked);
    await composer.fill('');
  };
  const does = {
    'Send: Enter': async () => {
      await composer.fill('one');
      await composer.press('Enter');
      await jieun.sees('one');
      await emma.hasSaidAll();
    },
    'New line: Shift Enter': async () => {
      await composer.fill('a');
      await composer.press('Shift+Enter');
      await value('a\n');
      await composer.fill('');
    },
    'Send, whatever Enter does: Ctrl Enter': async () => {
      await composer.fill('two');
      await composer.press('Control+Enter');
      await jieun.sees('two');
      await emma.hasSaidAll();
    },
    'Edit your last message: ↑': async () => {
      await composer.press('ArrowUp');
      await page.getByText('Edit message', { exact: true }).waitFor();
      await value('two');
    },
    'Close or cancel: Esc': async () => {
      await composer.press('Escape');
      await value('');
    },
    'Complete a name or an emoji: @ :': async () => {
      for (const [word, picked] of [['@지', '@지은 '], [':tada', '🎉']]) {
        await composer.pressSequentially(word);
        await page.locator('#suggestion-0').waitFor();
        await composer.press('Tab');
        await page.waitForFunction((picked) => document.querySelector('.composer textarea').value.startsWith(picked), picked);
        await composer.fill('');
      }
    },
    'Bold: Ctrl B': marks('Control+b', '*word*'),
    'Italic: Ctrl I': marks('Control+i', '_word_'),
    'Strike through: Ctrl Shift X': marks('Control+Shift+x', '~word~'),
    'Code: Ctrl E': marks('Control+e', '`word`'),
    'Choose a message and act on it: ↑↓ Enter': async () => {
      await emma.log.focus();
      await keyboard.press('ArrowUp');
      await keyboard.press('ArrowUp');
      await keyboard.press('ArrowDown');
      await keyboard.press('Enter');
      await page.locator('.message [data-act=react]:focus').waitFor();
      await keyboard.press('Escape');
    },
    'Reply to the chosen message: R': async () => {
      await keyboard.press('Home');
      await emma.row('one').and(page.locator(':focus')).waitFor();
      await keyboard.press('End');
      await emma.row('two').and(page.locator(':focus')).waitFor();
      await keyboard.press('r');
      await page.getByText('Reply to Emma', { exact: true }).waitFor();
      await composer.and(page.locator(':focus')).waitFor();
      await keyboard.press('Escape');
      await page.locator('.banner').waitFor({ state: 'hidden' });
      // And back without choosing anything.
      await emma.log.focus();
      await keyboard.press('ArrowUp');
      await keyboard.press('Escape');
      await composer.and(page.locator(':focus')).waitFor();
    },
    'The first unread message: Shift PgUp': async () => {
      await page.goto(Person.linkTo(other));
      await isIn(other);
      await stage.fill(room, 120);
      await page.goto(Person.linkTo(room));
      await composer.focus();
      await emma.log.getByText('이야기 1', { exact: true }).waitFor();
      await emma.log.press('End');
      await page.waitForFunction(() => {
        const log = document.querySelector('[role=log]');
        return log.scrollHeight - log.scrollTop - log.clientHeight < 2;
      });
      await composer.press('Shift+PageUp');
      await page.waitForFunction(() => {
        const line = document.querySelector('.log .unread')?.getBoundingClientRect();
        return line && line.top >= 0 && line.bottom < innerHeight;
      });
    },
    'Go to a room: Ctrl K': async () => {
      await keyboard.press('Control+k');
      await dialog('Go to a room').waitFor();
      await escape();
    },
    'The room above or below: Alt ↑↓': async () => {
      await isIn(room);
      await keyboard.press('Alt+ArrowDown');
      await isIn(other);
      await keyboard.press('Alt+ArrowUp');
      await isIn(room);
    },
    'The next unread room: Alt Shift ↑↓': async () => {
      await stage.fill(other, 1);
      await page.locator('[data-unread]').first().waitFor();
      await keyboard.press('Alt+Shift+ArrowDown');
      await isIn(other);
    },
    'This list: ?': async () => {
      await emma.log.focus();
      await keyboard.press('?');
      await dialog('Keyboard shortcuts').waitFor();
    },
  };
  await jieun.enter(room);
  await emma.enter(room);
  await emma.log.focus();
  await keyboard.press('?');
  assert.deepEqual(await listed(page), Object.keys(does));
  await escape();
  for (const act of Object.values(does)) await act();
});

test('where Enter breaks the line, the list of shortcuts says so', async () => {
  const emma = await arrive('Emma', { language: 'en' });
  await emma.enter(newRoom());
  await emma.choose('Enter key', 'New line');
  await emma.log.focus();
  await emma.page.keyboard.press('?');
  await emma.page.getByRole('dialog').waitFor();
  const [first, second, third] = await listed(emma.page);
  assert.deepEqual([first, second], ['Send: Ctrl Enter', 'New line: Enter']);
  assert.ok(!third.includes('Enter'), third);
});

/** The list of shortcuts, each with its keys. */
function listed(page) {
  return page.locator('.shortcuts > div').evaluateAll((rows) =>
    rows.map((row) => `${row.querySelector('dt').textContent}: ${[...row.querySelectorAll('kbd')].map((key) => key.textContent).join(' ')}`),
  );
}

test('a notification is shown after a click on the bell, and none for what is on the screen', async () => {
  const [jieun, minho] = [await arrive('지은'), await arrive('민호')];
  const room = newRoom();
  await recordNotifications(jieun);
  await jieun.enter(room);
  await minho.enter(room);
  await minho.say('아직 안 물어봤지');
  await jieun.sees('아직 안 물어봤지');
  assert.deepEqual(await notifications(jieun), { asked: 0, shown: [] });

  await jieun.page.getByRole('button', { name: '이 방의 알림' }).click();
  await jieun.page.keyboard.press('Escape');
  await minho.say('보고 있네');
  await jieun.sees('보고 있네');
  assert.deepEqual(await notifications(jieun), { asked: 1, shown: [] });

  await look(jieun, false);
  await minho.say('*안* 보고 있네');
  await eventually('the notification', async () => (await notifications(jieun)).shown.length > 0);
  assert.deepEqual(await notifications(jieun), { asked: 1, shown: [`민호 · ${room}: 안 보고 있네`] });

  // Neither for what another window shows.
  const window = await stage.anotherWindow(jieun);
  await window.page.goto(Person.linkTo(room));
  await window.composer.waitFor();
  await minho.say('다른 창에서 보고 있네');
  await window.sees('다른 창에서 보고 있네');
  await window.page.close();

  await look(jieun, true);
  await jieun.page.getByRole('button', { name: '이 방의 알림' }).click();
  await jieun.page.getByRole('radio', { name: '나를 부를 때만' }).check();
  await jieun.page.keyboard.press('Escape');
  await look(jieun, false);
  for (const text of ['아무도 안 불렀어', '@지은 불렀어']) await minho.say(text);
  const shown = await eventually('the mention', async () => {
    const { shown } = await notifications(jieun);
    return shown.length > 1 && shown;
  });
  assert.deepEqual(shown.slice(1), [`민호 · ${room}: @지은 불렀어`]);

  // Who has switched them off and looks at the bell leaves them off.
  await look(jieun, true);
  await jieun.choose('알림', '끄기');
  await jieun.page.getByRole('button', { name: '이 방의 알림' }).click();
  await jieun.page.getByRole('button', { name: '알림 켜기' }).waitFor();
});

test('a link is shared as text and as a drawing for a camera', async () => {
  const jieun = await arrive('지은');
  const room = newRoom();
  await jieun.enter(room);
  await jieun.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await jieun.page.locator('.room-header .share').click();
  await jieun.page.getByRole('button', { name: '링크 복사하기' }).click();
  await jieun.page.getByRole('button', { name: '링크를 복사했어요' }).waitFor();
  const copied = await jieun.page.evaluate(() => navigator.clipboard.readText());
  assert.equal(copied, new URL(Person.linkTo(room), jieun.page.url()).href);
  const drawn = jieun.page.getByRole('img', { name: '링크를 담은 QR 코드' });
  assert.ok(await drawn.evaluate((image) => image.decode().then(() => image.naturalWidth > 0)));
});

test('what is said in other rooms is counted, also by a page that comes back', async () => {
  const [jieun, minho] = [await arrive('지은'), await arrive('민호')];
  const [here, there] = [`여기 ${newRoom()}`, `저기 ${newRoom()}`];
  await jieun.enter(there);
  await jieun.say('다른 방에 다녀올게');
  await jieun.hasSaidAll();
  await jieun.page.goto(Person.linkTo(here));
  await jieun.composer.waitFor();
  await minho.enter(there);
  await minho.say('그래');
  await minho.say('@지은 언제 와?');
  await minho.hasSaidAll();
  const row = jieun.page.getByRole('link', { name: there });
  const counted = row.getByText('안 읽음 2개 나를 부른 메시지 1개');
  await counted.waitFor({ state: 'attached' });
  assert.equal(await row.locator('.badge [aria-hidden]').textContent(), '@1 · 2');
  await titled(jieun, `(2) ${here} · 마당`);
  await jieun.page.reload();
  await counted.waitFor({ state: 'attached' });
  await titled(jieun, `(2) ${here} · 마당`);

  await jieun.page.keyboard.press('Alt+Shift+ArrowDown');
  await jieun.sees('그래');
  await counted.waitFor({ state: 'detached' });
  await titled(jieun, `${there} · 마당`);
});

test('on a phone Back leads from the room to the rooms, and forward into it again', async () => {
  const jieun = await arrive('지은', { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  const room = newRoom();
  await jieun.enter(room);
  await jieun.page.getByRole('link', { name: '방 목록으로' }).click();
  const link = jieun.page.getByRole('link', { name: room });
  await link.click();
  await jieun.composer.waitFor();
  await jieun.page.goBack();
  await link.waitFor();
  assert.equal(await jieun.composer.count(), 0);
  await jieun.page.goForward();
  await jieun.composer.waitFor();
});

test('on a phone the way back tells that something is new in another room', async () => {
  const [room, other] = [newRoom(), newRoom()];
  const jieun = await arrive('지은', { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  await jieun.enter(other);
  await jieun.say('여기 있어요');
  await jieun.hasSaidAll();
  await jieun.page.goto(Person.linkTo(room));
  await jieun.composer.waitFor();
  await jieun.page.getByRole('link', { name: '방 목록으로', exact: true }).waitFor();
  await stage.fill(other, 2);
  await jieun.page.getByRole('link', { name: '방 목록으로, 안 읽음 2개', exact: true }).waitFor();
});

test('a room that answers only after one went back to the rooms is a room of one’s own', async () => {
  const jieun = await arrive('지은');
  const wire = await Wire.of(jieun);
  const room = newRoom();
  wire.holds = (frame) => `${frame}`.includes('["join"');
  await jieun.enter(room);
  await eventually('the page to ask to be let in', () => wire.held.length > 0);
  await jieun.page.getByRole('link', { name: '마당', exact: true }).click();
  await jieun.composer.waitFor({ state: 'detached' });
  wire.handOn();
  await jieun.page.getByRole('link', { name: room }).click();
  await jieun.page.getByRole('heading', { name: room }).waitFor();
});

test('a full room lets in who waits, and tells who is not looking', async () => {
  const [jieun, minho, third] = [await arrive('지은'), await arrive('민호'), await arrive('수아')];
  const room = newRoom();
  await jieun.openRoomForTwo(room);
  await minho.enter(room);
  await recordNotifications(third);
  await third.knock(room);
  await third.full.waitFor();
  await third.page.getByRole('button', { name: '자리가 나면 알려 주세요' }).click();
  await look(third, false);

  await minho.page.getByRole('button', { name: '방 정보' }).click();
  await minho.page.getByRole('button', { name: '방에서 나가기' }).click();
  await minho.page.getByText('자리가 다 찬 방이에요').waitFor();
  await minho.page.getByRole('button', { name: '그래도 나가기' }).click();
  await third.full.waitFor({ state: 'detached' });
  assert.deepEqual((await notifications(third)).shown, [`${room}에 빈자리가 났어요: `]);
  // It is no room of hers.
  await minho.page.getByRole('link', { name: room, exact: true }).waitFor({ state: 'detached' });
});

test('whoever waits for a seat is let in at once, also when the connection was lost meanwhile', async () => {
  const room = newRoom();
  const minho = await stage.visitor('민호');
  await minho.ask('join', { room, seats: 1 });
  const third = await arrive('수아');
  const wire = await Wire.of(third);
  await third.knock(room);
  await third.full.waitFor();
  const asked = new Promise((asked) => {
    wire.answers = (frame) => void (`${frame}`.includes('["watch_seat"') && asked());
  });
  await wire.cut();
  wire.mend();
  await asked;
  await minho.ask('leave', { room });
  // It knocks by itself after half a minute only.
  await third.full.waitFor({ state: 'detached', timeout: 10_000 });
  await third.composer.waitFor();
  minho.leave();
  third.forgiveLostConnections();
});

test('the owner says what a room is about, and everybody sees it', async () => {
  const [jieun, minho] = [await arrive('지은'), await arrive('민호')];
  const room = newRoom();
  await jieun.enter(room);
  await minho.enter(room);
  await jieun.page.getByRole('button', { name: '방 정보' }).click();
  await jieun.page.getByRole('textbox', { name: '주제' }).fill('이번 주 읽을 책');
  await jieun.page.getByRole('button', { name: '저장' }).click();
  for (const person of [jieun, minho]) await person.page.locator('.topic', { hasText: '이번 주 읽을 책' }).waitFor();
  await minho.page.getByRole('button', { name: '방 정보' }).click();
  await minho.page.getByRole('button', { name: '방에서 나가기' }).waitFor();
  assert.equal(await minho.page.getByRole('textbox', { name: '주제' }).count(), 0);
});

test('the owner lifts the limit of seats, and who waited is let in', async () => {
  const [jieun, minho, third] = [await arrive('지은'), await arrive('민호'), await arrive('수아')];
  const room = newRoom();
  await jieun.openRoomForTwo(room);
  await minho.enter(room);
  await third.knock(room);
  await third.full.waitFor();
  await jieun.page.getByRole('button', { name: '방 정보' }).click();
  await jieun.page.getByRole('textbox', { name: '자리 수' }).fill('');
  await jieun.page.getByRole('button', { name: '저장' }).click();
  await jieun.page.getByRole('dialog').waitFor({ state: 'detached' });
  await third.composer.waitFor();
  for (const person of [jieun, minho]) await person.log.getByText('지은 님이 자리 제한을 없앴어요').waitFor();

  // Another change says nothing of the seats.
  await jieun.page.getByRole('button', { name: '방 정보' }).click();
  await jieun.page.getByRole('textbox', { name: '주제' }).fill('누구나');
  await jieun.page.getByRole('button', { name: '저장' }).click();
  await minho.log.getByText('지은 님이 주제를 바꿨어요: 누구나', { exact: true }).waitFor();
});

/** In the place of the system's notifications, which no test can see. */
function recordNotifications({ page }) {
  return page.addInitScript(() => {
    window.notifications = { asked: 0, shown: [] };
    window.Notification = class {
      static permission = 'default';
      static async requestPermission() {
        window.notifications.asked += 1;
        return (this.permission = 'granted');
      }
      constructor(title, { body }) {
        window.notifications.shown.push(`${title}: ${body}`);
      }
      close() {}
    };
  });
}

function notifications({ page }) {
  return page.evaluate(() => window.notifications);
}

/** Puts the window in front of the others, or behind them. */
function look({ page }, looking) {
  return page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, !looking);
}

function titled({ page }, title) {
  return page.waitForFunction((title) => document.title === title, title);
}
