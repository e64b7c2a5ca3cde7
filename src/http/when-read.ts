/**
 * Tells when the body of an answer has been read to its end, and ends it after that; one that is cut off is not told. What has no body
 * is told before it is answered.
 */
export async function whenRead(answer: Response, tell: () => Promise<void>): Promise<Response> {
  if (!answer.body) {
    await tell()
    return answer
  }
  const body = answer.body.pipeThrough(new TransformStream<Uint8Array, Uint8Array>({ flush: tell }))
  return new Response(body, answer)
}
