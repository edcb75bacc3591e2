import type { Color, Style } from './row'

/** Applies the parameters of an SGR sequence (ESC [ … m), as ECMA-48 and xterm define them. */
export function applySgr(style: Style, params: string): Style {
  const p = params.replaceAll(':', ';').split(';').map((n) => (n === '' ? 0 : Number(n)))
  let s: Style = { ...style }
  for (let i = 0; i < p.length; i++) {
    const n = p[i]!
    if (n === 38 || n === 48) {
      const [color, used] = extended(p, i + 1)
      i += used
      if (color !== undefined) s[n === 38 ? 'fg' : 'bg'] = color
    } else s = applyOne(s, n)
  }
  return s
}

function applyOne(s: Style, n: number): Style {
  if (n === 0) return s.link ? { link: s.link } : {}
  if (n >= 30 && n <= 37) return { ...s, fg: n - 30 }
  if (n >= 40 && n <= 47) return { ...s, bg: n - 40 }
  if (n >= 90 && n <= 97) return { ...s, fg: n - 82 }
  if (n >= 100 && n <= 107) return { ...s, bg: n - 92 }
  if (n === 39) return without(s, 'fg')
  if (n === 49) return without(s, 'bg')
  const on = ({ 1: 'bold', 2: 'dim', 3: 'italic', 4: 'underline', 7: 'inverse', 9: 'strike' } as const)[n]
  if (on) return { ...s, [on]: true }
  const off = ({ 23: 'italic', 24: 'underline', 27: 'inverse', 29: 'strike' } as const)[n]
  if (off) return without(s, off)
  return n === 22 ? without(without(s, 'bold'), 'dim') : s
}

function without(s: Style, key: keyof Style): Style {
  const { [key]: _, ...rest } = s
  return rest
}

/** 5;INDEX or 2;R;G;B; and how many parameters that were. */
function extended(p: number[], at: number): [Color | undefined, number] {
  if (p[at] === 5) return [p[at + 1]! >= 0 && p[at + 1]! < 256 ? p[at + 1] : undefined, 2]
  if (p[at] !== 2) return [undefined, 0]
  const rgb = p.slice(at + 1, at + 4)
  return [rgb.length === 3 && rgb.every((c) => c >= 0 && c < 256) ? hex(rgb) : undefined, 4]
}

export function hex(rgb: number[]): string {
  return '#' + rgb.map((c) => c.toString(16).padStart(2, '0')).join('')
}

/** The colour of palette entries 16 to 255, which all terminals share. */
export function paletteColor(n: number): string {
  if (n >= 232) {
    const grey = 8 + 10 * (n - 232)
    return hex([grey, grey, grey])
  }
  const steps = [0, 95, 135, 175, 215, 255]
  const c = n - 16
  return hex([steps[Math.floor(c / 36)]!, steps[Math.floor(c / 6) % 6]!, steps[c % 6]!])
}
