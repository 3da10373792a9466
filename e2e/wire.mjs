// The wire between one person's page and the server, in the hands of a test: it can lose what the
// server says, answer in its place, and break.

export class Wire {
  /** Takes the wire of a person who has not yet opened a page. */
  static async of(person) {
    const wire = new Wire();
    await person.context.routeWebSocket(/\/socket\.io\//, (page) => wire.open(page));
    return wire;
  }

  constructor() {
    this.broken = false;
    this.connections = [];
    /** Which frames of the server are lost. */
    this.loses = () => false;
    /** What a frame of the server reads instead. */
    this.rewrites = (frame) => frame;
    /** Which frames of the page have to wait, until `handOn`. */
    this.holds = () => false;
    this.held = [];
    /** What is answered to a frame of the page instead of handing it on. */
    this.answers = () => undefined;
  }

  open(page) {
    if (this.broken) return page.close();
    const server = page.connectToServer();
    this.connections.push(page);
    page.onMessage((frame) => {
      const answer = this.answers(frame);
      if (answer) page.send(answer);
      else if (this.holds(frame)) this.held.push(() => server.send(frame));
      else server.send(frame);
    });
    server.onMessage((frame) => {
      if (!this.loses(frame)) page.send(this.rewrites(frame));
    });
  }

  /** Lets everything through that had to wait. */
  handOn() {
    this.holds = () => false;
    for (const send of this.held.splice(0)) send();
  }

  /** Breaks the connection there is, and every new one until `mend`. */
  async cut() {
    this.broken = true;
    await Promise.all(this.connections.splice(0).map((page) => page.close()));
  }

  mend() {
    this.broken = false;
  }

  /** Refuses whatever `matches`, as the server would. */
  refuse(code, matches) {
    this.answers = (frame) => {
      const [, ack, command] = `${frame}`.match(/^42(\d+)(\[.*)$/s) ?? [];
      if (ack && matches(...JSON.parse(command))) return `43${ack}[{"error":{"code":"${code}","message":""}}]`;
    };
  }

  /** Waits until the server refuses something with this code. */
  refused(code) {
    return new Promise((refused) => {
      this.loses = (frame) => {
        if (`${frame}`.startsWith('43') && `${frame}`.includes(`"code":"${code}"`)) refused();
        return false;
      };
    });
  }
}

/** Whether a frame tells of this text being said. */
export const tells = (text) => (frame) => `${frame}`.startsWith('42["event"') && `${frame}`.includes(JSON.stringify(text));

/** Whether a frame says that a message is stored. */
export const isAnswerToSend = (frame) => /^43\d+\[\{"cid"/.test(`${frame}`);
