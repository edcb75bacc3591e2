import type { TestReport } from '../api/wire'

/** What the job's reports of tests say: how many failed, and what those said. */
export function TestsView({ report }: { report: TestReport | undefined }) {
  if (!report) return <p class="card">No artifact of the job is a JUnit report.</p>
  const failing = report.failing ?? []
  return (
    <section class="card" aria-labelledby="tests-title">
      <h3 id="tests-title">
        {report.failed > 0 ? `${report.failed} of ${report.tests} tests failed` : `All ${report.tests} tests passed`}
        {report.skipped > 0 && <span class="hint"> · {report.skipped} skipped</span>}
      </h3>
      <ul class="list" id="failed-tests">
        {failing.map((t, i) => (
          <li key={i} class="test">
            <div>
              <span class="badge bad">
                <span aria-hidden="true">✗</span> <span class="sr">failed</span>
              </span>{' '}
              <strong>{t.name}</strong> <span class="hint">{[t.class, t.file].filter(Boolean).join(' · ')}</span>
            </div>
            {t.message && <pre>{t.message}</pre>}
          </li>
        ))}
      </ul>
      {report.failed > failing.length && <p class="hint">The first {failing.length} are listed; the others are in the report.</p>}
    </section>
  )
}
