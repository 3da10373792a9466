// Keys and compositions of a keyboard with an input method, below Playwright's API.

export class Keyboard {
  static async attach(person) {
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

  /** `composing`: the input method takes the key, and the browser reports it; `held`: the key repeats. */
  async down(key, { composing = false, held = false, modifiers = 0 } = {}) {
    const text = key === 'Enter' && !composing ? { text: '\r' } : {};
    await this.session.send('Input.dispatchKeyEvent', {
      type: text.text ? 'keyDown' : 'rawKeyDown',
      ...identify(key),
      ...(composing ? { windowsVirtualKeyCode: 229 } : {}),
      modifiers,
      autoRepeat: held,
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

/**
 * The orders in which browsers report the Enter that ends a composition. `beforeNext` is awaited before
 * events that may follow once the first has had its effect.
 */
export const COMPOSITION_END_ORDERS = {
  async 'Chrome and Firefox'(keyboard, text) {
    await keyboard.down('Enter', { composing: true });
    await keyboard.commit(text);
    await keyboard.up('Enter');
  },
  async 'Chrome on macOS'(keyboard, text, beforeNext) {
    await keyboard.down('Enter', { composing: true });
    await keyboard.commit(text);
    await beforeNext?.();
    await keyboard.press('Enter');
  },
  async Safari(keyboard, text) {
    await keyboard.commit(text);
    await keyboard.down('Enter', { composing: true });
    await keyboard.up('Enter');
  },
  async 'the key is held'(keyboard, text, beforeNext) {
    await keyboard.down('Enter', { composing: true });
    await keyboard.commit(text);
    await beforeNext?.();
    for (let times = 0; times < 3; times += 1) await keyboard.down('Enter', { held: true });
    await keyboard.up('Enter');
  },
};

export const SHIFT = 8;
export const CONTROL = 2;

const CODES = { Enter: 13, Tab: 9, ArrowDown: 40, ArrowUp: 38, Escape: 27 };

function identify(key) {
  return { key, code: key, windowsVirtualKeyCode: CODES[key] };
}
