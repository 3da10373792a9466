// Replaces the names of imports and exports in app.js by the short ones of wasm-opt, which prints them:
//   wasm-opt --minify-imports-and-exports-and-modules ... | node bin/short-names.mjs app.js
// Fails and leaves the file unchanged if a long name would remain.

import { readFileSync, writeFileSync } from 'node:fs';

const [script] = process.argv.slice(2);
const { imports, exports } = JSON.parse(readFileSync(0, 'utf8'));
const offered = new Map(imports.map(([, long, short]) => [long, short]));
const called = new Map(exports);
const [[module]] = imports;

const short = readFileSync(script, 'utf8')
  .replace(/^( {8})(\w+)(?=: )/gm, (_, indent, name) => indent + (offered.get(name) ?? name))
  .replace(/\bwasm\.(\w+)/g, (_, name) => `wasm.${called.get(name) ?? name}`)
  .replace(`"${module}": `, 'a: ');

const left = [...offered.keys(), module, ...[...called.keys()].map((name) => `wasm.${name}`)].find(
  (name) => short.includes(name),
);
if (left) throw new Error(`${script} still says ${left}`);
writeFileSync(script, short);
