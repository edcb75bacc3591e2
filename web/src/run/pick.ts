/** A file and its path in what is sent. */
export interface Picked {
  path: string
  file: File
}

/** What a folder holds that is not sent, as errand run leaves it out. */
const leftOut = new Set(['.git'])

/** The files of a dropped folder, or of several files and folders. */
export async function filesOfDrop(data: DataTransfer): Promise<Picked[]> {
  // All must be asked for before anything is awaited.
  const entries = Array.from(data.items, (i) => i.webkitGetAsEntry()).filter((e): e is FileSystemEntry => e !== null)
  const plain = Array.from(data.files, (file) => ({ path: file.name, file }))
  if (entries.length === 0) return plain // what a script dropped has no entries
  const all: Picked[] = []
  const single = entries.length === 1 && entries[0]?.isDirectory
  for (const e of entries) await walk(e, single ? '' : e.name, all)
  return all.sort((a, b) => (a.path < b.path ? -1 : 1))
}

async function walk(entry: FileSystemEntry, path: string, out: Picked[]): Promise<void> {
  if (leftOut.has(entry.name)) return
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
    out.push({ path, file })
    return
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) return
    for (const e of some) await walk(e, path ? `${path}/${e.name}` : e.name, out)
  }
}

/** The files of a folder that was chosen: their paths begin with its name, which is left out. */
export function filesOfInput(list: FileList): Picked[] {
  return Array.from(list, (file) => {
    const path = file.webkitRelativePath
    return { path: path.includes('/') ? path.slice(path.indexOf('/') + 1) : path || file.name, file }
  })
    .filter((p) => !p.path.split('/').some((part) => leftOut.has(part)))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** Whether what was dropped is a ZIP by itself. */
export function isZip(files: Picked[]): boolean {
  return files.length === 1 && /\.zip$/i.test(files[0]?.path ?? '')
}
