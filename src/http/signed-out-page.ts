import { escape, htmlPage, policy, prefersHtml } from './front-page.ts'
import type { Answer, HttpRequest } from './message.ts'
import { answerProblem, type ProblemDocument } from './problem.ts'

/**
 * Answers with a problem; a browser that has not signed in gets the same as a page, which says how to ask. The status and the
 * headers are those of the problem.
 */
export function answerRefusal(
  request: HttpRequest,
  problem: ProblemDocument,
  headers: Readonly<Record<string, string>>,
): Answer {
  if (problem.status !== 401 || !prefersHtml(request)) return answerProblem(problem, headers)
  return {
    status: 401,
    headers: {
      ...headers,
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy,
      vary: 'accept',
    },
    body: renderPage(request, problem),
  }
}

function renderPage(request: HttpRequest, { title, detail, code }: ProblemDocument): string {
  // escaped again, as it was sent; without the query, which may hold what nobody else should read
  const path = encodeURI(request.path.toWellFormed()).replaceAll('%25', '%')
  // a quote would end the string of the shell
  const url = (request.origin + path).replaceAll("'", '%27')
  return htmlPage(
    'Sign in · Coatcheck',
    `<h1>${escape(title)}</h1>${code === 'SIGN_IN_REQUIRED' ? '' : `\n<p>What was wrong: ${escape(detail)}.</p>`}
<p>This node answers callers who send an API key or a token, and a browser sends none. In a terminal:</p>
<pre>curl -i -H "authorization: Bearer $COATCHECK_KEY" '${escape(url)}'</pre>
<p>Whoever runs the node makes API keys with <code>coatcheck keys create</code>.</p>`,
  )
}
