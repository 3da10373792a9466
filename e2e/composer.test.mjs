// Writing in a real browser: composition of Hangul and kana, completion of names and emoji, and
// formatting that can be undone. The browser's own input method is told what to compose.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newRoomName } from './clients.mjs';
import { CONTROL, Keyboard, COMPOSITION_END_ORDERS, SHIFT } from './keyboard.mjs';
import { Person } from './page.mjs';
import { PageFixture } from './page-fixture.mjs';

const fixture = new PageFixture();

/** Returns a person alone in a new room, with the caret in the composer. */
async function newWriter({ name = '지은', ...options } = {}) {
  const jieun = await fixture.newPerson(name, options);
  const room = newRoomName();
  await jieun.joinRoom(room);
  await jieun.composer.focus();
  return { jieun, room, keyboard: await Keyboard.attach(jieun) };
}

/** Reads the room's log as another person. */
async function readLog(person, room) {
  await person.waitUntilDelivered();
  return fixture.readLog(room);
}

test('one Enter sends one message while Hangul is being composed', async () => {
  const { jieun, room, keyboard } = await newWriter();

  // Enter ends the composition: Chromium on Windows and Linux.
  await keyboard.compose('ㅎ', '하', '한');
  await keyboard.commit('한');
  await keyboard.compose('ㄱ', '그', '글');
  await keyboard.down('Enter', { composing: true });
  await keyboard.commit('글');
  await keyboard.up('Enter');
  await jieun.waitForMessage('한글');

  // The same with a second, plain Enter of the same key press: Chromium on macOS.
  await keyboard.compose('ㄷ', '두', '둘');
  await keyboard.down('Enter', { composing: true });
  await keyboard.commit('둘');
  await keyboard.press('Enter');
  await jieun.waitForMessage('둘');

  // Without a composition.
  await keyboard.compose('ㅅ', '세', '셋');
  await keyboard.commit('셋');
  await keyboard.press('Enter');
  await jieun.waitForMessage('셋');

  // With Ctrl, wherever Enter alone would not send.
  await jieun.composer.pressSequentially('```');
  await keyboard.press('Enter');
  await keyboard.compose('ㄴ', '네', '넷');
  await keyboard.down('Enter', { composing: true, modifiers: CONTROL });
  await keyboard.commit('넷');
  await keyboard.up('Enter');
  // Wait until it is sent: the next `fill` would replace it.
  await jieun.log.getByText('넷').waitFor();
  await jieun.send('끝');
  await jieun.waitForMessage('끝');
  assert.deepEqual(await readLog(jieun, room), ['한글', '둘', '셋', '```\n넷', '끝']);
});

test('Enter while kana or pinyin is being composed only confirms', async () => {
  const { jieun, room, keyboard } = await newWriter();
  for (const [composed, steps] of [
    ['日本', ['に', 'にほ', '日本']],
    ['ni', ['n', 'ni']],
  ]) {
    await keyboard.compose(...steps);
    await keyboard.down('Enter', { composing: true });
    await keyboard.commit(composed);
    await keyboard.up('Enter');
    assert.equal(await jieun.composer.inputValue(), composed);
    await jieun.composer.press('Enter');
    await jieun.waitForMessage(composed);
  }
  assert.deepEqual(await readLog(jieun, room), ['日本', 'ni']);
});

test('the Enter that chooses a room does not send the draft in it', async () => {
  const { jieun, room: here, keyboard } = await newWriter();
  const there = `책모임 ${newRoomName()}`;
  await jieun.page.goto(Person.linkTo(there));
  await jieun.composer.fill('아직 쓰는 중');
  const arrived = () => jieun.page.waitForFunction(() => document.activeElement.value === '아직 쓰는 중');
  const ways = {
    ...COMPOSITION_END_ORDERS,
    async 'nothing is composed'(keyboard, text, meanwhile) {
      await keyboard.commit(text);
      await keyboard.down('Enter');
      await meanwhile();
      for (let times = 0; times < 3; times += 1) await keyboard.down('Enter', { held: true });
      await keyboard.up('Enter');
    },
  };
  for (const [way, enter] of Object.entries(ways)) {
    await jieun.page.goto(Person.linkTo(here));
    await jieun.composer.waitFor();
    await jieun.page.keyboard.press('Control+k');
    await jieun.page.getByRole('combobox').and(jieun.page.locator(':focus')).waitFor();
    await keyboard.compose('ㅊ', '채', '책');
    await enter(keyboard, '책', arrived);
    await arrived();
    assert.equal(await jieun.log.locator('.message').count(), 0, way);
    assert.equal(await jieun.composer.inputValue(), '아직 쓰는 중', way);
  }
  // The next key press counts on its own.
  await keyboard.press('Enter');
  await jieun.waitForMessage('아직 쓰는 중');
  assert.deepEqual(await readLog(jieun, there), ['아직 쓰는 중']);
});

test('one Enter is enough in every field while Hangul is being composed', async () => {
  for (const [order, enter] of Object.entries(COMPOSITION_END_ORDERS)) {
    const jieun = await fixture.newPerson('지은');
    const { page } = jieun;
    const keyboard = await Keyboard.attach(jieun);
    await page.goto(Person.linkTo(newRoomName()));
    await jieun.nameField.focus();
    await keyboard.compose('ㅈ', '지');
    await keyboard.commit('지');
    await keyboard.compose('ㅇ', '으', '은');
    await enter(keyboard, '은', () => jieun.composer.waitFor());
    await jieun.composer.waitFor();
    await page.locator('.profile strong', { hasText: '지은' }).waitFor();

    // Submitted once, not twice: the refusal stays visible.
    await page.getByRole('button', { name: '이름 바꾸기' }).click();
    await jieun.nameField.fill('가'.repeat(32));
    await keyboard.compose('ㅎ', '하');
    await enter(keyboard, '하', () => page.locator('.profile .form-note', { hasText: '너무 길어요' }).waitFor());
    await page.locator('.profile .form-note', { hasText: '너무 길어요' }).waitFor();
    await page.keyboard.press('Escape');

    // A toggle is not toggled back.
    await jieun.send('좋은 아침');
    await jieun.waitUntilDelivered();
    await jieun.messageRow('좋은 아침').hover();
    await jieun.messageRow('좋은 아침').locator('[data-action=react]').click();
    await page.getByRole('searchbox').and(page.locator(':focus')).waitFor();
    await keyboard.compose('ㅍ', '폭');
    await keyboard.commit('폭');
    await keyboard.compose('ㅈ', '주', '죽');
    await page.getByRole('button', { name: '폭죽', exact: true }).waitFor();
    const reacted = jieun.messageRow('좋은 아침').locator('.reactions button');
    await enter(keyboard, '죽', () => reacted.first().waitFor());
    await reacted.first().waitFor();
    await jieun.page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.equal(await reacted.first().getAttribute('aria-pressed'), 'true', order);
  }
});

test('Enter confirms kana in a field, and the next one is taken', async () => {
  const jieun = await fixture.newPerson('지은');
  const keyboard = await Keyboard.attach(jieun);
  await jieun.page.goto(Person.linkTo(newRoomName()));
  await jieun.nameField.focus();
  await keyboard.compose('に', 'にほ', '日本');
  await keyboard.down('Enter', { composing: true });
  await keyboard.commit('日本');
  await keyboard.up('Enter');
  assert.equal(await jieun.nameField.inputValue(), '日本');
  await keyboard.press('Enter');
  await jieun.composer.waitFor();
});

test('Shift and Enter begin a new line, and so does Enter inside code', async () => {
  const { jieun, room, keyboard } = await newWriter();
  await jieun.composer.pressSequentially('첫 줄');
  await jieun.composer.press('Shift+Enter');
  await keyboard.compose('ㄷ', '두', '둘');
  await keyboard.down('Enter', { composing: true, modifiers: SHIFT });
  await keyboard.commit('둘');
  await keyboard.up('Enter');
  assert.equal(await jieun.composer.inputValue(), '첫 줄\n둘');
  await jieun.composer.press('Shift+Enter');
  await jieun.composer.pressSequentially('```');
  await jieun.composer.press('Enter');
  await jieun.composer.pressSequentially('코드');
  await jieun.composer.press('Enter');
  await jieun.composer.pressSequentially('```');
  assert.equal(await jieun.composer.inputValue(), '첫 줄\n둘\n```\n코드\n```');
  await jieun.composer.press('Enter');
  await jieun.log.getByText('코드').waitFor();
  assert.deepEqual(await readLog(jieun, room), ['첫 줄\n둘\n```\n코드\n```']);
});

test('a name is completed while its last syllable is still being composed', async () => {
  const { jieun, room, keyboard } = await newWriter();
  const others = await Promise.all(['민호', '김민지', '수아'].map((name) => fixture.newClient(name)));
  for (const other of others) await other.request('join', { room });
  await jieun.page.locator('.room-header').getByText('4', { exact: true }).waitFor();
  const options = jieun.page.getByRole('option');

  await jieun.composer.pressSequentially('@');
  await options.nth(2).waitFor();
  await keyboard.compose('ㅁ', '미', '민');
  await options.nth(2).waitFor({ state: 'detached' });
  assert.deepEqual(await options.locator('span:last-child').allTextContents(), ['민호', '김민지']);
  assert.equal(await activeOption(jieun), '민호');
  await keyboard.down('ArrowDown', { composing: true });
  await keyboard.up('ArrowDown');
  await waitForActiveOption(jieun, '김민지');
  await keyboard.down('Enter', { composing: true });
  await keyboard.commit('민');
  await keyboard.up('Enter');
  await options.first().waitFor({ state: 'detached' });
  assert.equal(await jieun.composer.inputValue(), '@김민지 ');

  // By initials, with Tab; Escape closes the list and leaves the text.
  await jieun.composer.pressSequentially('@');
  await keyboard.compose('ㅅ');
  await keyboard.commit('ㅅ');
  await keyboard.compose('ㅇ');
  await keyboard.commit('ㅇ');
  await options.first().waitFor();
  await jieun.composer.press('Tab');
  assert.equal(await jieun.composer.inputValue(), '@김민지 @수아 ');
  await jieun.composer.pressSequentially('@');
  await options.first().waitFor();
  await jieun.composer.press('Escape');
  await options.first().waitFor({ state: 'detached' });
  assert.equal(await jieun.composer.inputValue(), '@김민지 @수아 @');

  // With the mouse, and the caret stays in the text.
  await jieun.composer.pressSequentially(' @');
  await options.filter({ hasText: '민호' }).click();
  await jieun.composer.pressSequentially('안녕');
  assert.equal(await jieun.composer.inputValue(), '@김민지 @수아 @ @민호 안녕');
  for (const other of others) other.leave();
});

test('an emoji is completed by its Korean name', async () => {
  const { jieun, keyboard } = await newWriter();
  await jieun.composer.pressSequentially('좋아 :');
  await keyboard.compose('ㄱ', '가', '강', '강ㅇ');
  await jieun.page.getByRole('option').first().waitFor();
  await keyboard.compose('강아');
  await waitForActiveOption(jieun, '강아지 얼굴');
  await keyboard.down('Enter', { composing: true });
  await keyboard.commit('강아');
  await keyboard.up('Enter');
  await jieun.page.getByRole('option').first().waitFor({ state: 'detached' });
  assert.equal(await jieun.composer.inputValue(), '좋아 🐶');
});

test('an emoji is put where the caret is, by mouse and by keyboard', async () => {
  const jieun = await fixture.newPerson('지은');
  await jieun.joinRoom(newRoomName());
  await jieun.composer.fill('생일  축하해요');
  for (let presses = 0; presses < 5; presses += 1) await jieun.composer.press('ArrowLeft');
  const open = jieun.page.getByRole('button', { name: '이모지 넣기' });
  await open.click();
  await jieun.page.locator('.emoji-group [data-emoji="🎉"]').first().click();
  await jieun.page.getByRole('dialog').waitFor({ state: 'detached' });
  await jieun.composer.and(jieun.page.locator(':focus')).waitFor();
  assert.equal(await jieun.composer.inputValue(), '생일 🎉 축하해요');
  await jieun.composer.press('Tab');
  await open.and(jieun.page.locator(':focus')).waitFor();
  await jieun.page.keyboard.press('Enter');
  await jieun.page.getByRole('searchbox').pressSequentially('폭죽');
  await jieun.page.getByRole('button', { name: '폭죽', exact: true }).waitFor();
  await jieun.page.keyboard.press('Enter');
  await jieun.composer.and(jieun.page.locator(':focus')).waitFor();
  assert.equal(await jieun.composer.inputValue(), '생일 🎉🧨 축하해요');
});

test('marks go around the selection, off again, and every step can be undone', async () => {
  const { jieun } = await newWriter();
  await jieun.composer.pressSequentially('plain words');
  await jieun.composer.press('Control+Shift+ArrowLeft');
  for (const [keys, text] of [
    ['Control+b', 'plain *words*'],
    ['Control+b', 'plain words'],
    ['Control+i', 'plain _words_'],
    ['Control+z', 'plain words'],
    ['Control+Shift+X', 'plain ~words~'],
    ['Control+z', 'plain words'],
    ['Control+e', 'plain `words`'],
    ['Control+z', 'plain words'],
  ]) {
    await jieun.composer.press(keys);
    assert.equal(await jieun.composer.inputValue(), text, keys);
  }
});

test('a dropped file is refused with a message and does not replace the page', async () => {
  const { jieun } = await newWriter();
  for (const kind of ['paste', 'drop']) {
    const prevented = await jieun.composer.evaluate((composer, kind) => {
      const data = new DataTransfer();
      data.items.add(new File(['x'], 'x.png', { type: 'image/png' }));
      const options = { bubbles: true, cancelable: true };
      const event =
        kind === 'paste'
          ? new ClipboardEvent(kind, { ...options, clipboardData: data })
          : new DragEvent(kind, { ...options, dataTransfer: data });
      return !composer.dispatchEvent(event);
    }, kind);
    assert.ok(prevented, kind);
    await jieun.page.getByRole('alert').filter({ hasText: '파일' }).waitFor();
    await jieun.composer.pressSequentially('.');
    await jieun.page.getByRole('alert').filter({ hasText: '파일' }).waitFor({ state: 'hidden' });
  }
});

test('the composer grows to eight lines and then scrolls', async () => {
  const { jieun } = await newWriter();
  const height = async (lines) => {
    await jieun.composer.fill(Array.from({ length: lines }, (_, line) => `${line}`).join('\n'));
    return jieun.composer.evaluate((composer) => composer.clientHeight);
  };
  const [one, two, eight, nine] = [await height(1), await height(2), await height(8), await height(9)];
  assert.equal(two - one, 24);
  assert.equal(eight - one, 7 * 24);
  assert.equal(nine, eight);
});

test('a keystroke redraws neither the conversation nor the composer', async () => {
  const { jieun, room } = await newWriter();
  await jieun.send('이야기');
  await jieun.waitUntilDelivered();
  // The first key marks the room as one with a draft.
  await jieun.composer.pressSequentially('가');
  await jieun.page.evaluate(() => {
    window.changes = [];
    const observer = new MutationObserver((changes) => window.changes.push(...changes.map(({ target }) => target.outerHTML)));
    for (const part of document.querySelectorAll('[role=log], .composer')) {
      observer.observe(part, { subtree: true, childList: true, attributes: true, characterData: true });
    }
  });
  await jieun.composer.pressSequentially('나다라 마바사');
  await jieun.waitForPaint();
  assert.deepEqual(await jieun.page.evaluate(() => window.changes), []);
  await jieun.composer.press('Enter');
  await jieun.waitForMessage('가나다라 마바사');
  assert.deepEqual(await readLog(jieun, room), ['이야기', '가나다라 마바사']);
});

test('on a touch screen Enter begins a new line and the button sends', async () => {
  const { jieun, room, keyboard } = await newWriter({
    viewport: { width: 390, height: 844 },
    isMobile: true,
    hasTouch: true,
  });
  await jieun.composer.pressSequentially('첫 줄');
  await jieun.composer.press('Enter');
  await keyboard.compose('ㄷ', '두', '둘');
  await keyboard.commit('둘');
  await jieun.page.getByRole('button', { name: jieun.labels.send, exact: true }).tap();
  await jieun.log.getByText('둘').waitFor();
  assert.deepEqual(await readLog(jieun, room), ['첫 줄\n둘']);
  assert.equal(await jieun.composer.inputValue(), '');
});

test('arrow up edits one’s last message, also across a reload, and Escape cancels', async () => {
  const { jieun, room } = await newWriter();
  const minho = await fixture.newPerson('민호');
  await minho.joinRoom(room);
  for (const text of ['처음 한 말', '나중에 한 말']) {
    await jieun.send(text);
    await minho.waitForMessage(text);
  }
  const banner = jieun.page.getByText('메시지 고치기', { exact: true });

  await jieun.waitUntilDelivered();
  await jieun.composer.press('ArrowUp');
  await banner.waitFor();
  assert.equal(await jieun.composer.inputValue(), '나중에 한 말');
  await jieun.page.reload();
  await banner.waitFor();
  assert.equal(await jieun.composer.inputValue(), '나중에 한 말', 'an edit that has not begun is not empty');
  await jieun.composer.pressSequentially('인데');
  await jieun.page.reload();
  await banner.waitFor();
  assert.equal(await jieun.composer.inputValue(), '나중에 한 말인데');
  await jieun.composer.press('Escape');
  await banner.waitFor({ state: 'hidden' });
  assert.equal(await jieun.composer.inputValue(), '');

  await jieun.waitForMessage('나중에 한 말');
  await jieun.composer.press('ArrowUp');
  await banner.waitFor();
  const keyboard = await Keyboard.attach(jieun);
  await keyboard.compose('ㅇ', '이', '임');
  await keyboard.down('Enter', { composing: true });
  await keyboard.commit('임');
  await keyboard.up('Enter');
  await banner.waitFor({ state: 'hidden' });
  for (const { log } of [jieun, minho]) await log.locator('.message').filter({ hasText: '나중에 한 말임' }).waitFor();
  assert.equal(await jieun.composer.inputValue(), '');
});

/** Returns the option that screen readers announce. */
function activeOption({ composer }) {
  return composer.evaluate((composer) => {
    const option = document.getElementById(composer.getAttribute('aria-activedescendant'));
    return option?.getAttribute('aria-selected') === 'true' ? option.lastElementChild.textContent : undefined;
  });
}

async function waitForActiveOption(person, name) {
  await person.page.getByRole('option', { selected: true }).filter({ hasText: name }).waitFor();
  assert.equal(await activeOption(person), name);
}
