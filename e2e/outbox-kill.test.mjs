// Kills the browser while its outbox is full, a few times; `node e2e/outbox-kill.mjs --runs 50` does it
// often.

import { test } from 'node:test';

import { killBrowser } from './outbox-kill.mjs';

test('messages shown as persisted survive a kill of the browser, once and in order', () => killBrowser(3));
