// Nothing on any page hinders somebody who reads it by other means than their eyes and a mouse, as far
// as axe can tell: every page, dialog and state, light and dark, in both languages, wide and on a phone.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { newCid, newRoom } from './clients.mjs';
import { Person } from './page.mjs';
import { Stage } from './stage.mjs';
import { Wire } from './wire.mjs';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const stage = new Stage();

for (const [language, colorScheme, width] of [
  ['ko', 'light', 1280],
  ['ko', 'dark', 360],
  ['en', 'dark', 1280],
  ['en', 'light', 360],
]) {
  test(`axe finds nothing: ${language}, ${colorScheme}, ${width} pixels wide`, async () => {
    const room = newRoom();
    await everythingIn(room);
    const viewport = { width, height: 800 };
    // The policy of the page lets no script in from elsewhere, axe included.
    const device = { isMobile: width < 768, hasTouch: width < 768 };
    const options = { language, colorScheme, viewport, ...device, bypassCSP: true, reducedMotion: 'reduce' };
    const jieun = await stage.arrive('지은', options);
    const wire = await Wire.of(jieun);
    const { page, words } = jieun;

    await page.goto(Person.linkTo(room));
    await jieun.nameField.waitFor();
    await holds(jieun, 'asking for a name');
    await page.goto('/');
    await jieun.enter(room);
    await jieun.log.getByText('오타 고쳤어요').waitFor();
    await holds(jieun, 'a room');
    await page.keyboard.press('Control+k');
    await page.getByRole('option').first().waitFor();
    await holds(jieun, 'the switcher');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: words.about }).click();
    await page.getByRole('dialog').waitFor();
    await holds(jieun, 'about the room');
    await close(jieun);
    await page.locator('.composer .icon-button').last().click();
    await page.locator('.emoji-group').nth(3).waitFor({ state: 'attached' });
    await holds(jieun, 'the emoji');
    await close(jieun);
    await jieun.log.focus();
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await holds(jieun, 'the shortcuts');
    await close(jieun);
    await jieun.composer.pressSequentially(':ha');
    await page.locator('.suggestions li').nth(4).waitFor();
    await holds(jieun, 'an emoji being completed');
    await jieun.composer.press('Escape');
    await jieun.composer.fill('내가 한 말');
    await jieun.composer.press('Control+Enter');
    await jieun.hasSaidAll();
    await jieun.composer.press('ArrowUp');
    await page.locator('.banner:not([hidden])').waitFor();
    await holds(jieun, 'a message being edited');
    await jieun.composer.press('Escape');
    if (device.hasTouch) {
      await pressLong(jieun, jieun.log.getByText('내가 한 말', { exact: true }));
      await holds(jieun, 'what can be done with a message');
      await page.locator('.sheet-action[data-act=delete]').click();
    } else {
      await jieun.row('내가 한 말').hover();
      await holds(jieun, 'a message pointed at');
      await jieun.row('내가 한 말').locator('[data-act=delete]').click();
    }
    await page.locator('.ask').waitFor();
    await holds(jieun, 'whether to take a message back');
    await close(jieun);
    await wire.cut();
    await page.locator('.connection[data-offline]').waitFor();
    await holds(jieun, 'offline');
    wire.mend();
    jieun.forgiveLostConnections();
    const full = newRoom();
    const alone = await stage.visitor('민호');
    await alone.ask('join', { room: full, seats: 1 });
    await page.goto(Person.linkTo(full));
    await jieun.full.waitFor();
    await holds(jieun, 'a full room');
    alone.leave();
    const theirs = newRoom();
    const owner = await stage.visitor('민호');
    await owner.ask('join', { room: theirs });
    await page.goto(Person.linkTo(theirs));
    const { changes } = await owner.told('presence');
    await owner.ask('remove', { room: theirs, person: changes.at(-1).here.id });
    await page.getByRole('heading', { name: words.removed }).waitFor();
    await holds(jieun, 'a room one was removed from');
    owner.leave();
    const ours = newRoom();
    await page.goto(Person.linkTo(ours));
    await jieun.composer.fill('내가 연 방');
    await jieun.composer.press('Control+Enter');
    await jieun.hasSaidAll();
    const guest = await stage.visitor('수빈');
    await guest.ask('join', { room: ours });
    await page.locator('.room-header .here').click();
    await page.locator('.people .remove').click();
    await page.getByRole('dialog', { name: words.sure }).waitFor();
    await holds(jieun, 'whether to remove somebody');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog', { name: words.sure }).waitFor({ state: 'detached' });
    await holds(jieun, 'the people in a room of one’s own');
    guest.leave();
    await page.goto('/');
    await page.getByRole('link', { name: room }).first().waitFor();
    await holds(jieun, 'home');
    await page.getByRole('button', { name: words.settings }).click();
    await page.getByRole('dialog').waitFor();
    await holds(jieun, 'settings');
  });
}

/** Says and does in a room whatever is drawn in a way of its own. */
async function everythingIn(room) {
  const minho = await stage.visitor('민호');
  await minho.ask('join', { room, topic: '릴리스 준비' });
  const change = (command, what) => minho.ask(command, { room, cid: newCid(), ...what });
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

async function close({ page }) {
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
}

async function pressLong({ context, page }, text) {
  const { x, y } = await text.boundingBox();
  const fingers = await context.newCDPSession(page);
  const touch = (type, touchPoints) => fingers.send('Input.dispatchTouchEvent', { type, touchPoints });
  await touch('touchStart', [{ x: x + 8, y: y + 8 }]);
  await page.getByRole('dialog').waitFor();
  await touch('touchEnd', []);
}

/** Nor is anything too small for a finger, wider than the screen, or a field that a phone zooms into. */
async function holds({ page }, where) {
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
