// Settings, and the keyboard shortcuts that the page lists.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newRoomName } from './clients.mjs';
import { LABELS, Person } from './page.mjs';
import { PageFixture } from './page-fixture.mjs';

const fixture = new PageFixture();
const newPerson = (...args) => fixture.newPerson(...args);

test('a change of language loses no draft', async () => {
  const jieun = await newPerson('지은');
  await jieun.joinRoom(newRoomName());
  await jieun.composer.fill('아직 쓰는 중인 글');
  await jieun.switchLanguage('en');
  assert.equal(await jieun.composer.inputValue(), '아직 쓰는 중인 글');
  await jieun.switchLanguage('ko');
  assert.equal(await jieun.composer.inputValue(), '아직 쓰는 중인 글');
});

test('settings survive a reload, from the first paint on', async () => {
  const emma = await newPerson('Emma', { language: 'en' });
  const room = newRoomName();
  await emma.joinRoom(room);
  await emma.changeSetting('Theme', 'Dark');
  await emma.changeSetting('Text size', 'Largest');
  await emma.changeSetting('Enter key', 'New line');
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
  await emma.waitUntilDelivered();
  assert.deepEqual(await fixture.readLog(room), ['one\ntwo']);
});

test('the settings are reachable without a name, before a full room, and in a room on a phone', async () => {
  const room = newRoomName();
  const minho = await fixture.newClient('민호');
  await minho.request('join', { room, seats: 1 });
  const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
  const jieun = await newPerson('지은', phone);
  const switchLanguage = async (labels) => {
    await jieun.page.getByRole('combobox', { name: jieun.labels.language }).selectOption(labels.languageName);
    await jieun.page.keyboard.press('Escape');
    await jieun.page.getByRole('dialog').waitFor({ state: 'detached' });
    jieun.labels = labels;
  };
  const openSettings = () => jieun.page.getByRole('button', { name: jieun.labels.settings, exact: true }).click();
  await jieun.page.goto(Person.linkTo(room));
  await jieun.nameField.waitFor();
  await openSettings();
  await switchLanguage(LABELS.en);
  await jieun.enterName();
  await jieun.fullRoomHeading.waitFor();
  await openSettings();
  await switchLanguage(LABELS.ko);
  await jieun.fullRoomHeading.waitFor();
  await minho.request('leave', { room });
  await jieun.composer.waitFor();
  await jieun.page.getByRole('button', { name: jieun.labels.about }).click();
  await openSettings();
  await switchLanguage(LABELS.en);
  await jieun.composer.waitFor();
  minho.leave();
});

test('the name field has the width of the sidebar', async () => {
  const jieun = await newPerson('지은');
  await jieun.joinRoom(newRoomName());
  await jieun.page.getByRole('button', { name: '이름 바꾸기' }).click();
  const { width } = await jieun.nameField.boundingBox();
  assert.ok(width > 140, `${width} pixels`);
});

test('an open dialog gives way to the quick switcher and gets its focus back', async () => {
  const jieun = await newPerson('지은');
  await jieun.joinRoom(newRoomName());
  for (const opened of ['방 정보', '초대하기', '설정']) {
    await jieun.composer.focus();
    const opener = jieun.page.locator('.room-header, .sidebar').getByRole('button', { name: opened, exact: true });
    await opener.click();
    await jieun.page.getByRole('dialog', { name: opened }).waitFor();
    await jieun.page.keyboard.press('Control+k');
    const field = jieun.page.getByRole('combobox', { name: '다른 방으로 가기' });
    await field.and(jieun.page.locator(':focus')).waitFor();
    await jieun.page.keyboard.press('Escape');
    await jieun.page.getByRole('dialog').waitFor({ state: 'detached' });
    // The focus returns to where it was before either was open.
    await opener.and(jieun.page.locator(':focus')).waitFor();
  }
});

test('a question mark lists the shortcuts, except in a text field', async () => {
  const emma = await newPerson('Emma', { language: 'en' });
  await emma.joinRoom(newRoomName());
  await emma.composer.press('?');
  assert.equal(await emma.composer.inputValue(), '?');
  await emma.composer.fill('');
  await emma.log.focus();
  await emma.page.keyboard.press('?');
  await emma.page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  await emma.page.keyboard.press('Escape');
  await emma.page.getByRole('dialog').waitFor({ state: 'detached' });
});

test('every shortcut of the list actions what the list says', async () => {
  const [jieun, emma] = [await newPerson('지은'), await newPerson('Emma', { language: 'en' })];
  const [room, other] = [newRoomName(), newRoomName()];
  const { page, composer } = emma;
  const { keyboard } = page;
  const value = (text) => page.waitForFunction((text) => document.querySelector('.composer textarea').value === text, text);
  const isIn = (room) => page.getByRole('main').getByRole('heading', { name: room }).waitFor();
  const dialog = (name) => page.getByRole('dialog', { name });
  const escape = async () => {
    await keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  };
  const wraps = (shortcut, marked) => async () => {
    await composer.fill('word');
    await composer.press('Control+a');
    await keyboard.press(shortcut);
    await value(marked);
    await composer.fill('');
  };
  const actions = {
    'Send: Enter': async () => {
      await composer.fill('one');
      await composer.press('Enter');
      await jieun.waitForMessage('one');
      await emma.waitUntilDelivered();
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
      await jieun.waitForMessage('two');
      await emma.waitUntilDelivered();
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
    'Bold: Ctrl B': wraps('Control+b', '*word*'),
    'Italic: Ctrl I': wraps('Control+i', '_word_'),
    'Strike through: Ctrl Shift X': wraps('Control+Shift+x', '~word~'),
    'Code: Ctrl E': wraps('Control+e', '`word`'),
    'Choose a message and act on it: ↑↓ Enter': async () => {
      await emma.log.focus();
      await keyboard.press('ArrowUp');
      await keyboard.press('ArrowUp');
      await keyboard.press('ArrowDown');
      await keyboard.press('Enter');
      await page.locator('.message [data-action=react]:focus').waitFor();
      await keyboard.press('Escape');
    },
    'Reply to the chosen message: R': async () => {
      await keyboard.press('Home');
      await emma.messageRow('one').and(page.locator(':focus')).waitFor();
      await keyboard.press('End');
      await emma.messageRow('two').and(page.locator(':focus')).waitFor();
      await keyboard.press('r');
      await page.getByText('Reply to Emma', { exact: true }).waitFor();
      await composer.and(page.locator(':focus')).waitFor();
      await keyboard.press('Escape');
      await page.locator('.banner').waitFor({ state: 'hidden' });
      // And back without an action.
      await emma.log.focus();
      await keyboard.press('ArrowUp');
      await keyboard.press('Escape');
      await composer.and(page.locator(':focus')).waitFor();
    },
    'The first unread message: Shift PgUp': async () => {
      await page.goto(Person.linkTo(other));
      await isIn(other);
      await fixture.fillRoom(room, 120);
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
        const line = document.querySelector('.message-list .unread-divider')?.getBoundingClientRect();
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
      await fixture.fillRoom(other, 1);
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
  await jieun.joinRoom(room);
  await emma.joinRoom(room);
  await emma.log.focus();
  await keyboard.press('?');
  assert.deepEqual(await listedShortcuts(page), Object.keys(actions));
  await escape();
  for (const act of Object.values(actions)) await act();
});

test('the list of shortcuts follows the setting of the Enter key', async () => {
  const emma = await newPerson('Emma', { language: 'en' });
  await emma.joinRoom(newRoomName());
  await emma.changeSetting('Enter key', 'New line');
  await emma.log.focus();
  await emma.page.keyboard.press('?');
  await emma.page.getByRole('dialog').waitFor();
  const [first, second, third] = await listedShortcuts(emma.page);
  assert.deepEqual([first, second], ['Send: Ctrl Enter', 'New line: Enter']);
  assert.ok(!third.includes('Enter'), third);
});

/** Returns the listed shortcuts, each with its keys. */
function listedShortcuts(page) {
  return page.locator('.shortcuts > div').evaluateAll((rows) =>
    rows.map((row) => `${row.querySelector('dt').textContent}: ${[...row.querySelectorAll('kbd')].map((key) => key.textContent).join(' ')}`),
  );
}
