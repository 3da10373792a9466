// The tutorial's contract and the full protocol, for every generation of the JavaScript client over
// each transport. Whoever wrote a program for the tutorial's server finds it working unchanged.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';

import { Client, eventually, GENERATIONS, newCid, newRoom, TRANSPORTS } from './clients.mjs';
import { Server } from './server.mjs';

let server;
before(async () => (server = await Server.start()));
after(() => server.stop());

for (const generation of GENERATIONS) {
  for (const transport of TRANSPORTS) {
    const clients = [];
    const connect = async (name) => {
      const client = await Client.connect(server.url, { generation, transport, name });
      clients.push(client);
      return client;
    };
    const connectAll = (...names) => Promise.all(names.map(connect));

    describe(`client ${generation} over ${transport}`, () => {
      afterEach(() => clients.splice(0).forEach((client) => client.leave()));

      describe('the tutorial', () => {
        test('a message reaches everybody in the room, the sender included', async () => {
          const [jieun, minho] = await connectAll('지은', '민호');
          const room = newRoom();
          await sitDown(jieun, room);
          await sitDown(minho, room);
          minho.say('chat message', '점심 먹었어?');
          assert.equal(await minho.told('chat message'), '점심 먹었어?');
          assert.equal(await jieun.told('chat message'), `${room}!`);
          assert.equal(await jieun.told('chat message'), '점심 먹었어?');
        });

        test('both events answer whoever asks for an answer', async () => {
          const [jieun, minho, third] = await connectAll('지은', '민호', 'third');
          const room = newRoom();
          assertAccepted(await jieun.ask('room', room));
          assertAccepted(await minho.ask('room', room));
          assertAccepted(await jieun.ask('chat message', '안녕'));
          assert.equal(await minho.told('chat message'), '안녕');
          assertRefused(await third.ask('room', room), 'room_full');
        });

        test('a third person is told "failed" and hears nothing', async () => {
          const [jieun, minho, third] = await connectAll('지은', '민호', 'third');
          const room = newRoom();
          await jieun.ask('room', room);
          await minho.ask('room', room);
          third.say('room', room);
          assert.equal(await third.told('result'), 'failed');
          third.say('chat message', 'let me in');
          jieun.say('chat message', '우리끼리');
          assert.equal(await minho.told('chat message'), '우리끼리');
          // The answer to a later question comes after everything that was meant for us.
          await third.ask('hello', {});
          assert.equal(third.untaken('chat message'), 0);
        });

        test('a seat is free again after its holder has gone', async () => {
          const [jieun, minho, third] = await connectAll('지은', '민호', 'third');
          const room = newRoom();
          await jieun.ask('room', room);
          await minho.ask('room', room);
          jieun.leave();
          await eventually('the free seat', async () => !(await third.ask('room', room)).error);
          third.say('chat message', '들어왔다');
          assert.equal(await minho.told('chat message'), '들어왔다');
        });

        test('joining twice takes one seat', async () => {
          const [jieun, minho] = await connectAll('지은', '민호');
          const room = newRoom();
          await jieun.ask('room', room);
          await jieun.ask('room', room);
          assertAccepted(await minho.ask('room', room));
        });

        test('joining another room leaves the first', async () => {
          const [jieun, minho, third] = await connectAll('지은', '민호', 'third');
          const [first, second] = [newRoom(), newRoom()];
          await jieun.ask('room', first);
          await minho.ask('room', first);
          await jieun.ask('room', second);
          assertAccepted(await third.ask('room', first));
          minho.say('chat message', '지은이 갔네');
          assert.equal(await third.told('chat message'), '지은이 갔네');
          jieun.say('chat message', '여기 있어');
          assert.equal(await jieun.told('chat message'), '여기 있어');
        });

        test('a burst of fifty keeps its order', async () => {
          const [jieun, minho] = await connectAll('지은', '민호');
          const room = newRoom();
          await jieun.ask('room', room);
          await minho.ask('room', room);
          const burst = Array.from({ length: 50 }, (_, number) => `메시지 ${number}`);
          burst.forEach((text) => jieun.say('chat message', text));
          for (const text of burst) assert.equal(await minho.told('chat message'), text);
          for (const text of burst) assert.equal(await jieun.told('chat message'), text);
        });
      });

      describe('the full protocol', () => {
        test('hello says who one is and how to come back', async () => {
          const jieun = await connect('지은');
          const welcome = await jieun.ask('hello', {});
          assert.equal(welcome.you.name, '지은');
          assert.match(welcome.you.id, /^[0-9a-f]{16}$/);
          assert.equal(welcome.protocol, 1);
          assert.equal(typeof welcome.token, 'string');
        });

        test('join tells who is here, and the others that somebody came', async () => {
          const [jieun, minho] = await connectAll('지은', '민호');
          const room = newRoom();
          const first = await jieun.ask('join', { room });
          assert.deepEqual(
            { room: first.room, seats: first.seats, last: first.last, events: first.events, more: first.more },
            { room, seats: null, last: 0, events: [], more: false },
          );
          assert.deepEqual(first.people.map(({ name }) => name), ['지은']);
          assert.ok(first.may.includes('read') && first.may.includes('post'));
          const second = await minho.ask('join', { room });
          assert.deepEqual(second.people.map(({ name }) => name).sort(), ['민호', '지은']);
          const presence = await presenceOf(jieun, (change) => change.here?.name === '민호');
          assert.equal(presence.room, room);
        });

        test('send is acknowledged with its place in the log and reaches the others', async () => {
          const [jieun, minho] = await connectAll('지은', '민호');
          const room = newRoom();
          await jieun.ask('join', { room });
          await minho.ask('join', { room });
          const cid = newCid();
          const sent = await jieun.ask('send', { room, cid, body: '  첫 마디  ' });
          assert.equal(sent.cid, cid);
          assert.equal(sent.seq, 1);
          assert.ok(Math.abs(Date.now() - sent.at) < 60_000);
          const told = await minho.told('event');
          assert.equal(told.room, room);
          assert.equal(told.event.seq, 1);
          assert.equal(told.event.at, sent.at);
          assert.equal(told.event.person.name, '지은');
          assert.deepEqual(told.event.what, { posted: { cid, body: '첫 마디' } });
        });

        test('sending again with the same cid is the same message', async () => {
          const jieun = await connect('지은');
          const room = newRoom();
          await jieun.ask('join', { room });
          const message = { room, cid: newCid(), body: '한 번만' };
          const sent = await jieun.ask('send', message);
          assert.deepEqual(await jieun.ask('send', message), sent);
          const next = await jieun.ask('send', { ...message, cid: newCid() });
          assert.equal(next.seq, sent.seq + 1);
        });

        test('history is read before, after and around a place', async () => {
          const jieun = await connect('지은');
          const room = newRoom();
          await jieun.ask('join', { room });
          for (let number = 1; number <= 9; number += 1) {
            await jieun.ask('send', { room, cid: newCid(), body: `${number}` });
          }
          const page = async (span) => {
            const { events, more_before, more_after } = await jieun.ask('history', { room, limit: 3, ...span });
            return { bodies: events.map((event) => event.what.posted.body).join(' '), more_before, more_after };
          };
          assert.deepEqual(await page({ before: 4 }), { bodies: '1 2 3', more_before: false, more_after: true });
          assert.deepEqual(await page({ before: 9 }), { bodies: '6 7 8', more_before: true, more_after: true });
          assert.deepEqual(await page({ after: 6 }), { bodies: '7 8 9', more_before: true, more_after: false });
          assert.deepEqual(await page({ around: 5 }), { bodies: '4 5 6', more_before: true, more_after: true });
          assertRefused(await jieun.ask('history', { room }), 'bad_request');
        });

        test('who comes back asks for what it has missed', async () => {
          const [jieun, minho] = await connectAll('지은', '민호');
          const room = newRoom();
          await jieun.ask('join', { room });
          await minho.ask('join', { room });
          await jieun.ask('send', { room, cid: newCid(), body: '하나' });
          await minho.ask('leave', { room });
          await jieun.ask('send', { room, cid: newCid(), body: '둘' });
          const back = await minho.ask('join', { room, since: 1 });
          assert.deepEqual(back.events.map((event) => event.what.posted.body), ['둘']);
          assert.equal(back.last, 2);
          assert.equal(back.more, false);
        });

        test('a new name is told to the others', async () => {
          const [jieun, minho] = await connectAll('지은', '민호');
          const room = newRoom();
          await jieun.ask('join', { room });
          await minho.ask('join', { room });
          const { you } = await jieun.ask('rename', { name: '김지은' });
          assert.equal(you.name, '김지은');
          await presenceOf(minho, (change) => change.renamed?.name === '김지은');
          assertRefused(await jieun.ask('rename', { name: ' ' }), 'name_empty');
        });

        test('who leaves is gone for the others and may not speak any more', async () => {
          const [jieun, minho] = await connectAll('지은', '민호');
          const room = newRoom();
          const { people } = await jieun.ask('join', { room });
          await minho.ask('join', { room });
          assertAccepted(await jieun.ask('leave', { room }));
          await presenceOf(minho, (change) => change.gone === people[0].id);
          assertRefused(await jieun.ask('send', { room, cid: newCid(), body: '?' }), 'not_in_room');
        });

        test('a room has as many seats as its first visitor said', async () => {
          const [jieun, minho] = await connectAll('지은', '민호');
          const room = newRoom();
          assert.equal((await jieun.ask('join', { room, seats: 1 })).seats, 1);
          assertRefused(await minho.ask('join', { room }), 'room_full');
          await jieun.ask('leave', { room });
          assert.equal((await minho.ask('join', { room, seats: 9 })).seats, 1);
        });

        test('what is wrong is refused with its reason', async () => {
          const jieun = await connect('지은');
          const room = newRoom();
          await jieun.ask('join', { room });
          const send = (message) => jieun.ask('send', { room, cid: newCid(), body: 'x', ...message });
          assertRefused(await jieun.ask('join', { room: 'a/b' }), 'room_name_not_a_link');
          assertRefused(await jieun.ask('join', {}), 'bad_request');
          assertRefused(await send({ body: ' \n ' }), 'message_empty');
          assertRefused(await send({ body: 'x'.repeat(4_001) }), 'message_too_long');
          assertRefused(await send({ cid: 'no spaces' }), 'cid_invalid');
        });
      });
    });
  }
}

/** Takes a seat as the tutorial's page does, without an answer: one's own words come back. */
async function sitDown(client, room) {
  client.say('room', room);
  client.say('chat message', `${room}!`);
  assert.equal(await client.told('chat message'), `${room}!`);
}

async function presenceOf(client, isIt) {
  for (;;) {
    const presence = await client.told('presence');
    if (presence.changes.some(isIt)) return presence;
  }
}

function assertAccepted(answer) {
  assert.equal(answer?.error, undefined, JSON.stringify(answer));
}

function assertRefused(answer, code) {
  assert.equal(answer?.error?.code, code, JSON.stringify(answer));
  assert.equal(typeof answer.error.message, 'string');
}
