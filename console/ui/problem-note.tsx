import type { CallFailed } from '../api/call-failed.ts'
import { Icon } from './icon.tsx'

/** What the API refused, with all that it said about it. */
export function ProblemNote({ problem, retry }: { problem: CallFailed; retry?: (() => void) | undefined }) {
  return (
    <div class="problem-note" role="alert">
      <Icon name="warning" />
      <div>
        <p>{problem.message}</p>
        {problem.details.length === 0 ? null : (
          <ul>
            {problem.details.map((detail) => (
              <li key={detail}>{detail}</li>
            ))}
          </ul>
        )}
        <p class="quiet mono">{problem.code}</p>
      </div>
      {retry === undefined ? null : (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}
