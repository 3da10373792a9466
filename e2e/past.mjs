// Names and texts in fixtures/past, for make-past.mjs, which wrote it, and past.test.mjs, which opens it.

import { resolve } from 'node:path';

export const PAST = resolve(import.meta.dirname, '../fixtures/past');
export const DATABASE = 'madang.sqlite';
export const PROFILE = 'profile.tar.gz';

/** A browser stores data by origin; this one is the same whichever port the server gets. */
export const ORIGIN = 'http://past.localhost';

/** The options of Chromium that lead the origin to the server. */
export const resolveTo = (port) => [`--host-resolver-rules=MAP past.localhost 127.0.0.1:${port}`];

/** Wide enough for the list of rooms beside a room. */
export const SCREEN = { width: 1280, height: 800 };

/** The parts of a Chromium profile that hold what a site stores. */
export const PROFILE_PARTS = ['Default/IndexedDB', 'Default/Local Storage', 'Default/Service Worker'];

/** The server's cookie. It is not part of the profile, where Chromium would drop it after 400 days. */
export const cookieOf = ({ token }) => ({ name: 'madang', value: token, url: ORIGIN, httpOnly: true, sameSite: 'Lax' });

export const ROOMS = { lobby: 'lobby', topic: '느티나무 마당', seats: '둘만의 방', long: '긴 이야기' };

/** The messages in the outbox, by room and in the order in which they were written. */
export const UNSENT = {
  topic: ['연결 없이 한 말', '연결 없이 또 한 말', '연결 없이 쓴 답장'],
  lobby: ['로비에서 연결 없이 한 말'],
};

/** A room for two that the server does not know yet, with the message that opens it. */
export const OPENED = { room: '새로 연 방', text: '새 방의 첫마디' };

/** A message that the server refused; it is sent again after a click. */
export const REFUSED = '거절된 말';

/** The text of an edit that waits, in the room with the topic. */
export const EDITED = '연결 없이 고친 말';

/** How many messages are in the outbox. */
export const KEPT = Object.values(UNSENT).flat().length + 2;

export const DRAFTS = { long: '긴 이야기에 쓰다 만 글', seats: '쓰다 만 답장' };
