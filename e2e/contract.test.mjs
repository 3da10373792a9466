// The tutorial's contract and the full protocol, for every generation of the JavaScript client over
// each transport. A program written for the tutorial's server works unchanged.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';

import { Client, eventually, GENERATIONS, newCid, newRoomName, TRANSPORTS } from './clients.mjs';
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
          const room = newRoomName();
          await joinLikeTutorial(jieun, room);
          await joinLikeTutorial(minho, room);
          minho.emit('chat message', '점심 먹었어?');
          assert.equal(await minho.next('chat message'), '점심 먹었어?');
          assert.equal(await jieun.next('chat message'), `${room}!`);
          assert.equal(await jieun.next('chat message'), '점심 먹었어?');
        });

        test('both events are acknowledged on request', async () => {
          const [jieun, minho, third] = await connectAll('지은', '민호', 'third');
          const room = newRoomName();
          assertAccepted(await jieun.request('room', room));
          assertAccepted(await minho.request('room', room));
          assertAccepted(await jieun.request('chat message', '안녕'));
          assert.equal(await minho.next('chat message'), '안녕');
          assertRefused(await third.request('room', room), 'room_full');
        });

        test('a third person receives "failed" and no messages', async () => {
          const [jieun, minho, third] = await connectAll('지은', '민호', 'third');
          const room = newRoomName();
          await jieun.request('room', room);
          await minho.request('room', room);
          third.emit('room', room);
          assert.equal(await third.next('result'), 'failed');
          third.emit('chat message', 'let me in');
          jieun.emit('chat message', '우리끼리');
          assert.equal(await minho.next('chat message'), '우리끼리');
          // The reply to a later request comes after every event before it.
          await third.request('hello', {});
          assert.equal(third.pendingCount('chat message'), 0);
        });

        test('a seat is free again after its holder has disconnected', async () => {
          const [jieun, minho, third] = await connectAll('지은', '민호', 'third');
          const room = newRoomName();
          await jieun.request('room', room);
          await minho.request('room', room);
          jieun.leave();
          await eventually('the free seat', async () => !(await third.request('room', room)).error);
          third.emit('chat message', '들어왔다');
          assert.equal(await minho.next('chat message'), '들어왔다');
        });

        test('joining twice takes one seat', async () => {
          const [jieun, minho] = await connectAll('지은', '민호');
          const room = newRoomName();
          await jieun.request('room', room);
          await jieun.request('room', room);
          assertAccepted(await minho.request('room', room));
        });

        test('joining another room leaves the first', async () => {
          const [jieun, minho, third] = await connectAll('지은', '민호', 'third');
          const [first, second] = [newRoomName(), newRoomName()];
          await jieun.request('room', first);
          await minho.request('room', first);
          await jieun.request('room', second);
          assertAccepted(await third.request('room', first));
          minho.emit('chat message', '지은이 갔네');
          assert.equal(await third.next('chat message'), '지은이 갔네');
          jieun.emit('chat message', '여기 있어');
          assert.equal(await jieun.next('chat message'), '여기 있어');
        });

        test('a burst of fifty keeps its order', async () => {
          const [jieun, minho] = await connectAll('지은', '민호');
          const room = newRoomName();
          await jieun.request('room', room);
          await minho.request('room', room);
          const burst = Array.from({ length: 50 }, (_, number) => `메시지 ${number}`);
          burst.forEach((text) => jieun.emit('chat message', text));
          for (const text of burst) assert.equal(await minho.next('chat message'), text);
          for (const text of burst) assert.equal(await jieun.next('chat message'), text);
        });
      });

      describe('the full protocol', () => {
        test('hello returns the identity and a token', async () => {
          const jieun = await connect('지은');
          const welcome = await jieun.request('hello', {});
          assert.equal(welcome.you.name, '지은');
          assert.match(welcome.you.id, /^[0-9a-f]{16}$/);
          assert.equal(welcome.protocol, 1);
          assert.equal(typeof welcome.token, 'string');
        });

        test('join returns the members and announces the new one to the others', async () => {
          const [jieun, minho] = await connectAll('지은', '민호');
          const room = newRoomName();
          const first = await jieun.request('join', { room });
          assert.deepEqual(
            { room: first.room, seats: first.seats, last: first.last, events: first.events, more: first.more },
            { room, seats: null, last: 0, events: [], more: false },
          );
          assert.deepEqual(first.people.map(({ name }) => name), ['지은']);
          assert.ok(first.may.includes('read') && first.may.includes('post'));
          const second = await minho.request('join', { room });
          assert.deepEqual(second.people.map(({ name }) => name).sort(), ['민호', '지은']);
          const presence = await nextPresence(jieun, (change) => change.here?.name === '민호');
          assert.equal(presence.room, room);
        });

        test('send is acknowledged with its number in the log and reaches the others', async () => {
          const [jieun, minho] = await connectAll('지은', '민호');
          const room = newRoomName();
          await jieun.request('join', { room });
          await minho.request('join', { room });
          const cid = newCid();
          const sent = await jieun.request('send', { room, cid, body: '  첫 마디  ' });
          assert.equal(sent.cid, cid);
          assert.equal(sent.seq, 1);
          assert.ok(Math.abs(Date.now() - sent.at) < 60_000);
          const told = await minho.next('event');
          assert.equal(told.room, room);
          assert.equal(told.event.seq, 1);
          assert.equal(told.event.at, sent.at);
          assert.equal(told.event.person.name, '지은');
          assert.deepEqual(told.event.what, { posted: { cid, body: '  첫 마디' } });
        });

        test('sending again with the same cid is the same message', async () => {
          const jieun = await connect('지은');
          const room = newRoomName();
          await jieun.request('join', { room });
          const message = { room, cid: newCid(), body: '한 번만' };
          const sent = await jieun.request('send', message);
          assert.deepEqual(await jieun.request('send', message), sent);
          const next = await jieun.request('send', { ...message, cid: newCid() });
          assert.equal(next.seq, sent.seq + 1);
        });

        test('history is read before, after and around a number', async () => {
          const jieun = await connect('지은');
          const room = newRoomName();
          await jieun.request('join', { room });
          for (let number = 1; number <= 9; number += 1) {
            await jieun.request('send', { room, cid: newCid(), body: `${number}` });
          }
          const page = async (span) => {
            const { events, more_before, more_after } = await jieun.request('history', { room, limit: 3, ...span });
            return { bodies: events.map((event) => event.what.posted.body).join(' '), more_before, more_after };
          };
          assert.deepEqual(await page({ before: 4 }), { bodies: '1 2 3', more_before: false, more_after: true });
          assert.deepEqual(await page({ before: 9 }), { bodies: '6 7 8', more_before: true, more_after: true });
          assert.deepEqual(await page({ after: 6 }), { bodies: '7 8 9', more_before: true, more_after: false });
          assert.deepEqual(await page({ around: 5 }), { bodies: '4 5 6', more_before: true, more_after: true });
          assertRefused(await jieun.request('history', { room }), 'bad_request');
        });

        test('a rejoin returns the missed events', async () => {
          const [jieun, minho] = await connectAll('지은', '민호');
          const room = newRoomName();
          await jieun.request('join', { room });
          await minho.request('join', { room });
          await jieun.request('send', { room, cid: newCid(), body: '하나' });
          await minho.request('leave', { room });
          await jieun.request('send', { room, cid: newCid(), body: '둘' });
          const back = await minho.request('join', { room, since: 1 });
          assert.deepEqual(back.events.map((event) => event.what.posted.body), ['둘']);
          assert.equal(back.last, 2);
          assert.equal(back.more, false);
        });

        test('a rename reaches the others', async () => {
          const [jieun, minho] = await connectAll('지은', '민호');
          const room = newRoomName();
          await jieun.request('join', { room });
          await minho.request('join', { room });
          const { you } = await jieun.request('rename', { name: '김지은' });
          assert.equal(you.name, '김지은');
          await nextPresence(minho, (change) => change.renamed?.name === '김지은');
          assertRefused(await jieun.request('rename', { name: ' ' }), 'name_empty');
        });

        test('leave removes the member for the others and ends the right to send', async () => {
          const [jieun, minho] = await connectAll('지은', '민호');
          const room = newRoomName();
          const { people } = await jieun.request('join', { room });
          await minho.request('join', { room });
          assertAccepted(await jieun.request('leave', { room }));
          await nextPresence(minho, (change) => change.gone === people[0].id);
          assertRefused(await jieun.request('send', { room, cid: newCid(), body: '?' }), 'not_in_room');
        });

        test('a room has as many seats as its first member set', async () => {
          const [jieun, minho] = await connectAll('지은', '민호');
          const room = newRoomName();
          assert.equal((await jieun.request('join', { room, seats: 1 })).seats, 1);
          assertRefused(await minho.request('join', { room }), 'room_full');
          await jieun.request('leave', { room });
          assert.equal((await minho.request('join', { room, seats: 9 })).seats, 1);
        });

        test('invalid commands are refused with a reason', async () => {
          const jieun = await connect('지은');
          const room = newRoomName();
          await jieun.request('join', { room });
          const send = (message) => jieun.request('send', { room, cid: newCid(), body: 'x', ...message });
          assertRefused(await jieun.request('join', { room: 'a/b' }), 'room_name_not_a_link');
          assertRefused(await jieun.request('join', {}), 'bad_request');
          assertRefused(await send({ body: ' \n ' }), 'message_empty');
          assertRefused(await send({ body: 'x'.repeat(4_001) }), 'message_too_long');
          assertRefused(await send({ cid: 'no spaces' }), 'cid_invalid');
        });
      });
    });
  }
}

/** Takes a seat as the tutorial's page does, without an acknowledgement: one's own message comes back. */
async function joinLikeTutorial(client, room) {
  client.emit('room', room);
  client.emit('chat message', `${room}!`);
  assert.equal(await client.next('chat message'), `${room}!`);
}

async function nextPresence(client, matches) {
  for (;;) {
    const presence = await client.next('presence');
    if (presence.changes.some(matches)) return presence;
  }
}

function assertAccepted(answer) {
  assert.equal(answer?.error, undefined, JSON.stringify(answer));
}

function assertRefused(answer, code) {
  assert.equal(answer?.error?.code, code, JSON.stringify(answer));
  assert.equal(typeof answer.error.message, 'string');
}
