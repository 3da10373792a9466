// The messages that cost a reader's page most, and what each of them costs:
// node e2e/worst-bodies.mjs [--only PART_OF_A_NAME] [--slower 1]
//
// In Chromium, for each body: somebody sends it five times into a room that somebody else reads. Prints the
// processor time of the page's thread for one of them (the median), and its longest task.

import { loadavg } from 'node:os';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import { Client, newCid, newRoomName } from './clients.mjs';
import { launch, Person } from './page.mjs';
import { Server } from './server.mjs';

/** The longest body, in bytes of UTF-8 and in characters. */
const MAX_BYTES = 16 * 1024;
const MAX_CHARACTERS = 4_000;

const segmenter = new Intl.Segmenter();

/** The longest body that consists of a part, again and again. */
function fill(part, before = '', after = '') {
  const count = Math.floor((MAX_BYTES - Buffer.byteLength(before + after)) / Buffer.byteLength(part));
  // Parts can join to one character, so only many of them show how many there are.
  const characters = [...segmenter.segment(part.repeat(200))].length / 200;
  const fitting = Math.floor((MAX_CHARACTERS - before.length - after.length) / characters);
  return before + part.repeat(Math.min(count, fitting)) + after;
}

/** By name. Each is as long as a message may be. */
export const WORST_BODIES = {
  'marks on one letter': fill('\u0301', 'e'),
  'marks above and below one letter': fill('\u0301\u0323', 'e'),
  'marks with joiners between': fill('\u0301\u200D', 'e'),
  'eight marks on each letter': fill('e' + '\u0301\u0323'.repeat(4)),
  'enclosing marks': fill('\u20DD', 'e'),
  'Arabic marks': fill('\u064B', 'ب'),
  'Thai vowels': fill('\u0E35\u0E48', 'ก'),
  'Tibetan stack': fill('\u0F90', 'ཀ'),
  'Indic conjunct': fill('\u094D\u0915', 'क'),
  'Khmer stack': fill('\u17D2\u1780', 'ក'),
  'Myanmar stack': fill('\u1039\u1000', 'က'),
  'Myanmar letters': fill('က'),
  'Myanmar text': fill('မြန်မာစာ '),
  'Thai text': fill('ที่นี่ '),
  'joined by hearts': fill('\u200D❤\uFE0F', '👩'),
  'variation selectors': fill('\uFE0F', '❤'),
  'leading jamo': fill('\u1100', 'a'),
  'jamo of one syllable': fill('\u1161', '\u1100'),
  'joined emoji': fill('\u200D👩', '👩'),
  'skin tones': fill('🏽', '👍'),
  'flag letters': fill('🇰'),
  'emoji': fill('👍'),
  'families': fill('👩‍👩‍👧‍👦'),
  'a word without end': fill('a'),
  'a syllable without end': fill('가'),
  'a Chinese text of rare letters': fill('𠀋'),
  'wide ligatures': fill('﷽'),
  'joiners': fill('\u200D', 'a'),
  'directions inside each other': fill('\u202Ea\u202D'),
  'isolates inside each other': fill('\u2067a\u2066'),
  'alternating directions': fill('aא'),
  'alternating scripts': fill('aаαא가あ中ก'),
  'lines': fill('a\n'),
  'empty lines': fill('\n', 'a', 'b'),
  'tabs': fill('\ta'),
  'bold letters': fill('*a* '),
  'code letters': fill('`a` '),
  'styles inside each other': fill('*a _b ~c~ d_ e* '),
  'short links': fill('http://a '),
  'named links': fill('[a](http://b)'),
  'one long link': fill('a', 'https://a.example/'),
  'addresses with Hangul': fill('https://a가.kr은 '),
  'mentions': fill('@지은 '),
  'at signs': fill('@a '),
  'quotes': fill('> a\n\nb\n'),
  'quotes inside each other': fill('> > > > a\nb\n'),
  'list items': fill('- a\n'),
  'lists inside each other': fill('- a\n  - b\n    - c\n      - d\n'),
  'numbered lists': fill('1. a\n- b\n'),
  'blocks of code': fill('```a```\n'),
  'a table of code': fill('| 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 |\n', '```\n', '\n```'),
  'one line of code': fill('a\t', '```\n', '\n```'),
  'lines of code': fill('a\n', '```\n', '\n```'),
  'backticks': fill('`` ` '),
  'delimiters': fill('*_~'),
  'brackets': fill('[a]('),
};

if (import.meta.url === pathToFileURL(process.argv[1]).href) await measureAll();

async function measureAll() {
  const { values } = parseArgs({
    options: { only: { type: 'string', default: '' }, slower: { type: 'string', default: '1' } },
  });
  const server = await Server.start({ '--message-rate': '1000', '--message-burst': '1000' });
  const browser = await launch();
  try {
    for (const [name, body] of Object.entries(WORST_BODIES)) {
      if (name.includes(values.only)) await measure(browser, server, name, body, Number(values.slower));
    }
    console.log(`processor ${values.slower} times slower, load average ${loadavg()[0].toFixed(1)}`);
  } finally {
    await browser.close();
    await server.stop();
  }
}

async function measure(browser, server, name, body, slower) {
  const room = newRoomName();
  const sender = await Client.connect(server.url, { generation: '4', transport: 'websocket', name: '민수' });
  await sender.request('join', { room });
  const reader = await Person.open(browser, server.url, '지은');
  await reader.joinRoom(room);
  const devtools = await reader.context.newCDPSession(reader.page);
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: slower });
  await reader.page.evaluate(() => {
    window.longest = 0;
    const note = (list) => {
      for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
    };
    new PerformanceObserver(note).observe({ entryTypes: ['longtask'] });
  });
  const costs = [];
  let [result, elements] = ['', 0];
  for (let time = 1; time <= 5; time += 1) {
    const before = await taskTime(devtools);
    const { seq, error } = await sender.request('send', { room, cid: newCid(), body });
    if (error) {
      result = `refused: ${error.code}`;
      break;
    }
    const shown = reader.log.locator(`[data-seq="${seq}"] .message-body`);
    await shown.waitFor({ state: 'attached' });
    elements = await shown.evaluate((place) => place.querySelectorAll('*').length);
    // Until it is drawn.
    await reader.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100))));
    costs.push((await taskTime(devtools)) - before);
  }
  if (result === '') {
    const median = costs.toSorted((a, b) => a - b)[Math.floor(costs.length / 2)];
    const longest = await reader.page.evaluate(() => window.longest);
    result = `${median.toFixed(0).padStart(6)} ms, longest task ${longest.toFixed(0)} ms, ${elements} elements`;
  }
  console.log(`${name.padEnd(34)} ${result}`);
  sender.leave();
  await reader.close();
}

/** The processor time of the page's thread, in ms. */
async function taskTime(devtools) {
  const { metrics } = await devtools.send('Performance.getMetrics');
  return 1_000 * metrics.find(({ name }) => name === 'TaskDuration').value;
}
