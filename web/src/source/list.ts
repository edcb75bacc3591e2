import type { SourceGrant } from '../api/wire'
import type { Entry } from './entry'
import { Ranges, maxListBytes } from './ranges'

/** Reads what a folder consists of, in the order of paths. The bytes come from the storage, not from the API. */
export async function readList(source: SourceGrant, signal: AbortSignal, fetcher?: typeof fetch): Promise<Entry[]> {
  const budget = { left: maxListBytes }
  const [root, ...others] = [source.download, ...(source.downloads ?? [])].map((request) => new Ranges(request, budget, signal, fetcher))
  const entries = source.format === 'manifest'
    ? await (await import('./manifest')).listManifest(root!, others)
    : await (await import('./zip')).listZIP(root!)
  const found = entries.filter((e) => e.path !== '.').map((e) => ({ e, key: e.path.replaceAll('/', '\0') }))
  return found.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ e }) => e)
}
