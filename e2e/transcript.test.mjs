// The transcript in the READMEs is what happens.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { record, shown } from './transcript.mjs';

test('two people and a script see in their terminals what the READMEs show', async () => {
  const transcript = await record();
  for (const name of ['README.md', 'README.ko.md']) {
    assert.equal(await shown(name), transcript, `${name}: run bin/transcript`);
  }
});
