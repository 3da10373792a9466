// The same contract for python-socketio, over each transport.

import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { Server } from './server.mjs';

const here = import.meta.dirname;
// bin/test creates this environment from python/requirements.txt.
const python = resolve(here, '../target/python/bin/python');

let server;
before(async () => (server = await Server.start()));
after(() => server.stop());

for (const transport of ['websocket', 'polling']) {
  test(`python-socketio over ${transport} passes the contract`, async () => {
    await promisify(execFile)(python, [resolve(here, 'python/contract.py'), server.url, transport]);
  });
}
