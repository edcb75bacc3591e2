import type { Picked } from './pick'
import type { ZipSaid } from './zip.worker'
import address from './zip.worker?worker&url'
import { words } from '../text/run'

/** The page's Content-Security-Policy takes the address of a script from a policy only: this one knows the worker's. */
function startWorker(): Worker {
  const { trustedTypes } = globalThis as { trustedTypes?: { createPolicy(name: string, rules: { createScriptURL: () => string }): { createScriptURL(s: string): string } } }
  const trusted = trustedTypes?.createPolicy('zip-worker', { createScriptURL: () => address }).createScriptURL('')
  return new Worker((trusted as string | undefined) ?? address, { type: 'module' })
}

/** Packs files into a ZIP, outside of the page's own thread. */
export function zipFiles(files: Picked[], name: string, packed: (bytes: number) => void, signal: AbortSignal): Promise<File> {
  return new Promise((resolve, reject) => {
    const worker = startWorker()
    const end = () => worker.terminate()
    signal.addEventListener('abort', () => {
      end()
      reject(signal.reason as Error)
    }, { once: true })
    worker.onerror = (e) => {
      end()
      reject(new Error(words.notPacked(e.message)))
    }
    worker.onmessage = (e: MessageEvent<ZipSaid>) => {
      if (e.data.step === 'packing') return packed(e.data.bytes)
      end()
      if (e.data.step === 'done') resolve(new File([e.data.blob], name))
      else reject(new Error(words.notPacked(e.data.why)))
    }
    worker.postMessage(files)
  })
}
