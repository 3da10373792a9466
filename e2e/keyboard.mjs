// The keys and compositions of a keyboard with an input method, below what playwright offers.

export class Keyboard {
  static async of(person) {
    return new Keyboard(await person.context.newCDPSession(person.page));
  }

  constructor(session) {
    this.session = session;
  }

  async compose(...steps) {
    for (const text of steps) {
      await this.session.send('Input.imeSetComposition', {
        text,
        selectionStart: text.length,
        selectionEnd: text.length,
      });
    }
  }

  async commit(text) {
    await this.session.send('Input.insertText', { text });
  }

  /** `composing`: the input method takes the key, and the browser tells so. */
  async down(key, { composing = false, modifiers = 0 } = {}) {
    const text = key === 'Enter' && !composing ? { text: '\r' } : {};
    await this.session.send('Input.dispatchKeyEvent', {
      type: text.text ? 'keyDown' : 'rawKeyDown',
      ...identify(key),
      ...(composing ? { windowsVirtualKeyCode: 229 } : {}),
      modifiers,
      ...text,
    });
  }

  async up(key) {
    await this.session.send('Input.dispatchKeyEvent', { type: 'keyUp', ...identify(key) });
  }

  async press(key) {
    await this.down(key);
    await this.up(key);
  }
}

export const SHIFT = 8;
export const CONTROL = 2;

const CODES = { Enter: 13, Tab: 9, ArrowDown: 40, ArrowUp: 38, Escape: 27 };

function identify(key) {
  return { key, code: key, windowsVirtualKeyCode: CODES[key] };
}
