/** More of a refused body than this is not worth a connection. */
const maxBytes = 16 * 1024 * 1024

/**
 * The next request of a connection comes behind the body: what nobody wanted of it is read and forgotten. Without this the
 * adapter ends the connection after half a second, with the next request on it.
 */
export async function readOver({ body }: Request): Promise<void> {
  if (!body || body.locked) return
  const reader = body.getReader()
  try {
    for (let length = 0; length < maxBytes;) {
      const { done, value } = await reader.read()
      if (done) return
      length += value.length
    }
  } catch {
    // the client has gone, or the adapter has ended what took too long
  }
}
