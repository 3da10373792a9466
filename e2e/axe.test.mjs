// Accessibility, as far as axe can tell: every page, dialog and state, light and dark, in both
// languages, wide and on a phone.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { newCid, newRoomName } from './clients.mjs';
import { Person } from './page.mjs';
import { PageFixture } from './page-fixture.mjs';
import { WebSocketProxy } from './websocket-proxy.mjs';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const fixture = new PageFixture();

for (const [language, colorScheme, width] of [
  ['ko', 'light', 1280],
  ['ko', 'dark', 360],
  ['en', 'dark', 1280],
  ['en', 'light', 360],
]) {
  test(`axe finds nothing: ${language}, ${colorScheme}, ${width} pixels wide`, async () => {
    const room = newRoomName();
    await fillWithEveryKind(room);
    const viewport = { width, height: 800 };
    // The page's content security policy would block axe as well.
    const device = { isMobile: width < 768, hasTouch: width < 768 };
    const options = { language, colorScheme, viewport, ...device, bypassCSP: true, reducedMotion: 'reduce' };
    const jieun = await fixture.newPerson('지은', options);
    const proxy = await WebSocketProxy.intercept(jieun);
    const { page, labels } = jieun;

    await page.goto(Person.linkTo(room));
    await jieun.nameField.waitFor();
    await assertAccessible(jieun, 'asking for a name');
    await page.goto('/');
    await jieun.joinRoom(room);
    await jieun.log.getByText('오타 고쳤어요').waitFor();
    await assertAccessible(jieun, 'a room');
    await page.keyboard.press('Control+k');
    await page.getByRole('option').first().waitFor();
    await assertAccessible(jieun, 'the switcher');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: labels.about }).click();
    await page.getByRole('dialog').waitFor();
    await assertAccessible(jieun, 'about the room');
    await closeDialog(jieun);
    await page.locator('.composer .icon-button').last().click();
    await page.locator('.emoji-group').nth(3).waitFor({ state: 'attached' });
    await assertAccessible(jieun, 'the emoji');
    await closeDialog(jieun);
    await jieun.log.focus();
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await assertAccessible(jieun, 'the shortcuts');
    await closeDialog(jieun);
    await jieun.composer.pressSequentially(':ha');
    await page.locator('.suggestions li').nth(4).waitFor();
    await assertAccessible(jieun, 'an emoji being completed');
    await jieun.composer.press('Escape');
    await jieun.composer.fill('내가 한 말');
    await jieun.composer.press('Control+Enter');
    await jieun.waitUntilDelivered();
    await jieun.composer.press('ArrowUp');
    await page.locator('.banner:not([hidden])').waitFor();
    await assertAccessible(jieun, 'a message being edited');
    await jieun.composer.press('Escape');
    if (device.hasTouch) {
      await longPress(jieun, jieun.log.getByText('내가 한 말', { exact: true }));
      await assertAccessible(jieun, 'what can be done with a message');
      await page.locator('.sheet-action[data-action=delete]').click();
    } else {
      await jieun.messageRow('내가 한 말').hover();
      await assertAccessible(jieun, 'a message pointed at');
      await jieun.messageRow('내가 한 말').locator('[data-action=delete]').click();
    }
    await page.locator('.confirm').waitFor();
    await assertAccessible(jieun, 'whether to take a message back');
    await closeDialog(jieun);
    await proxy.cut();
    await page.locator('.connection-status[data-offline]').waitFor();
    await assertAccessible(jieun, 'offline');
    proxy.restore();
    jieun.ignoreConnectionErrors();
    const full = newRoomName();
    const alone = await fixture.newClient('민호');
    await alone.request('join', { room: full, seats: 1 });
    await page.goto(Person.linkTo(full));
    await jieun.fullRoomHeading.waitFor();
    await assertAccessible(jieun, 'a full room');
    alone.leave();
    const theirs = newRoomName();
    const owner = await fixture.newClient('민호');
    await owner.request('join', { room: theirs });
    await page.goto(Person.linkTo(theirs));
    const { changes } = await owner.next('presence');
    await owner.request('remove', { room: theirs, person: changes.at(-1).here.id });
    await page.getByRole('heading', { name: labels.removed }).waitFor();
    await assertAccessible(jieun, 'a room one was removed from');
    owner.leave();
    const ours = newRoomName();
    await page.goto(Person.linkTo(ours));
    await jieun.composer.fill('내가 연 방');
    await jieun.composer.press('Control+Enter');
    await jieun.waitUntilDelivered();
    const guest = await fixture.newClient('수빈');
    await guest.request('join', { room: ours });
    await page.locator('.room-header .people-button').click();
    await page.locator('.people .kick-button').click();
    await page.getByRole('dialog', { name: labels.sure }).waitFor();
    await assertAccessible(jieun, 'whether to remove somebody');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog', { name: labels.sure }).waitFor({ state: 'detached' });
    await assertAccessible(jieun, 'the people in a room of one’s own');
    guest.leave();
    await page.goto('/');
    await page.getByRole('link', { name: room }).first().waitFor();
    await assertAccessible(jieun, 'home');
    await page.getByRole('button', { name: labels.settings }).click();
    await page.getByRole('dialog').waitFor();
    await assertAccessible(jieun, 'settings');
  });
}

/** Fills a room with every kind of row. */
async function fillWithEveryKind(room) {
  const minho = await fixture.newClient('민호');
  await minho.request('join', { room, topic: '릴리스 준비' });
  const change = (command, what) => minho.request(command, { room, cid: newCid(), ...what });
  const { seq: first } = await change('send', { body: '*굵게* _기울여_ ~그어서~\n- 하나\n- 둘\n> 따온 말' });
  const { seq: code } = await change('send', { body: 'https://example.org 와 `code`:\n```\nfn main() {}\n```' });
  await change('send', { body: '@지은 봐 주세요', reply_to: code });
  await change('react', { seq: first, emoji: '🎉', on: true });
  const { seq: gone } = await change('send', { body: '지울 말' });
  await change('delete', { seq: gone });
  const { seq: wrong } = await change('send', { body: '오타' });
  await change('edit', { seq: wrong, body: '오타 고쳤어요' });
  minho.leave();
}

async function closeDialog({ page }) {
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
}

async function longPress({ context, page }, text) {
  const { x, y } = await text.boundingBox();
  const fingers = await context.newCDPSession(page);
  const touch = (type, touchPoints) => fingers.send('Input.dispatchTouchEvent', { type, touchPoints });
  await touch('touchStart', [{ x: x + 8, y: y + 8 }]);
  await page.getByRole('dialog').waitFor();
  await touch('touchEnd', []);
}

/**
 * Also checks that nothing is too small for a finger, wider than the screen, or a field that a phone
 * zooms into.
 */
async function assertAccessible({ page }, where) {
  await page.addScriptTag({ path: AXE });
  const { wide, small } = await page.evaluate(() => {
    const fields = [...document.querySelectorAll('input, textarea, select')];
    const { scrollWidth, clientWidth } = document.documentElement;
    return { wide: scrollWidth - clientWidth, small: fields.filter((field) => parseFloat(getComputedStyle(field).fontSize) < 16).length };
  });
  assert.deepEqual({ wide, small }, { wide: 0, small: 0 }, where);
  const violations = await page.evaluate(async () => {
    const { violations } = await window.axe.run({ rules: { 'target-size': { enabled: true } } });
    return violations;
  });
  const said = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  assert.deepEqual(said, [], where);
}
