// Reading: scrolling far back and on again, the reading position, unread messages, and that nothing
// moves meanwhile.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually, newCid, newRoomName } from './clients.mjs';
import { Person } from './page.mjs';
import { PageFixture } from './page-fixture.mjs';

/** `VisibleRange::MAX_ROWS` in app/src/state/visible_range.rs is 240 rows, and days and notes stand between them. */
const MOST_ROWS = 300;

const fixture = new PageFixture();

test('a long conversation is read to its beginning and back with few rows and no gap', async () => {
  const room = newRoomName();
  await fixture.fillRoom(room, 1_200);
  const jieun = await fixture.newPerson('지은');
  await jieun.joinRoom(room);
  await storyMessage(jieun, 1_200).waitFor();
  await jieun.log.hover();
  const seen = new Set();
  const turn = async (by, message) => {
    for (let turns = 0; (await message.count()) === 0; turns += 1) {
      assert.ok(turns < 400, 'it never comes');
      await jieun.page.mouse.wheel(0, by);
      await jieun.waitForPaint();
      const drawn = await jieun.messageTexts();
      assert.ok(drawn.length <= MOST_ROWS, `${drawn.length} rows`);
      const numbers = drawn.map((text) => Number(text.replace('이야기 ', '')));
      numbers.forEach((number, place) => {
        seen.add(number);
        assert.equal(number, numbers[0] + place, 'rows stand in the order of the log, without a gap');
      });
    }
  };
  await turn(-2_000, storyMessage(jieun, 1));
  assert.equal(seen.size, 1_200);
  await turn(2_000, storyMessage(jieun, 1_200));
});

test('the reading positionOf stays fixed while messages arrive and are fetched', async () => {
  const room = newRoomName();
  await fixture.fillRoom(room, 300);
  const jieun = await fixture.newPerson('지은');
  await jieun.joinRoom(room);
  await storyMessage(jieun, 300).waitFor();
  await jieun.log.hover();
  await jieun.page.mouse.wheel(0, -1_500);
  await jieun.waitForPaint();
  const reading = await firstInSight(jieun);
  const teller = await fixture.newClient('이야기꾼');
  await teller.request('join', { room });
  for (let number = 1; number <= 30; number += 1) {
    await teller.request('send', { room, cid: newCid(), body: `한 줄\n두 줄\n${number}` });
    const { y } = await positionOf(jieun, reading.seq);
    assert.ok(Math.abs(y - reading.y) < 1, `what one reads moved by ${y - reading.y} pixels`);
  }
  teller.leave();
  await jieun.page.getByRole('button', { name: '새 메시지 30개' }).click();
  await jieun.messageRow('이야기 300').waitFor();
  await eventually('the end', async () => (await distanceToEnd(jieun)) < 100);
});

test('a link to a message opens at it, and the conversation goes on in both directions', async () => {
  const room = newRoomName();
  await fixture.fillRoom(room, 900);
  const jieun = await fixture.newPerson('지은');
  await jieun.page.goto(`${Person.linkTo(room)}/300`);
  await jieun.enterName();
  await storyMessage(jieun, 300).waitFor();
  await eventually('the message in sight', () => isInSight(jieun, 300));
  await jieun.log.hover();
  await scrollUntil(jieun, -1_500, storyMessage(jieun, 1));
  await scrollUntil(jieun, 1_500, storyMessage(jieun, 900));
});

test('a quote leads to its message, whether or not it is drawn already', async () => {
  const room = newRoomName();
  await fixture.fillRoom(room, 60);
  const teller = await fixture.newClient('이야기꾼');
  await teller.request('join', { room });
  await teller.request('send', { room, cid: newCid(), body: '처음 이야기에 답해요', reply_to: 1 });
  const leads = async (reader, answer, drawn) => {
    await reader.joinRoom(room);
    await reader.messageRow(answer).waitFor();
    await reader.log.locator('[data-seq="1"]').waitFor({ state: drawn ? 'attached' : 'detached' });
    await reader.messageRow(answer).getByRole('button', { name: '이야기 1' }).click();
    await eventually('the message that is answered', () => isInSight(reader, 1));
  };
  const jieun = await fixture.newPerson('지은');
  await jieun.page.goto('/');
  await leads(jieun, '처음 이야기에 답해요', true);

  await fixture.fillRoom(room, 400, '나중 이야기');
  await teller.request('send', { room, cid: newCid(), body: '또 답해요', reply_to: 1 });
  await leads(await fixture.newPerson('민호'), '또 답해요', false);
  teller.leave();
});

test('messages that arrived while the page was hidden are reached from the end, even a single one', async () => {
  const room = newRoomName();
  await fixture.fillRoom(room, 60);
  const jieun = await fixture.newPerson('지은');
  await jieun.joinRoom(room);
  await storyMessage(jieun, 60).waitFor();
  await jieun.page.evaluate(() => {
    Document.prototype.hasFocus = () => false;
    dispatchEvent(new Event('blur'));
  });
  await fixture.fillRoom(room, 40, '새 소식');
  await storyMessage(jieun, 40).nth(1).waitFor();
  const pill = jieun.page.getByRole('button', { name: '새 메시지부터 보기' });
  await pill.waitFor();
  await jieun.page.evaluate(() => {
    delete Document.prototype.hasFocus;
    dispatchEvent(new Event('focus'));
  });
  await pill.click();
  await eventually('the line in sight', () => jieun.log.evaluate((log) => {
    const { top } = log.querySelector('.unread-divider').getBoundingClientRect();
    return top > log.getBoundingClientRect().top;
  }));
  await pill.waitFor({ state: 'hidden' });
  // A divider that was seen is not jumped to again.
  await jieun.log.hover();
  await jieun.page.mouse.wheel(0, 5_000);
  await eventually('the end', async () => (await distanceToEnd(jieun)) < 100);
  assert.ok(await pill.isHidden());
});

test('a link to a message that does not exist yet opens at the end', async () => {
  const room = newRoomName();
  await fixture.fillRoom(room, 60);
  const jieun = await fixture.newPerson('지은');
  await jieun.page.goto(`${Person.linkTo(room)}/5000`);
  await jieun.enterName();
  await eventually('the end', async () => (await jieun.messageTexts()).at(-1) === '이야기 60' && (await distanceToEnd(jieun)) < 100);
  await fixture.fillRoom(room, 1, '이어지는 말');
  await jieun.waitForMessage('이어지는 말');
  await eventually('what comes is in sight', async () => (await distanceToEnd(jieun)) < 100);
});

test('new messages begin at a divider that stays, and the reading positionOf is remembered', async () => {
  const room = newRoomName();
  const other = newRoomName();
  await fixture.fillRoom(room, 120);
  const jieun = await fixture.newPerson('지은');
  await jieun.joinRoom(room);
  await storyMessage(jieun, 120).waitFor();

  await jieun.page.goto(Person.linkTo(other));
  await jieun.composer.waitFor();
  await fixture.fillRoom(room, 3, '새 소식');
  await jieun.page.goBack();
  const line = jieun.log.locator('.unread-divider');
  await line.waitFor();
  const below = await line.evaluate((line) => line.nextElementSibling.querySelector('.message-body').textContent);
  assert.equal(below.trim(), '새 소식');
  await jieun.send('읽었어');
  await jieun.waitForMessage('읽었어');
  assert.equal(await line.count(), 1, 'it stays while the room is open');

  await jieun.log.hover();
  await jieun.page.mouse.wheel(0, -2_000);
  await jieun.waitForPaint();
  const reading = await firstInSight(jieun);
  await jieun.page.reload();
  await jieun.composer.waitFor();
  await eventually('the same place', async () => {
    const there = await positionOf(jieun, reading.seq);
    return there && Math.abs(there.y - reading.y) < 2;
  });
});

function storyMessage(person, number) {
  return person.log.getByText(`이야기 ${number}`, { exact: true });
}

async function scrollUntil(person, by, message) {
  for (let turns = 0; (await message.count()) === 0; turns += 1) {
    assert.ok(turns < 400, 'it never comes');
    await person.page.mouse.wheel(0, by);
    await person.waitForPaint();
  }
}

/** Returns the first message that is fully visible. */
function firstInSight(person) {
  return person.log.evaluate((log) => {
    const top = log.getBoundingClientRect().top;
    const rows = [...log.querySelectorAll('.message')];
    const row = rows.find((row) => row.getBoundingClientRect().top >= top);
    return { seq: row.dataset.seq, y: row.getBoundingClientRect().top };
  });
}

function positionOf(person, seq) {
  return person.log.evaluate((log, seq) => {
    const row = log.querySelector(`[data-seq="${seq}"]`);
    return row && { y: row.getBoundingClientRect().top };
  }, seq);
}

function isInSight(person, seq) {
  return person.log.evaluate((log, seq) => {
    const [row, box] = [log.querySelector(`[data-seq="${seq}"]`), log.getBoundingClientRect()];
    const { top, bottom } = row?.getBoundingClientRect() ?? {};
    return top >= box.top && bottom <= box.bottom;
  }, seq);
}

function distanceToEnd(person) {
  return person.log.evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight);
}
