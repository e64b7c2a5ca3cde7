import { getNode } from '../../../lib/node.ts'

export const runtime = 'nodejs'

async function answer(request: Request): Promise<Response> {
  const node = await getNode()
  return node.fetch(request)
}

export { answer as GET, answer as POST, answer as DELETE }
