// The fixture of one test file: a server, a browser, and people. After each test every person's browser
// is closed, and it must not have logged an error.

import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';

import { Client, newCid } from './clients.mjs';
import { launch, Person } from './page.mjs';
import { Server } from './server.mjs';

export class PageFixture {
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
      const people = this.people.splice(0);
      const errors = people.flatMap(({ name, errors }) => errors.map((text) => `${name}: ${text}`));
      await Promise.all(people.map((person) => person.close()));
      assert.deepEqual(errors, [], 'the browser logged an error, or asked another host');
    });
  }

  async newPerson(name, options) {
    const person = await Person.open(this.browser, this.server.url, name, options);
    this.people.push(person);
    return person;
  }

  /** Opens a second tab for the same person. */
  async newWindow(person) {
    const other = await person.newWindow();
    this.people.push(other);
    return other;
  }

  newClient(name) {
    return Client.connect(this.server.url, { generation: '4', transport: 'websocket', name });
  }

  /** Sends "이야기 1" to "이야기n" after the other texts. */
  async fillRoom(room, count, ...others) {
    const sender = await this.newClient('이야기꾼');
    await sender.request('join', { room });
    const texts = [...others, ...Array.from({ length: count }, (_, index) => `이야기 ${index + 1}`)];
    for (const body of texts) await sender.request('send', { room, cid: newCid(), body });
    sender.leave();
  }

  /** Reads the room's log as another person. */
  async readLog(room) {
    const reader = await this.newClient('서기');
    const { events } = await reader.request('join', { room });
    reader.leave();
    return events.map((event) => event.what.posted.body);
  }
}
