// The messages that cost a reader's page most, in a real browser: all of them are shown, within the bounds
// that keep the page usable. `node e2e/worst-bodies.mjs` measures what they cost.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newCid, newRoomName } from './clients.mjs';
import { PageFixture } from './page-fixture.mjs';
import { WORST_BODIES } from './worst-bodies.mjs';

const madang = new PageFixture({ '--message-rate': '1000', '--message-burst': '1000' });

/** `MAX_ELEMENTS` of `common/src/markup/limit.rs`, and the paragraph of the lines after those. */
const MAX_ELEMENTS = 501;

test('no message is shown with more elements, or marks on a letter, than a page can bear', async () => {
  const room = newRoomName();
  const jieun = await madang.newPerson('지은');
  await jieun.joinRoom(room);
  const sender = await madang.newClient('민수');
  await sender.request('join', { room });
  for (const [name, body] of Object.entries(WORST_BODIES)) {
    const { seq, error } = await sender.request('send', { room, cid: newCid(), body });
    assert.equal(error, undefined, name);
    const shown = jieun.log.locator(`[data-seq="${seq}"] .message-body`);
    await shown.waitFor({ state: 'attached' });
    const [elements, text] = await shown.evaluate((place) => [place.querySelectorAll('*').length, place.textContent]);
    assert.ok(elements <= MAX_ELEMENTS, `${name}: ${elements} elements`);
    assert.doesNotMatch(text, /\p{M}{9}|[\u{1F3FB}-\u{1F3FF}]{9}/u, name);
  }
  sender.leave();
  // The page still answers.
  await jieun.composer.fill('아직 살아 있어요');
  await jieun.composer.press('Enter');
  await jieun.log.getByText('아직 살아 있어요').waitFor();
});
