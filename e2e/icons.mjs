// Draws the icons that an installed page needs from one drawing: node e2e/icons.mjs
// A maskable icon fills its square, because the system cuts its own shape out of it; an iPhone rounds
// the corners itself.

import { readFile, writeFile } from 'node:fs/promises';

import { launch } from './page.mjs';

const PUBLIC = new URL('../public/', import.meta.url);

const drawing = await readFile(new URL('favicon.svg', PUBLIC), 'utf8');
const filled = drawing.replace('<rect width="32" height="32" rx="8"', '<rect width="32" height="32"');
const safe = filled.replace('viewBox="0 0 32 32"', 'viewBox="-4 -4 40 40"').replace('<rect', '<rect x="-4" y="-4"').replace('width="32" height="32"', 'width="40" height="40"');

const browser = await launch();
try {
  await draw(drawing, 192, 'icon-192.png');
  await draw(drawing, 512, 'icon-512.png');
  await draw(safe, 512, 'icon-maskable-512.png');
  await draw(filled, 180, 'apple-touch-icon.png');
} finally {
  await browser.close();
}

async function draw(svg, size, name) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(svg.replace('<svg ', `<svg style="position:fixed;inset:0" width="${size}" height="${size}" `));
  await writeFile(new URL(name, PUBLIC), await page.screenshot({ omitBackground: true }));
  await page.close();
}
