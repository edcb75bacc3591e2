type State = 'text' | 'escape' | 'control' | 'string' | 'string escape' | 'charset'

/**
 * Takes terminal escape sequences out of text that comes in pieces: a sequence
 * may be cut anywhere. What is left is printable text, tab, newline, carriage
 * return and backspace.
 */
export class EscapeStripper {
  private state: State = 'text'

  strip(text: string): string {
    let out = ''
    for (const c of text) if (this.keeps(c)) out += c
    return out
  }

  /** Moves on by one character and says whether it is text. */
  private keeps(c: string): boolean {
    switch (this.state) {
      case 'text':
        return this.inText(c)
      case 'escape':
        this.state = afterEscape(c)
        return false
      case 'control': // CSI: parameters, then one final byte
        if ((c >= '@' && c <= '~') || c < ' ') this.state = c === '\x1b' ? 'escape' : 'text'
        return c === '\n' // a newline inside a broken sequence still ends the line
      case 'string': // OSC, DCS, …: ended by BEL or ESC \
        if (c === '\x07' || c === '\n') this.state = 'text'
        else if (c === '\x1b') this.state = 'string escape'
        return c === '\n'
      case 'string escape':
        this.state = c === '\\' ? 'text' : afterEscape(c)
        return false
      case 'charset':
        this.state = 'text'
        return false
    }
  }

  private inText(c: string): boolean {
    if (c === '\x1b') this.state = 'escape'
    else if (c === '\x9b') this.state = 'control'
    else if (c >= ' ') return c !== '\x7f' && (c < '\x80' || c > '\x9f')
    else return c === '\n' || c === '\r' || c === '\t' || c === '\b'
    return false
  }
}

function afterEscape(c: string): State {
  if (c === '[') return 'control'
  if (']PX^_'.includes(c)) return 'string'
  if ('()*+-./#% '.includes(c)) return 'charset'
  return c === '\x1b' ? 'escape' : 'text'
}
