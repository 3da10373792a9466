// A demo conversation in several rooms, for the screenshots.

import { Client, newCid } from './clients.mjs';

const BOOK_CLUB = {
  room: '동네 책모임',
  topic: '매주 토요일 2시, 늘 가던 카페',
  messages: [
    ['서연', '다들 3장까지 읽었어요?'],
    ['민호', '네, 어제 지하철에서 다 읽었어요. 마지막 장면이 계속 생각나네요'],
    ['Emma', 'Same here! The letter at the end was *not* what I expected at all.'],
    ['서연', '그 편지, 번역이 참 좋지 않았어요?\n원문이랑 비교해 봤는데 느낌이 거의 그대로더라고요'],
    ['Emma', 'Could you share the original? My Korean is slow but I would love to try 🙂'],
    ['서연', '물론이죠. 토요일에 책 가져갈게요', { reply_to: 5 }],
    ['민호', '토요일 2시, 늘 가던 카페 맞죠?'],
    ['Emma', 'Yes, 2 pm. I will bring the almond cookies.'],
  ],
  reactions: [
    ['민호', 4, '👍'],
    ['서연', 8, '🍪'],
    ['민호', 8, '🍪'],
  ],
};

const RELEASE = {
  room: '릴리스 준비',
  topic: '2.0, 이번 금요일',
  messages: [
    ['하늘', '남은 일이에요\n- *번역* 검토\n- 설치 안내 다시 읽기\n- ~로고 바꾸기~ 끝!'],
    ['Jürgen', 'The crash on start is this line:\n```\nlet port = args.port.unwrap_or(3000);\n```\nsee https://example.org/issues/214'],
    ['도윤', '> see https://example.org/issues/214\n고맙습니다, `--listen`만 주면 괜찮은 거죠?', { reply_to: 2 }],
    ['Jürgen', 'Exactly. @지은 could you try it on your machine?'],
    ['하늘', '🎉🎉🎉'],
    ['도윤', '설치 안내는 오늘 저녁까지'],
    ['도윤', '아, 잘못 올렸어요'],
  ],
  reactions: [
    ['도윤', 1, '👀'],
    ['Jürgen', 5, '🎉'],
    ['하늘', 2, '🙏'],
    ['도윤', 2, '🙏'],
  ],
};

const MINUTES = {
  room: '화요일 회의록',
  messages: [
    ['도윤', '어제 회의록 올려 주실 수 있나요?'],
    ['하늘', '네, 여기요.\n' + Array.from({ length: 40 }, (_, line) => `${line + 1}. ${['번역은 서연이 맡는다', '설치 안내는 도윤이 고친다', 'Jürgen tests on Windows'][line % 3]}`).join('\n')],
    ['도윤', '고맙습니다!'],
  ],
};

const HIKING = {
  room: '주말 등산',
  messages: [
    ['도윤', '이번 주는 어디로 갈까요?'],
    ['서연', '단풍이 좋다던데 도봉산 어때요'],
    ['도윤', '좋아요. 일요일 8시, 도봉산역 2번 출구에서 봐요'],
  ],
};

/** Sent after the reader has visited the room. */
const UNREAD = [
  ['민호', '저도 갈게요! 김밥은 제가 싸 갈게요'],
  ['서연', '와, 그럼 저는 따뜻한 차요'],
  ['Emma', 'Is it steep? I only have running shoes.'],
  ['도윤', '천천히 갈 거예요. 운동화면 충분해요'],
];

const OTHERS = [
  { room: 'Design review', messages: [['Priya', 'The new icons are up, have a look when you can.']] },
  { room: '우리 반 3-2', messages: [['하준', '내일 준비물 색연필이래']] },
];

/** The rooms, by their purpose in a screenshot. */
export const ROOMS = { talk: BOOK_CLUB.room, markup: RELEASE.room, folded: MINUTES.room, unread: HIKING.room, full: '둘만의 방', own: '우리 골목 소식', empty: '새로 연 방' };

/** The last message of the room that most screenshots show. */
export const LAST = BOOK_CLUB.messages.at(-1)[1];

export class DemoConversation {
  constructor(url) {
    this.url = url;
    this.members = new Map();
  }

  /** Sends everything that is there before the reader comes. */
  async start() {
    for (const room of [...OTHERS, MINUTES, HIKING, RELEASE, BOOK_CLUB]) await this.#play(room);
    await this.#request('도윤', 'edit', { room: RELEASE.room, seq: 6, body: '설치 안내는 내일 아침까지 고칠게요' });
    await this.#request('도윤', 'delete', { room: RELEASE.room, seq: 7 });
    for (const name of ['하늘', 'Priya']) await this.#member(name, { room: ROOMS.full, seats: 2 });
  }

  /** Sends what is unread for the reader. */
  async sendUnread() {
    for (const name of ['수빈', 'Sofia']) await this.#member(name, { room: ROOMS.own });
    for (const [name, body] of UNREAD) await this.#request(name, 'send', { room: HIKING.room, body });
  }

  end() {
    for (const member of this.members.values()) member.leave();
  }

  async #play({ room, topic, messages, reactions = [] }) {
    await this.#member(messages[0][0], { room, topic });
    for (const [name, body, more] of messages) await this.#request(name, 'send', { room, body, ...more });
    for (const [name, seq, emoji] of reactions) await this.#request(name, 'react', { room, seq, emoji, on: true });
  }

  async #request(name, command, request) {
    const member = await this.#member(name, { room: request.room });
    const { error } = await member.request(command, { cid: newCid(), ...request });
    if (error) throw new Error(error.message);
  }

  /** Returns a member of a room, who stays in it. */
  async #member(name, join) {
    const key = `${join.room}/${name}`;
    if (!this.members.has(key)) {
      this.members.set(key, await Client.connect(this.url, { generation: '4', transport: 'websocket', name }));
      const { error } = await this.members.get(key).request('join', join);
      if (error) throw new Error(error.message);
    }
    return this.members.get(key);
  }
}
