// Screenshots of a morning in Madang: node e2e/shots.mjs FOLDER

import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { Client, newCid } from './clients.mjs';
import { launch, Person, WORDS } from './page.mjs';
import { Server } from './server.mjs';

const HEAVIEST = 150_000;
const [folder] = process.argv.slice(2);

const BOOK_CLUB = {
  room: '동네 책모임',
  talk: [
    ['서연', '다들 3장까지 읽었어요?'],
    ['민호', '네, 어제 지하철에서 다 읽었어요. 마지막 장면이 계속 생각나네요'],
    ['Emma', 'Same here! The letter at the end was not what I expected at all.'],
    ['서연', '그 편지, 번역이 참 좋지 않았어요?\n원문이랑 비교해 봤는데 느낌이 거의 그대로더라고요'],
    ['Emma', 'Could you share the original? My Korean is slow but I would love to try 🙂'],
    ['서연', '물론이죠. 토요일에 책 가져갈게요'],
    ['민호', '토요일 2시, 늘 가던 카페 맞죠?'],
    ['Emma', 'Yes, 2 pm. I will bring the almond cookies.'],
  ],
};
const OTHER_ROOMS = [
  ['주말 등산', '도윤', '일요일 8시, 도봉산역 2번 출구에서 봐요'],
  ['Design review', 'Priya', 'The new icons are up, have a look when you can.'],
  ['우리 반 3-2', '하준', '내일 준비물 색연필이래'],
];
const SCREENS = { 1280: { width: 1280, height: 800 }, 390: { width: 390, height: 844 } };

const server = await Server.start();
const browser = await launch();
const guests = new Map();

async function says(room, name, body) {
  const key = `${room}/${name}`;
  if (!guests.has(key)) {
    guests.set(key, await Client.connect(server.url, { generation: '4', transport: 'websocket', name }));
    await guests.get(key).ask('join', { room });
  }
  const { error } = await guests.get(key).ask('send', { room, cid: newCid(), body });
  if (error) throw new Error(error.message);
}

/** The cookie of somebody who has been here before, so that all pictures show the same person. */
async function introduce(name) {
  const person = await Person.arrive(browser, server.url, name);
  await person.enter(BOOK_CLUB.room);
  const storageState = await person.context.storageState();
  await person.goAway();
  return storageState;
}

async function shoot(person, page, look) {
  await person.page.screenshot({ path: join(folder, `${page}-${look}.png`), animations: 'disabled', caret: 'hide' });
}

try {
  await mkdir(folder, { recursive: true });
  for (const [room, name, body] of OTHER_ROOMS) await says(room, name, body);
  for (const [name, body] of BOOK_CLUB.talk) await says(BOOK_CLUB.room, name, body);

  const storageState = await introduce('지은');
  for (const language of Object.keys(WORDS)) {
    for (const [width, viewport] of Object.entries(SCREENS)) {
      for (const colorScheme of ['light', 'dark']) {
        const options = { language, viewport, colorScheme, storageState };
        const person = await Person.arrive(browser, server.url, '지은', options);
        const look = `${width}-${colorScheme}-${language}`;
        await person.page.goto(Person.linkTo(BOOK_CLUB.room));
        await person.sees(BOOK_CLUB.talk.at(-1)[1]);
        await shoot(person, 'room', look);
        await person.page.goto('/');
        await person.page.getByText(OTHER_ROOMS[0][0]).first().waitFor();
        await shoot(person, 'home', look);
        await person.goAway();
      }
    }
  }
} finally {
  for (const guest of guests.values()) guest.leave();
  await browser.close();
  await server.stop();
}

for (const name of await readdir(folder)) {
  const { size } = await stat(join(folder, name));
  console.log(`${String(size).padStart(7)} ${name}`);
  if (size > HEAVIEST) throw new Error(`${name} is heavier than ${HEAVIEST} bytes`);
}
