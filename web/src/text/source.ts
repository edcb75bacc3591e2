/** What the list of a job's folder says. */
export const words = {
  reading: 'Reading the list…',
  files: 'Files of the folder',
  columns: ['Mode', 'Size', 'Changed', 'Path'],
  filter: 'Filter files',
  filterHint: 'parts of a path',
  total: (files: number, bytes: string) => `${files.toLocaleString('en')} ${files === 1 ? 'file' : 'files'}, ${bytes}`,

  damaged: 'The list of the folder is damaged.',
  gone: 'The folder is no longer there: uploads are kept for 32 days.',
  noManifest: 'The upload is not the list of a folder.',
  notZIP: 'The upload is not a ZIP archive.',
  noRanges: 'The storage doesn’t answer with parts of an upload, so its files can’t be listed.',
  tooMany: 'The folder has more than 250,000 entries, which no worker takes.',
  tooLong: 'The list of the folder is too long to be shown.',
  storageSays: (status: number) => `The storage answered ${status}.`,
}
