import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'

/**
 * A password: typed twice at a terminal, which does not show it; else the first line of what comes on stdin. Never an argument,
 * which every user of the machine can see.
 * @throws Error where nothing comes, or the two differ
 */
export async function readPassword(): Promise<string> {
  const password = process.stdin.isTTY
    ? await askTwice()
    : ((await text(process.stdin)).split(/\r?\n/)[0] ?? '')
  if (password === '') throw new Error('No password came; type one, or send it on stdin.')
  return password
}

async function askTwice(): Promise<string> {
  const first = await ask('Password: ')
  if ((await ask('Once more: ')) === first) return first
  throw new Error('The two passwords differ; nothing was changed.')
}

function ask(question: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: process.stdin, output: silent, terminal: true })
  process.stderr.write(question)
  return new Promise((resolve, reject) => {
    reader.question('', (answer) => {
      process.stderr.write('\n')
      reader.close()
      resolve(answer)
    })
    reader.once('SIGINT', () => {
      reader.close()
      reject(new Error('Nothing was changed.'))
    })
  })
}
