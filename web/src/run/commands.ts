/** A command and where it stands in the text. */
export interface TypedCommand {
  text: string
  /** Of its first line, from 1. */
  line: number
}

/**
 * Reads commands, one a line. Blank lines are left out. A line that ends with a
 * backslash goes on in the next, as in a shell: the shell gets both as they stand.
 */
export function parseCommands(text: string): TypedCommand[] {
  const commands: TypedCommand[] = []
  let open: TypedCommand | null = null
  for (const [i, raw] of text.replaceAll('\r\n', '\n').split('\n').entries()) {
    if (open) open.text += '\n' + raw
    else if (raw.trim() !== '') commands.push((open = { text: raw.trimStart(), line: i + 1 }))
    if (!goesOn(raw)) open = null
  }
  return commands.map((c) => ({ ...c, text: c.text.trimEnd() }))
}

/** An odd number of backslashes at the end: the last one escapes the line's end. */
function goesOn(line: string): boolean {
  return (/\\*$/.exec(line)?.[0].length ?? 0) % 2 === 1
}

/** The line that a problem's field ("commands[2]") is about; 0 if none. */
export function lineOfField(field: string, commands: TypedCommand[]): number {
  const index = /^commands\[(\d+)\]/.exec(field)?.[1]
  return index === undefined ? 0 : (commands[Number(index)]?.line ?? 0)
}
