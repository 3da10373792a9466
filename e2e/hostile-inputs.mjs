// Hostile names and messages: several hundred, combined from parts that each broke some program once.

const PARTS = {
  'bidirectional control': ['\u202Egnp.exe', '\u2066lri\u2069', '\u2067مرحبا\u2069', 'a\u200Fb\u200Ec', '\u202A\u202B\u202C\u202D'],
  'right to left': ['مرحبا بالعالم', 'שלום עולם', 'العربية abc עברית 123', 'السلام عليكم!؟'],
  'zero width': ['a\u200Bb', 'a\u200Cb', 'a\u200Db', '\uFEFFa', 'a\u2060b', '\u00ADsoft\u00ADhyphen'],
  'marks on marks': ['Z̷̢̛͓a̴̡l̸̛g̵̨o̶̢', `e${'\u0301'.repeat(40)}`, `ㅋ${'\u0334'.repeat(40)}`, 'ก็็็็็็็็็็็็็็็็็็็็'],
  emoji: ['👩‍👩‍👧‍👦', '🏳️‍🌈', '👍🏿', '🇰🇷🇰🇵', '1️⃣', '\u200D\u200D👩', '👩\u200D', '\uFE0F', '🫠'.repeat(100)],
  Hangul: ['ㅋㅋㅋㅋ', 'ᄒᆞᆫ글', '뷁꿹쀍', '한\u115F\u1160글', 'ㅤ', 'ﾡﾢ'],
  spaces: ['\u00A0', '\u3000', '\u2003a\u2003', '\u1680', 'a\tb', 'a\r\nb', '\n\n\n', '\u2028\u2029'],
  'halves and holes': ['\uFFFD', '\uFFFE', '\u0000', '\u0007', '\u001B[31mred', '\uD83D\uDE00'],
  HTML: ['<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '<svg/onload=alert(1)>', '</div></li></ol>', '<!--', ']]>', '&lt;b&gt;', '&#x202E;', '<style>*{display:none}</style>', '<base href=//x.example>', '<iframe srcdoc="x">'],
  addresses: ['javascript:alert(1)', '[x](javascript:alert(1))', '[x](data:text/html,x)', 'https://a.example/%00', 'https://a.example/"onmouseover="x', 'https://xn--80ak6aa92e.com', 'https://[::1]:1/', 'http://a@b@c/', '[a](https://b.example "onclick=x")', '[[[[](((('],
  markup: ['*'.repeat(300), '_'.repeat(300), '~~'.repeat(150), '`'.repeat(299), '```'.repeat(99), '> '.repeat(200), '- '.repeat(200), '*_~'.repeat(100), '[('.repeat(150), '**a _b **c_ d**', '```\n```\n```', '> - > - > - x', '1. '.repeat(100)],
  mentions: ['@'.repeat(300), '@지은'.repeat(100), '@\u202E', '@@@@지은은는이가', '@here @channel @everyone'],
  code: ["'; DROP TABLE events; --", '${7*7}', '{{7*7}}', '%s%s%n', '../../etc/passwd', '$(reboot)', '\\u0000', '__proto__', 'constructor', 'NaN', 'null', 'undefined'],
  long: ['가'.repeat(4_000), 'W'.repeat(4_000), 'ﷺ'.repeat(1_000), '가나다 '.repeat(1_000), '\n'.repeat(500).concat('끝'), 'https://a.example/'.concat('x'.repeat(3_000)), '|'.repeat(4_000)],
};

/** Alone, in the middle of words, next to each other, and inside markup. */
const COMBINATIONS = [
  (part) => part,
  (part) => `앞 ${part} 뒤`,
  (part) => `*${part}* \`${part}\``,
  (part) => `> ${part}\n- ${part}`,
];

const parts = Object.values(PARTS).flat();

export const MESSAGES = COMBINATIONS.flatMap((combine) => parts.map(combine));

export const NAMES = parts.map((part) => part.slice(0, 24));
