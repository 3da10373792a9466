// Writes one file for each language: node bin/emoji.mjs EMOJIBASE-DATA FOLDER
// A line is an emoji, its name, its shortcodes and other words, those of the other language included,
// with tabs between them; groups are separated by an empty line: the page needs no JSON to read it.

import { readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync } from 'node:zlib';

const [data, folder] = process.argv.slice(2);

/** Newer ones are empty boxes on many systems still. */
const NEWEST = 15;
/** Skin tones and hair by themselves. */
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
  // Drawn as a picture anyway: then others write it without asking for one, and theirs is the same reaction.
  const picture = emoji.replace(/(\p{Emoji_Presentation})\uFE0F/gu, '$1');
  const codes = [shortcodes[hexcode] ?? []].flat();
  const known = new Set([...codes, ...label.split(' ')]);
  const said = [...tags, other?.label ?? '', ...(other?.tags ?? [])].flatMap((tag) => tag.split(' '));
  const words = [...new Set(said)].filter((word) => word && !known.has(word));
  return [picture, label, codes.join(' '), words.join(' ')].join('\t');
}
