/** What was answered lately, by its question: shown while the same is asked again. */
const answers = new Map<string, unknown>()
const maxKept = 50

export const keptAnswer = (question: string): unknown => answers.get(question)

export function keepAnswer(question: string, answer: unknown): void {
  answers.delete(question)
  answers.set(question, answer)
  const oldest = answers.size > maxKept ? answers.keys().next().value : undefined
  if (oldest !== undefined) answers.delete(oldest)
}

export function dropAnswer(question: string): void {
  answers.delete(question)
}

/** Nothing of one person's is left for the next. */
export function forgetAnswers(): void {
  answers.clear()
}
