/** Which colours somebody wants; the system's by default. It is kept in this browser. */
export type Theme = 'system' | 'light' | 'dark'

const key = 'errand.theme'

export function readTheme(): Theme {
  const kept = localStorage.getItem(key)
  return kept === 'light' || kept === 'dark' ? kept : 'system'
}

/** Shows a theme, in the page's style: see style.css. */
export function showTheme(theme: Theme): void {
  document.documentElement.dataset['theme'] = theme
}

export function keepTheme(theme: Theme): void {
  if (theme === 'system') localStorage.removeItem(key)
  else localStorage.setItem(key, theme)
  showTheme(theme)
}
