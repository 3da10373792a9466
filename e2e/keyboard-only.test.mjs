// A conversation with the keyboard alone: no mouse, and focus moves only by keys. Elements are found by
// their accessible names.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newRoomName } from './clients.mjs';
import { Person } from './page.mjs';
import { PageFixture } from './page-fixture.mjs';

const fixture = new PageFixture();

test('one can join, read, reply, react, edit, delete and switch rooms without a mouse', async () => {
  const [room, other] = [newRoomName(), newRoomName()];
  const emma = await fixture.newPerson('Emma', { language: 'en' });
  await emma.joinRoom(room);
  await emma.send('저녁 먹었어요?');

  const jieun = await fixture.newPerson('지은');
  const { keyboard } = jieun.page;
  await jieun.page.goto(Person.linkTo(room));
  await jieun.nameField.waitFor();
  await keyboard.type('지은');
  await keyboard.press('Enter');
  await jieun.composer.waitFor();
  await keyboard.type('안녕하세요');
  await keyboard.press('Enter');
  await emma.waitForMessage('안녕하세요');
  await jieun.waitUntilDelivered();

  // Reading: from the composer back to the conversation, and up in it.
  await tabTo(jieun, '[role=log]', 'Shift+Tab');
  await keyboard.press('ArrowUp');
  await waitForFocus(jieun, '안녕하세요');
  await keyboard.press('ArrowUp');
  await waitForFocus(jieun, '저녁 먹었어요?');

  // Reply moves to the composer, which announces it.
  await keyboard.press('Enter');
  await chooseAction(jieun, 'reply');
  await jieun.page.getByText('Emma 님에게 답장', { exact: true }).waitFor();
  await jieun.composer.and(jieun.page.locator(':focus')).waitFor();
  await keyboard.type('아직이요');
  await keyboard.press('Enter');
  await emma.waitForMessage('아직이요');
  await jieun.page.getByText('Emma 님에게 답장', { exact: true }).waitFor({ state: 'hidden' });
  await jieun.waitUntilDelivered();

  // Editing one's last message, without leaving the composer.
  await keyboard.press('ArrowUp');
  await jieun.page.getByText('메시지 고치기', { exact: true }).waitFor();
  await keyboard.type(', 같이 먹어요');
  await keyboard.press('Enter');
  await emma.log.locator('.message').filter({ hasText: '아직이요, 같이 먹어요' }).waitFor();

  await tabTo(jieun, '[role=log]', 'Shift+Tab');
  await keyboard.press('ArrowUp');
  await goUpTo(jieun, '저녁 먹었어요?');
  await keyboard.press('Enter');
  await chooseAction(jieun, 'react');
  const picker = jieun.page.getByRole('searchbox');
  await picker.waitFor();
  await keyboard.type('강아지 얼');
  await jieun.page.getByRole('button', { name: '강아지 얼굴' }).waitFor();
  await keyboard.press('ArrowDown');
  await keyboard.press('Enter');
  await emma.messageRow('저녁 먹었어요?').getByRole('button', { name: '🐶 1 지은' }).waitFor();

  // The focus returns to the message, whatever was open in between.
  await waitForFocus(jieun, '저녁 먹었어요?');
  await keyboard.press('Enter');
  await chooseAction(jieun, 'react');
  await picker.waitFor();
  await keyboard.press('Escape');
  await picker.waitFor({ state: 'detached' });
  await waitForFocus(jieun, '저녁 먹었어요?');
  await goUpTo(jieun, '안녕하세요');
  await keyboard.press('Enter');
  await chooseAction(jieun, 'delete');
  await tabTo(jieun, '.button.danger', 'Tab');
  await keyboard.press('Enter');
  await emma.log.getByText('안녕하세요', { exact: true }).waitFor({ state: 'detached' });

  // To another room, which is created by going there.
  await keyboard.press('Control+k');
  await jieun.page.getByRole('combobox', { name: '다른 방으로 가기' }).and(jieun.page.locator(':focus')).waitFor();
  await keyboard.type(other);
  await jieun.page.getByRole('option', { name: other }).waitFor();
  await keyboard.press('Enter');
  await jieun.page.getByRole('heading', { name: other }).waitFor();
  await jieun.composer.waitFor();
  await keyboard.type('여기는 조용하네요');
  await keyboard.press('Enter');
  await jieun.waitForMessage('여기는 조용하네요');
});

test('the owner of a room kicks a person without a mouse', async () => {
  const room = newRoomName();
  const jieun = await fixture.newPerson('지은');
  await jieun.joinRoom(room);
  await jieun.send('내가 연 방');
  await jieun.waitUntilDelivered();
  const minho = await fixture.newClient('민호');
  await minho.request('join', { room });
  const { keyboard } = jieun.page;
  await tabTo(jieun, '.room-header .people-button', 'Shift+Tab');
  await keyboard.press('Enter');
  const remove = jieun.page.getByRole('button', { name: '민호: 내보내기' });
  await remove.waitFor();
  await tabTo(jieun, '.people .kick-button', 'Tab');
  await keyboard.press('Enter');
  await jieun.page.getByRole('dialog', { name: '이 사람을 내보낼까요?' }).waitFor();
  await keyboard.press('Escape');
  await jieun.page.waitForFunction(() => document.activeElement.matches('.people .kick-button'));
  assert.equal(minho.pendingCount('removed'), 0, 'nobody is removed without being sure');
  await keyboard.press('Enter');
  await tabTo(jieun, '.button.danger', 'Tab');
  await keyboard.press('Enter');
  assert.deepEqual(await minho.next('removed'), { room });
  await remove.waitFor({ state: 'detached' });
  minho.leave();
});

/** Presses this key until the selector has the focus. */
async function tabTo({ page }, selector, key) {
  for (let presses = 0; presses < 30; presses += 1) {
    if (await page.evaluate((selector) => document.activeElement.matches(selector), selector)) return;
    await page.keyboard.press(key);
  }
  assert.fail(`${key} does not lead to ${selector}`);
}

async function goUpTo(person, text) {
  for (let presses = 0; presses < 10; presses += 1) {
    if ((await textInFocus(person)).includes(text)) return;
    await person.page.keyboard.press('ArrowUp');
  }
  assert.fail(`the arrows do not lead to "${text}"`);
}

async function waitForFocus(person, text) {
  const words = await textInFocus(person);
  assert.ok(words.includes(text), `"${words}" has the focus and not "${text}"`);
}

function textInFocus({ page }) {
  return page.evaluate(() => document.activeElement.closest('.message')?.textContent ?? '');
}

/** Moves from the first action of a message to this one. */
async function chooseAction({ page }, act) {
  for (let presses = 0; presses < 6; presses += 1) {
    if ((await page.evaluate(() => document.activeElement.dataset.action)) === act) break;
    await page.keyboard.press('ArrowRight');
  }
  assert.equal(await page.evaluate(() => document.activeElement.dataset.action), act);
  await page.keyboard.press('Enter');
}
