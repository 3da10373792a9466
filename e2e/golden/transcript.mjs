// A recorded conversation as text. What differs from one run to the next is masked, and so are English
// sentences; codes, fields, names and every order stay as they are.

/** The longest that anything takes which a scene waits for; a heartbeat comes every 15 seconds. */
const WAIT = 30_000;

/** Sentences that clients recognise (server/src/cli/client): they are part of the protocol. */
const RECOGNISED = [/^Goodbye\.$/, /^You are now .*\.$/];
const ARRIVED = /^(You are in .*?; )(.*)$/;

/** A run of English words that does not belong to a command. */
const WORDS = /(?<![/\p{L}])[A-Za-z]['A-Za-z]*(?: [A-Za-z]['A-Za-z]*)*/gu;

export class Transcript {
  #lines = [];
  #people = new Map();

  /** Begins a part of the conversation. */
  scene(title) {
    if (this.#lines.length > 0) this.#lines.push('');
    this.#lines.push(`# ${title}`);
  }

  /** Adds what somebody sent (`>`) or was sent (`<`). */
  add(who, direction, text) {
    this.#lines.push([who, direction, visible(this.mask(text))].filter(Boolean).join(' '));
  }

  /** Adds something that is seen from outside and is no text of the protocol. */
  note(text) {
    this.#lines.push(`(${this.mask(text)})`);
  }

  /** Plays something of which this is the transcript; when that fails, the error shows how far it came. */
  async of(play) {
    try {
      await play();
    } catch (error) {
      throw new Error(`after\n${this.#lines.slice(-10).join('\n')}`, { cause: error });
    }
  }

  toString() {
    return `${this.#lines.join('\n')}\n`;
  }

  /** Masks what nobody can know before; the same person has the same number in the whole transcript. */
  mask(text) {
    return text
      .replace(/"(at|last_at|edited)":\d+/g, '"$1":<time>')
      .replace(/(\["restart",\{"after":|^retry: )\d+/gm, '$1<time>')
      .replace(/"message":"(?:([a-z_]+): )?(?:[^"\\]|\\.)*"/g, (_, code) => `"message":"${code ? `${code}: ` : ''}<text>"`)
      .replace(/"sid":"[^"]+"/g, '"sid":"<sid>"')
      .replace(/\b((?:__Host-)?madang)-[0-9a-f]{8}=/g, '$1-<instance>=')
      .replace(/\b[0-9a-f]{64}\b/g, '<token>')
      .replace(/\b[0-9a-f]{32}\b/g, '<cid>')
      .replace(/\b[0-9a-f]{16}\b/g, (id) => this.#person(id))
      .replace(/\bguest-\d{4}\b/g, 'guest-<digits>')
      .replace(/\b(127\.0\.0\.1):(?!300[01]\b)\d+/g, '$1:<port>');
  }

  #person(id) {
    if (!this.#people.has(id)) this.#people.set(id, `<person ${this.#people.size + 1}>`);
    return this.#people.get(id);
  }
}

/** A text in one line, in which every character shows and none comes hundreds of times. */
function visible(text) {
  return text
    .replace(/(.)\1{19,}/gu, (run, character) => `${character}{${[...run].length}}`)
    .replace(/[\p{Cc}\p{Cf}]/gu, (character) => {
      if (character === '\u200d') return character;
      return { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character] ?? `\\u${character.codePointAt(0).toString(16).padStart(4, '0')}`;
    });
}

/** A line of the line protocol without its English words, but for those that clients recognise. */
export function maskLine(line) {
  const [, begin, rest] = line.match(/^(\* |! [a-z_]+: |= \S+ ! [a-z_]+: )(.*)$/) ?? [];
  if (begin === undefined) return line;
  if (begin !== '* ') return `${begin}<text>`;
  if (RECOGNISED.some((sentence) => sentence.test(rest))) return line;
  const [, arrived = '', words] = rest.match(ARRIVED) ?? [undefined, '', rest];
  // A guest's name is no sentence.
  return begin + arrived + words.split(/(guest-\d{4})/).map((part, at) => (at % 2 ? part : maskWords(part))).join('');
}

/** A text without its English words. */
export function maskWords(text) {
  return text.replace(WORDS, '<text>');
}

/**
 * What came and has not been asked for yet, by kind: the order of two of one kind is promised, that of
 * two kinds (a reply and an event, an event and a change of presence) is not.
 */
export class Received {
  #name;
  #kept = new Map();
  #waiting = new Map();

  constructor(name) {
    this.#name = name;
  }

  put(kind, item) {
    const waiter = this.#waiting.get(kind)?.shift();
    if (waiter) waiter(item);
    else this.#kept.set(kind, [...(this.#kept.get(kind) ?? []), item]);
  }

  /** The next of this kind, whether it is there or comes within the limit. */
  take(kind) {
    const kept = this.#kept.get(kind);
    if (kept?.length > 0) return Promise.resolve(kept.shift());
    return new Promise((take, miss) => {
      const late = setTimeout(() => {
        miss(new Error(`${this.#name}: "${kind}" did not come, but ${JSON.stringify([...this.#kept])}`));
      }, WAIT);
      const waiter = (item) => {
        clearTimeout(late);
        take(item);
      };
      this.#waiting.set(kind, [...(this.#waiting.get(kind) ?? []), waiter]);
    });
  }

  /** Fails when something came that no scene took, and would be missing from the transcript. */
  assertNothingLeft(except = []) {
    const left = [...this.#kept].filter(([kind, items]) => items.length > 0 && !except.includes(kind));
    if (left.length > 0) throw new Error(`${this.#name}: nobody took ${JSON.stringify(left)}`);
  }
}
