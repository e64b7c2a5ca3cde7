import type { TryAnswer } from '../../api/services.ts'
import { hrefOf } from '../../state/router.ts'
import { showDuration } from '../../ui/format.ts'
import { JsonView } from '../../ui/json-view.tsx'
import { StateShape } from '../../ui/state-chip.tsx'

export function TryAnswerView({ answer }: { answer: TryAnswer }) {
  const { status, headers, body, durationMs, id } = answer
  const isGood = status < 400
  return (
    <section aria-label="Answer">
      <p class="answer-line" data-tone={isGood ? 'good' : 'bad'}>
        <StateShape state={isGood ? 'succeeded' : 'broken'} />
        <b>{status}</b> in {showDuration(durationMs)}
        {id === undefined ? null : <a href={hrefOf(['items', id])}>Open its item</a>}
      </p>
      <JsonView value={body} label="Body of the answer" />
      <details>
        <summary>Headers</summary>
        <dl class="headers mono">
          {Object.entries(headers).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </details>
    </section>
  )
}
