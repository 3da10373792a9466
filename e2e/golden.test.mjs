// Everything that the server says is what it said when the golden transcript was written.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';

import { difference, golden, RECORDINGS, UNPROVOKED } from './golden.mjs';

// Several wait for what the server does every 15 seconds.
describe('the protocol is that of the golden transcript', { concurrency: true }, () => {
  for (const { name, file, record } of RECORDINGS) {
    test(`${name}, in fixtures/golden/${file}`, async () => {
      const differs = difference(await golden(file), await record());
      assert.ok(!differs, `${differs}\n\nIf it is meant to be so: node e2e/golden.mjs --write`);
    });
  }
});

test('every refusal but those that nobody can provoke is in the golden transcript', async () => {
  const document = await readFile(resolve(import.meta.dirname, '../docs/protocol.md'), 'utf8');
  const [, table] = document.match(/^## Refusals$([^]*?)^## /m);
  const codes = [...table.matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, code]) => code);
  assert.ok(codes.length > 20, 'the document lists the refusals');
  const texts = (await Promise.all([...new Set(RECORDINGS.map(({ file }) => file))].map(golden))).join('\n');
  const missing = codes.filter((code) => !new RegExp(`\\b${code}\\b`).test(texts));
  assert.deepEqual(missing.sort(), Object.keys(UNPROVOKED).sort());
});
