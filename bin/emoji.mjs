// Writes one file for each language: node bin/emoji.mjs EMOJIBASE-DATA FOLDER
// A line has an emoji, its name, its shortcodes and other words, also in the other language, separated by
// tabs. An empty line separates groups. The page reads this without a JSON parser.

import { readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync } from 'node:zlib';

const [data, folder] = process.argv.slice(2);

/** Many systems still show newer ones as empty boxes. */
const NEWEST = 15;
/** The group of skin tones and hair, which are parts of emoji. */
const PARTS = 2;

const read = (path) => JSON.parse(readFileSync(`${data}/${path}`, 'utf8'));
const shortcodes = read('en/shortcodes/github.json');

for (const [language, other] of [['ko', 'en'], ['en', 'ko']]) {
  const others = new Map(read(`${other}/data.json`).map((emoji) => [emoji.hexcode, emoji]));
  const groups = new Map();
  const shown = read(`${language}/data.json`)
    .filter(({ group, version }) => group !== undefined && group !== PARTS && version <= NEWEST)
    .sort((one, other) => one.order - other.order);
  for (const emoji of shown) {
    groups.set(emoji.group, [...(groups.get(emoji.group) ?? []), line(emoji, others.get(emoji.hexcode))]);
  }
  const text = `# Made by bin/emoji from emojibase-data (MIT, © Miles Johnson) and Unicode CLDR.\n${[...groups.values()]
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n')}`;
  writeFileSync(`${folder}/emoji.${language}.txt`, text);
  console.log(`emoji.${language}.txt: ${shown.length} emoji, ${brotliCompressSync(text).length} bytes in brotli`);
}

function line({ emoji, label, tags = [], hexcode }, other) {
  // Removes the selector for a picture where a picture is the default. Others write the emoji without it,
  // and both must count as the same reaction.
  const picture = emoji.replace(/(\p{Emoji_Presentation})\uFE0F/gu, '$1');
  const codes = [shortcodes[hexcode] ?? []].flat();
  const known = new Set([...codes, ...label.split(' ')]);
  const said = [...tags, other?.label ?? '', ...(other?.tags ?? [])].flatMap((tag) => tag.split(' '));
  const words = [...new Set(said)].filter((word) => word && !known.has(word));
  return [picture, label, codes.join(' '), words.join(' ')].join('\t');
}
