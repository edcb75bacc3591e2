import { useState } from 'preact/hooks'
import type { Command } from '../api/types'
import { commandText } from '../format'
import { words } from '../text/log'
import type { FoldedLog } from './fold'
import { SectionState } from './line'
import { findCommand, textOf } from './scan'
import type { Section } from './sections'

/** Characters of a command's output that are copied: a clipboard is no place for more. */
const maxCopied = 20 << 20

interface Props {
  log: FoldedLog
  command: number
  /** What it is; undefined: not known. */
  text: Command | undefined
  section: Section
  toggled: () => void
  failed: (err: unknown) => void
}

/** Of the output that is seen: which command it is of, how that stands, and what can be done with it. */
export function SectionBar({ log, command, text, section, toggled, failed }: Props) {
  const [said, setSaid] = useState(words.copy)
  const copy = async () => {
    const head = await findCommand(log.model, command)
    const next = await findCommand(log.model, command + 1)
    const output = head ? await textOf(log.model, { ...head, row: head.row + 1 }, next, maxCopied) : ''
    if (output === null) return setSaid(words.tooLong)
    await navigator.clipboard.writeText(output)
    setSaid(words.copied)
    setTimeout(() => setSaid(words.copy), 3000)
  }
  const folded = log.isFolded(command)
  return (
    <div class="section-bar">
      <SectionState section={section} />
      <code>
        {command + 1}. {text === undefined ? '' : commandText(text).split('\n', 1)[0]}
      </code>
      <button
        type="button"
        class="quiet"
        onClick={() => {
          toggled()
          if (folded) log.unfold(command)
          else void log.fold(command)
        }}
      >
        {folded ? words.unfold : words.fold}
      </button>
      <button type="button" class="quiet" onClick={() => void copy().catch(failed)}>
        {said}
      </button>
    </div>
  )
}
