const instant = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g

/** The page names the job above: the sentence begins with what becomes of it. Times are the reader's. */
export function sentenceOf(sentence: string, id: string): string {
  const rest = (sentence.startsWith(`job ${id} `) ? sentence.slice(`job ${id} `.length) : sentence).replace(instant, (at) => new Date(at).toLocaleString())
  return rest.slice(0, 1).toUpperCase() + rest.slice(1)
}
