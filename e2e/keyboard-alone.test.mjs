// A conversation held with the keyboard alone: nobody touches a mouse, and nothing is focused but by
// keys. Words are found by the names readers aloud would say.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newRoom } from './clients.mjs';
import { Person } from './page.mjs';
import { Stage } from './stage.mjs';

const stage = new Stage();

test('somebody joins, reads, answers, reacts, edits, takes back and goes elsewhere without a mouse', async () => {
  const [room, other] = [newRoom(), newRoom()];
  const emma = await stage.arrive('Emma', { language: 'en' });
  await emma.enter(room);
  await emma.say('저녁 먹었어요?');

  const jieun = await stage.arrive('지은');
  const { keyboard } = jieun.page;
  await jieun.page.goto(Person.linkTo(room));
  await jieun.nameField.waitFor();
  await keyboard.type('지은');
  await keyboard.press('Enter');
  await jieun.composer.waitFor();
  await keyboard.type('안녕하세요');
  await keyboard.press('Enter');
  await emma.sees('안녕하세요');
  await jieun.hasSaidAll();

  // Reading: from the composer back to the conversation, and up in it.
  await tabTo(jieun, '[role=log]', 'Shift+Tab');
  await keyboard.press('ArrowUp');
  await focused(jieun, '안녕하세요');
  await keyboard.press('ArrowUp');
  await focused(jieun, '저녁 먹었어요?');

  // Answering leads to the composer, which says what it will do.
  await keyboard.press('Enter');
  await chooseAction(jieun, 'reply');
  await jieun.page.getByText('Emma 님에게 답장', { exact: true }).waitFor();
  await jieun.composer.and(jieun.page.locator(':focus')).waitFor();
  await keyboard.type('아직이요');
  await keyboard.press('Enter');
  await emma.sees('아직이요');
  await jieun.page.getByText('Emma 님에게 답장', { exact: true }).waitFor({ state: 'hidden' });
  await jieun.hasSaidAll();

  // Editing what was said last, without leaving the composer.
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
  await emma.row('저녁 먹었어요?').getByRole('button', { name: '🐶 1 지은' }).waitFor();

  // One goes on where one was, whatever was open meanwhile.
  await focused(jieun, '저녁 먹었어요?');
  await keyboard.press('Enter');
  await chooseAction(jieun, 'react');
  await picker.waitFor();
  await keyboard.press('Escape');
  await picker.waitFor({ state: 'detached' });
  await focused(jieun, '저녁 먹었어요?');
  await goUpTo(jieun, '안녕하세요');
  await keyboard.press('Enter');
  await chooseAction(jieun, 'delete');
  await tabTo(jieun, '.button.danger', 'Tab');
  await keyboard.press('Enter');
  await emma.log.getByText('안녕하세요', { exact: true }).waitFor({ state: 'detached' });

  // Elsewhere, to a room that is made by going there.
  await keyboard.press('Control+k');
  await jieun.page.getByRole('combobox', { name: '다른 방으로 가기' }).and(jieun.page.locator(':focus')).waitFor();
  await keyboard.type(other);
  await jieun.page.getByRole('option', { name: other }).waitFor();
  await keyboard.press('Enter');
  await jieun.page.getByRole('heading', { name: other }).waitFor();
  await jieun.composer.waitFor();
  await keyboard.type('여기는 조용하네요');
  await keyboard.press('Enter');
  await jieun.sees('여기는 조용하네요');
});

test('the owner of a room shows somebody the door without a mouse', async () => {
  const room = newRoom();
  const jieun = await stage.arrive('지은');
  await jieun.enter(room);
  await jieun.say('내가 연 방');
  await jieun.hasSaidAll();
  const minho = await stage.visitor('민호');
  await minho.ask('join', { room });
  const { keyboard } = jieun.page;
  await tabTo(jieun, '.room-header .here', 'Shift+Tab');
  await keyboard.press('Enter');
  const remove = jieun.page.getByRole('button', { name: '민호: 내보내기' });
  await remove.waitFor();
  await tabTo(jieun, '.people .remove', 'Tab');
  await keyboard.press('Enter');
  await jieun.page.getByRole('dialog', { name: '이 사람을 내보낼까요?' }).waitFor();
  await keyboard.press('Escape');
  await jieun.page.waitForFunction(() => document.activeElement.matches('.people .remove'));
  assert.equal(minho.untaken('removed'), 0, 'nobody is removed without being sure');
  await keyboard.press('Enter');
  await tabTo(jieun, '.button.danger', 'Tab');
  await keyboard.press('Enter');
  assert.deepEqual(await minho.told('removed'), { room });
  await remove.waitFor({ state: 'detached' });
  minho.leave();
});

/** Goes on with this key until what is looked for has the focus. */
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

async function focused(person, text) {
  const words = await textInFocus(person);
  assert.ok(words.includes(text), `"${words}" has the focus and not "${text}"`);
}

function textInFocus({ page }) {
  return page.evaluate(() => document.activeElement.closest('.message')?.textContent ?? '');
}

/** From the first action of a message on to this one. */
async function chooseAction({ page }, act) {
  for (let presses = 0; presses < 6; presses += 1) {
    if ((await page.evaluate(() => document.activeElement.dataset.act)) === act) break;
    await page.keyboard.press('ArrowRight');
  }
  assert.equal(await page.evaluate(() => document.activeElement.dataset.act), act);
  await page.keyboard.press('Enter');
}
