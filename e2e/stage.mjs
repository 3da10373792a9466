// The stage of one test file: a server, a browser, and the people who come. Whoever came has left
// when a test is over, and no browser has complained.

import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';

import { Client, newCid } from './clients.mjs';
import { launch, Person } from './page.mjs';
import { Server } from './server.mjs';

export class Stage {
  /** `options` are those of the server. */
  constructor(options) {
    this.people = [];
    before(async () => {
      this.server = await Server.start(options);
      this.browser = await launch();
    });
    after(async () => {
      await this.browser.close();
      await this.server.stop();
    });
    afterEach(async () => {
      const seen = this.people.splice(0);
      const complaints = seen.flatMap(({ name, complaints }) => complaints.map((text) => `${name}: ${text}`));
      await Promise.all(seen.map((person) => person.goAway()));
      assert.deepEqual(complaints, [], 'the browser complained, or asked another host');
    });
  }

  async arrive(name, options) {
    const person = await Person.arrive(this.browser, this.server.url, name, options);
    this.people.push(person);
    return person;
  }

  /** The same person in a second window of the same browser. */
  async anotherWindow(person) {
    const other = await person.anotherWindow();
    this.people.push(other);
    return other;
  }

  visitor(name) {
    return Client.connect(this.server.url, { generation: '4', transport: 'websocket', name });
  }

  /** Says "이야기 1" to "이야기n" and then the other texts, before anybody looks. */
  async fill(room, count, ...others) {
    const teller = await this.visitor('이야기꾼');
    await teller.ask('join', { room });
    const texts = [...others, ...Array.from({ length: count }, (_, index) => `이야기 ${index + 1}`)];
    for (const body of texts) await teller.ask('send', { room, cid: newCid(), body });
    teller.leave();
  }

  /** What the room's log holds, read by somebody else. */
  async log(room) {
    const reader = await this.visitor('서기');
    const { events } = await reader.ask('join', { room });
    reader.leave();
    return events.map((event) => event.what.posted.body);
  }
}
