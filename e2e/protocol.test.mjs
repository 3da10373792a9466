// docs/protocol.md promises with examples: each block marked ```js example is run as it stands.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { after, before, test } from 'node:test';

import { io } from 'sio4';

import { newRoom } from './clients.mjs';
import { Server } from './server.mjs';

// A heartbeat may be 15 seconds away.
const LIMIT = 25_000;
const document = await readFile(resolve(import.meta.dirname, '../docs/protocol.md'), 'utf8');
const examples = findExamples(document);

let server;
before(async () => (server = await Server.start()));
after(() => server.stop());

test('the document has examples', () => assert.notEqual(examples.length, 0));

for (const { heading, line, code } of examples) {
  test(`${heading} (docs/protocol.md:${line})`, { timeout: LIMIT }, async () => {
    const [socket, other] = await Promise.all([connect(), connect()]);
    try {
      await run(code, { socket, other, room: newRoom(), once, assert, io, url: server.url });
    } finally {
      socket.disconnect();
      other.disconnect();
    }
  });
}

function findExamples(markdown) {
  const found = [];
  let heading = 'before the first heading';
  let example;
  markdown.split('\n').forEach((text, index) => {
    if (example && text.startsWith('```')) {
      found.push(example);
      example = undefined;
    } else if (example) {
      example.code += `${text}\n`;
    } else if (text.trim() === '```js example') {
      example = { heading, line: index + 1, code: '' };
    } else if (/^#+ /.test(text)) {
      heading = text.replace(/^#+ /, '');
    }
  });
  return found;
}

async function run(code, scope) {
  const AsyncFunction = (async () => {}).constructor;
  await new AsyncFunction(...Object.keys(scope), `'use strict';\n${code}`)(...Object.values(scope));
}

async function connect() {
  const socket = io(server.url, { forceNew: true });
  await once(socket, 'connect');
  return socket;
}

function once(socket, event) {
  return new Promise((told) => socket.once(event, told));
}
