// The transcript in the READMEs is real.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { record, readTranscript } from './transcript.mjs';

test('the terminals of two people and a script show what the READMEs show', async () => {
  const transcript = await record();
  for (const name of ['README.md', 'README.ko.md']) {
    assert.equal(await readTranscript(name), transcript, `${name}: run bin/transcript`);
  }
});
