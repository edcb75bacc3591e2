import type { Job } from '../api/types'
import { jobTitle, outcome } from '../format'
import bad from '../icon-bad.svg'
import good from '../icon-good.svg'
import running from '../icon-running.svg'
import usual from '../icon.svg'

const icons = { waiting: usual, running, good, bad, stopped: usual }

/** Shows the job in the tab: its sign and name, and an icon of its colour. It returns what undoes that. */
export function showInTitle(job: Job): () => void {
  const o = outcome(job)
  document.title = `${o.sign} ${jobTitle(job)} · Errand`
  setIcon(icons[o.mark])
  return () => {
    document.title = 'Errand'
    setIcon(usual)
  }
}

function setIcon(address: string): void {
  document.querySelector<HTMLLinkElement>('link[rel=icon]')?.setAttribute('href', address)
}
