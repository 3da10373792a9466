// Runs the examples of docs/protocol.md: each block marked ```js example or ```sh example as it stands,
// and ```sh stream until it has printed something. Only the address is replaced.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once as happens } from 'node:events';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { after, before, test } from 'node:test';

import { io } from 'sio4';

import { newRoomName } from './clients.mjs';
import { Server } from './server.mjs';

// A heartbeat may be 15 seconds away.
const LIMIT = 25_000;
const document = await readFile(resolve(import.meta.dirname, '../docs/protocol.md'), 'utf8');
const examples = findExamples(document);

let server;
before(async () => (server = await Server.start()));
after(() => server.stop());

test('the document has examples', () => assert.notEqual(examples.length, 0));

for (const { heading, line, kind, code } of examples) {
  test(`${heading} (docs/protocol.md:${line})`, { timeout: LIMIT }, async () => {
    if (kind !== 'js example') return runShell(code, kind === 'sh stream');
    const [socket, other] = await Promise.all([connect(), connect()]);
    try {
      await run(code, { socket, other, room: newRoomName(), once, assert, io, url: server.url });
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
    } else if (/^```(js example|sh example|sh stream)$/.test(text)) {
      example = { heading, line: index + 1, kind: text.slice(3), code: '' };
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

async function runShell(code, isStream) {
  const script = code.replaceAll('http://127.0.0.1:3000', server.url);
  // In its own process group, so that a stream's curl can be ended with its shell.
  const shell = spawn('bash', ['-euc', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  shell.stdout.on('data', (chunk) => {
    said += chunk;
    if (isStream && /^data: .*\n/m.test(said)) process.kill(-shell.pid);
  });
  const [status] = await happens(shell, 'close');
  if (!isStream) assert.equal(status, 0);
  else assert.match(said, /^id: 1\nevent: event\ndata: \{/m);
  assert.doesNotMatch(said, /"error"/);
}

async function connect() {
  const socket = io(server.url, { forceNew: true });
  await once(socket, 'connect');
  return socket;
}

function once(socket, event) {
  return new Promise((told) => socket.once(event, told));
}
