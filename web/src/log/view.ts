import type { LogFrame } from '../api/types'
import type { Line } from './lines'
import { LineReader } from './lines'

/** More lines than this aren't kept in the page: the oldest go. */
const maxLines = 5000
/** So many lines at once are not read out. */
const floodLines = 20
const drawEveryMs = 50

const marks = { stdout: '', stderr: 'err', system: 'sys' }

/**
 * Draws a log. It writes the DOM itself, in batches, because a log grows by
 * thousands of lines a second. It stays at the end while the reader is there.
 */
export class LogView {
  private reader = new LineReader()
  private readonly drawn = new WeakMap<Line, HTMLElement>()
  private dirty = new Set<Line>()
  private timer: ReturnType<typeof setTimeout> | undefined
  private dropped = 0
  private atEnd = true

  constructor(
    private readonly box: HTMLElement,
    private readonly dropNotice: HTMLElement,
    private readonly tellAtEnd: (atEnd: boolean) => void,
  ) {
    box.addEventListener('scroll', this.onScroll, { passive: true })
  }

  /** Frames of the log, in order. */
  add(frames: LogFrame[]): void {
    for (const frame of frames) for (const line of this.reader.read(frame)) this.dirty.add(line)
    this.timer ??= setTimeout(() => this.draw(), drawEveryMs)
  }

  /** A line of the page's own. */
  note(text: string): void {
    this.dirty.add({ stream: 'system', text, elapsedMs: 0 })
    this.timer ??= setTimeout(() => this.draw(), drawEveryMs)
  }

  /** What comes next is another log; what is drawn stays. */
  restart(): void {
    this.reader = new LineReader()
  }

  toEnd(): void {
    this.atEnd = true
    this.box.scrollTop = this.box.scrollHeight
    this.tellAtEnd(true)
  }

  close(): void {
    clearTimeout(this.timer)
    this.box.removeEventListener('scroll', this.onScroll)
  }

  private readonly onScroll = () => {
    const atEnd = this.box.scrollTop + this.box.clientHeight >= this.box.scrollHeight - 8
    if (atEnd === this.atEnd) return
    this.atEnd = atEnd
    this.tellAtEnd(atEnd)
  }

  private draw(): void {
    this.timer = undefined
    const lines = [...this.dirty]
    this.dirty = new Set()
    this.box.setAttribute('aria-live', lines.length > floodLines ? 'off' : 'polite')
    const news = document.createDocumentFragment()
    for (const line of lines) this.drawLine(line, news)
    this.box.append(news)
    this.dropOldest()
    if (this.atEnd) this.box.scrollTop = this.box.scrollHeight
  }

  private drawLine(line: Line, news: DocumentFragment): void {
    const old = this.drawn.get(line)
    if (old) {
      old.lastElementChild!.textContent = line.text
      return
    }
    const row = document.createElement('div')
    row.className = `line ${line.stream}`
    const mark = document.createElement('span')
    mark.className = 'mark'
    mark.textContent = marks[line.stream]
    mark.title = `${line.stream}, after ${(line.elapsedMs / 1000).toFixed(1)} s`
    const text = document.createElement('span')
    text.className = 'text'
    text.textContent = line.text
    row.append(mark, text)
    this.drawn.set(line, row)
    news.append(row)
  }

  private dropOldest(): void {
    const over = this.box.childElementCount - maxLines
    if (over <= 0) return
    for (let i = 0; i < over; i++) this.box.firstElementChild?.remove()
    this.dropped += over
    this.dropNotice.textContent = `${this.dropped.toLocaleString('en')} earlier lines are not shown here; “errand logs” prints all.`
  }
}
