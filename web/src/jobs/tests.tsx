import type { TestReport } from '../api/wire'
import { words } from '../text/jobs'

/** What the job's reports of tests say: how many failed, and what those said. */
export function TestsView({ report }: { report: TestReport | undefined }) {
  if (!report) return <p class="card">{words.noTests}</p>
  const failing = report.failing ?? []
  return (
    <section class="card" aria-labelledby="tests-title">
      <h3 id="tests-title">
        {words.testsTitle(report.tests, report.failed)}
        {report.skipped > 0 && <span class="hint">{words.skipped(report.skipped)}</span>}
      </h3>
      <ul class="list" id="failed-tests">
        {failing.map((t, i) => (
          <li key={i} class="test">
            <div>
              <span class="badge bad">
                <span aria-hidden="true">✗</span> <span class="sr">{words.failed}</span>
              </span>{' '}
              <strong>{t.name}</strong> <span class="hint">{[t.class, t.file].filter(Boolean).join(' · ')}</span>
            </div>
            {t.message && <pre>{t.message}</pre>}
          </li>
        ))}
      </ul>
      {report.failed > failing.length && <p class="hint">{words.firstTests(failing.length)}</p>}
    </section>
  )
}
