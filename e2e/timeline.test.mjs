// Reading: far back and on again, where one was, what is new, and that nothing moves meanwhile.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually, newCid, newRoom } from './clients.mjs';
import { Person } from './page.mjs';
import { Stage } from './stage.mjs';

/** `Window::MOST` in app/src/state/window.rs is 240 lines, and days and notes stand between them. */
const MOST_ROWS = 300;

const stage = new Stage();

test('a long conversation is read to its beginning and back with few rows, and nothing is left out', async () => {
  const room = newRoom();
  await stage.fill(room, 1_200);
  const jieun = await stage.arrive('지은');
  await jieun.enter(room);
  await said(jieun, 1_200).waitFor();
  await jieun.log.hover();
  const seen = new Set();
  const turn = async (by, message) => {
    for (let turns = 0; (await message.count()) === 0; turns += 1) {
      assert.ok(turns < 400, 'it never comes');
      await jieun.page.mouse.wheel(0, by);
      await jieun.painted();
      const drawn = await jieun.reads();
      assert.ok(drawn.length <= MOST_ROWS, `${drawn.length} rows`);
      const numbers = drawn.map((text) => Number(text.replace('이야기 ', '')));
      numbers.forEach((number, place) => {
        seen.add(number);
        assert.equal(number, numbers[0] + place, 'rows stand in the order of the log, without a gap');
      });
    }
  };
  await turn(-2_000, said(jieun, 1));
  assert.equal(seen.size, 1_200);
  await turn(2_000, said(jieun, 1_200));
});

test('what one reads stays where it is, whatever is said and fetched', async () => {
  const room = newRoom();
  await stage.fill(room, 300);
  const jieun = await stage.arrive('지은');
  await jieun.enter(room);
  await said(jieun, 300).waitFor();
  await jieun.log.hover();
  await jieun.page.mouse.wheel(0, -1_500);
  await jieun.painted();
  const reading = await firstInSight(jieun);
  const teller = await stage.visitor('이야기꾼');
  await teller.ask('join', { room });
  for (let number = 1; number <= 30; number += 1) {
    await teller.ask('send', { room, cid: newCid(), body: `한 줄\n두 줄\n${number}` });
    const { y } = await position(jieun, reading.seq);
    assert.ok(Math.abs(y - reading.y) < 1, `what one reads moved by ${y - reading.y} pixels`);
  }
  teller.leave();
  await jieun.page.getByRole('button', { name: '새 메시지 30개' }).click();
  await jieun.row('이야기 300').waitFor();
  await eventually('the end', async () => (await distanceToEnd(jieun)) < 100);
});

test('a link to a message opens at it, and the conversation goes on in both directions', async () => {
  const room = newRoom();
  await stage.fill(room, 900);
  const jieun = await stage.arrive('지은');
  await jieun.page.goto(`${Person.linkTo(room)}/300`);
  await jieun.introduce();
  await said(jieun, 300).waitFor();
  await eventually('the message in sight', () => isInSight(jieun, 300));
  await jieun.log.hover();
  await turnUntil(jieun, -1_500, said(jieun, 1));
  await turnUntil(jieun, 1_500, said(jieun, 900));
});

test('a quote leads to its message, drawn already or not', async () => {
  const room = newRoom();
  await stage.fill(room, 60);
  const teller = await stage.visitor('이야기꾼');
  await teller.ask('join', { room });
  await teller.ask('send', { room, cid: newCid(), body: '처음 이야기에 답해요', reply_to: 1 });
  const leads = async (reader, answer, drawn) => {
    await reader.enter(room);
    await reader.row(answer).waitFor();
    await reader.log.locator('[data-seq="1"]').waitFor({ state: drawn ? 'attached' : 'detached' });
    await reader.row(answer).getByRole('button', { name: '이야기 1' }).click();
    await eventually('the message that is answered', () => isInSight(reader, 1));
  };
  const jieun = await stage.arrive('지은');
  await jieun.page.goto('/');
  await leads(jieun, '처음 이야기에 답해요', true);

  await stage.fill(room, 400, '나중 이야기');
  await teller.ask('send', { room, cid: newCid(), body: '또 답해요', reply_to: 1 });
  await leads(await stage.arrive('민호'), '또 답해요', false);
  teller.leave();
});

test('what came while nobody looked is found from the end, however little it is', async () => {
  const room = newRoom();
  await stage.fill(room, 60);
  const jieun = await stage.arrive('지은');
  await jieun.enter(room);
  await said(jieun, 60).waitFor();
  await jieun.page.evaluate(() => {
    Document.prototype.hasFocus = () => false;
    dispatchEvent(new Event('blur'));
  });
  await stage.fill(room, 40, '새 소식');
  await said(jieun, 40).nth(1).waitFor();
  const pill = jieun.page.getByRole('button', { name: '새 메시지부터 보기' });
  await pill.waitFor();
  await jieun.page.evaluate(() => {
    delete Document.prototype.hasFocus;
    dispatchEvent(new Event('focus'));
  });
  await pill.click();
  await eventually('the line in sight', () => jieun.log.evaluate((log) => {
    const { top } = log.querySelector('.unread').getBoundingClientRect();
    return top > log.getBoundingClientRect().top;
  }));
  await pill.waitFor({ state: 'hidden' });
  // Whoever has seen it is not led there again.
  await jieun.log.hover();
  await jieun.page.mouse.wheel(0, 5_000);
  await eventually('the end', async () => (await distanceToEnd(jieun)) < 100);
  assert.ok(await pill.isHidden());
});

test('a link to a message that is not there yet opens at the end', async () => {
  const room = newRoom();
  await stage.fill(room, 60);
  const jieun = await stage.arrive('지은');
  await jieun.page.goto(`${Person.linkTo(room)}/5000`);
  await jieun.introduce();
  await eventually('the end', async () => (await jieun.reads()).at(-1) === '이야기 60' && (await distanceToEnd(jieun)) < 100);
  await stage.fill(room, 1, '이어지는 말');
  await jieun.sees('이어지는 말');
  await eventually('what comes is in sight', async () => (await distanceToEnd(jieun)) < 100);
});

test('what is new begins at a line that stays, and where one was is remembered', async () => {
  const room = newRoom();
  const other = newRoom();
  await stage.fill(room, 120);
  const jieun = await stage.arrive('지은');
  await jieun.enter(room);
  await said(jieun, 120).waitFor();

  await jieun.page.goto(Person.linkTo(other));
  await jieun.composer.waitFor();
  await stage.fill(room, 3, '새 소식');
  await jieun.page.goBack();
  const line = jieun.log.locator('.unread');
  await line.waitFor();
  const below = await line.evaluate((line) => line.nextElementSibling.querySelector('.body').textContent);
  assert.equal(below.trim(), '새 소식');
  await jieun.say('읽었어');
  await jieun.sees('읽었어');
  assert.equal(await line.count(), 1, 'it stays while the room is open');

  await jieun.log.hover();
  await jieun.page.mouse.wheel(0, -2_000);
  await jieun.painted();
  const reading = await firstInSight(jieun);
  await jieun.page.reload();
  await jieun.composer.waitFor();
  await eventually('the same place', async () => {
    const there = await position(jieun, reading.seq);
    return there && Math.abs(there.y - reading.y) < 2;
  });
});

function said(person, number) {
  return person.log.getByText(`이야기 ${number}`, { exact: true });
}

async function turnUntil(person, by, message) {
  for (let turns = 0; (await message.count()) === 0; turns += 1) {
    assert.ok(turns < 400, 'it never comes');
    await person.page.mouse.wheel(0, by);
    await person.painted();
  }
}

/** The first message that is wholly in sight. */
function firstInSight(person) {
  return person.log.evaluate((log) => {
    const top = log.getBoundingClientRect().top;
    const rows = [...log.querySelectorAll('.message')];
    const row = rows.find((row) => row.getBoundingClientRect().top >= top);
    return { seq: row.dataset.seq, y: row.getBoundingClientRect().top };
  });
}

function position(person, seq) {
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
