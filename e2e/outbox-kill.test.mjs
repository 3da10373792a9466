// The browser killed while its outbox is full, a few times; `node e2e/outbox-kill.mjs --runs 50`
// does it often.

import { test } from 'node:test';

import { killTheBrowser } from './outbox-kill.mjs';

test('what the page showed as kept survives a kill of the browser, once and in order', () => killTheBrowser(3));
