import { createHmac, randomBytes } from 'node:crypto'

/** A webhook as it is sent. */
export interface SentWebhook {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** A webhook and what has to become of it: one item, none since it came before, none since its id stands for another, or nothing. */
export interface ForgedWebhook extends SentWebhook {
  readonly kind: string
  readonly fate: 'new' | 'repeated' | 'clash' | 'refused'
}

interface Message {
  readonly id: string
  readonly body: Buffer
  /** Which key it was signed with first. */
  readonly secret: string
}

const toleranceSeconds = 300

/**
 * Makes webhooks of all sorts, by the numbers that it is given. Signs by itself, with what Node has: nothing of `src/` is in what
 * `src/` is held against.
 */
export class WebhookForger {
  readonly #random: () => number
  /** In use at the receiver: the old one, and the new one. */
  readonly secrets: readonly [string, string]
  readonly #strange: string
  readonly #sent: Message[] = []
  #count = 0

  constructor(random: () => number) {
    this.#random = random
    const secret = (): string => `whsec_${randomBytes(32).toString('base64')}`
    this.secrets = [secret(), secret()]
    this.#strange = secret()
  }

  /** True ones among them: without these a receiver that refuses all would do. */
  next(): ForgedWebhook {
    const kinds: (() => ForgedWebhook)[] = [
      () => this.#fresh('signed with the old key', [this.secrets[0]]),
      () => this.#fresh('signed with the new key', [this.secrets[1]]),
      () => this.#fresh('signed with both keys', this.secrets),
      () => this.#fresh('signed with a key that is not known as well', [this.#strange, this.secrets[1]]),
      () => this.#fresh('at the edge of what is late', [this.#secret()], 5 - toleranceSeconds),
      () => this.#fresh('at the edge of what is early', [this.#secret()], toleranceSeconds - 5),
      () => this.#again(),
      () => this.#again(),
      () => this.#clash(),
      () => this.#refused('signed with a key that is not known', [this.#strange]),
      () => this.#refused('too old', [this.#secret()], -toleranceSeconds - 2 - this.#below(1_000_000)),
      () => this.#refused('from the future', [this.#secret()], toleranceSeconds + 5 + this.#below(1_000_000)),
      () => this.#swapped(),
      () => this.#retimed(),
      () => this.#withoutHeader(),
      () => this.#otherScheme(),
      () => this.#alteredBody(),
      () => this.#alteredBody(),
      () => this.#alteredHeader('webhook-signature'),
      () => this.#alteredHeader('webhook-signature'),
      () => this.#alteredHeader('webhook-timestamp'),
      () => this.#alteredHeader('webhook-id'),
      () => this.#movedDot(),
    ]
    return (kinds[this.#below(kinds.length)] as () => ForgedWebhook)()
  }

  #fresh(kind: string, secrets: readonly string[], offsetSeconds = 0): ForgedWebhook {
    const message = this.#message()
    this.#sent.push(message)
    return { kind, fate: 'new', ...send(message, secrets, offsetSeconds) }
  }

  /** As who sends it again does: another time, and so another signature. */
  #again(): ForgedWebhook {
    const known = this.#known()
    if (!known) return this.#fresh('the first one', [this.secrets[0]])
    return { kind: 'sent again', fate: 'repeated', ...send(known, [known.secret]) }
  }

  #clash(): ForgedWebhook {
    const known = this.#known()
    if (!known) return this.#fresh('the first one', [this.secrets[0]])
    const other = { ...known, body: Buffer.from(`{"n":${++this.#count},"other":true}`) }
    return { kind: 'signed, with the id of another one', fate: 'clash', ...send(other, [known.secret]) }
  }

  #refused(kind: string, secrets: readonly string[], offsetSeconds = 0): ForgedWebhook {
    return { kind, fate: 'refused', ...send(this.#message(), secrets, offsetSeconds) }
  }

  #swapped(): ForgedWebhook {
    const { headers, body } = this.#honest()
    const id = this.#known()?.id ?? 'msg_other'
    return { kind: 'swapped id', fate: 'refused', headers: { ...headers, 'webhook-id': id }, body }
  }

  /** An old one, by who wants to send it again and may not. */
  #retimed(): ForgedWebhook {
    const { headers, body } = send(this.#message(), [this.#secret()], -10_000)
    const now = String(Math.floor(Date.now() / 1_000))
    return { kind: 'another time', fate: 'refused', headers: { ...headers, 'webhook-timestamp': now }, body }
  }

  #withoutHeader(): ForgedWebhook {
    const { headers, body } = this.#honest()
    const [name] = Object.keys(headers).splice(this.#below(3), 1)
    const rest = Object.fromEntries(Object.entries(headers).filter(([each]) => each !== name))
    return { kind: 'a header is missing', fate: 'refused', headers: rest, body }
  }

  #otherScheme(): ForgedWebhook {
    const { headers, body } = this.#honest()
    const signature = headers['webhook-signature'] ?? ''
    const schemes = ['v2,', 'v1a,', 'V1,', 'v1', 'v1;', '']
    const scheme = schemes[this.#below(schemes.length)] ?? ''
    const given = signature.replace('v1,', scheme)
    return {
      kind: 'another scheme',
      fate: 'refused',
      headers: { ...headers, 'webhook-signature': given },
      body,
    }
  }

  #alteredBody(): ForgedWebhook {
    const { headers, body } = this.#honest()
    return { kind: 'altered body', fate: 'refused', headers, body: this.#alter(body, 0, 255) }
  }

  #alteredHeader(name: string): ForgedWebhook {
    const { headers, body } = this.#honest()
    // Visible ASCII: what a header may hold, and is not trimmed.
    const value = this.#alter(Buffer.from(headers[name] ?? ''), 33, 126).toString('latin1')
    return { kind: `altered ${name}`, fate: 'refused', headers: { ...headers, [name]: value }, body }
  }

  /** The three parts are signed with dots between them: an id that takes some of the time must not fit. */
  #movedDot(): ForgedWebhook {
    const { headers, body } = this.#honest()
    const [id, seconds] = [headers['webhook-id'] ?? '', headers['webhook-timestamp'] ?? '']
    const moved = { ...headers, 'webhook-id': `${id}.${seconds}`, 'webhook-timestamp': seconds }
    return { kind: 'another dot', fate: 'refused', headers: moved, body }
  }

  /** One byte is another one, is gone, or is there twice. */
  #alter(bytes: Buffer, least: number, most: number): Buffer {
    const at = this.#below(bytes.length)
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at + 1)]
    const old = bytes[at] as number
    let byte = least + this.#below(most - least + 1)
    if (byte === old) byte = byte === most ? least : byte + 1
    const middles = [[byte], [byte], [], [old, byte]]
    return Buffer.concat([before, Buffer.from(middles[this.#below(middles.length)] ?? []), after])
  }

  #honest(): SentWebhook {
    return send(this.#message(), [this.#secret()])
  }

  #message(): Message {
    const n = ++this.#count
    // Lengths of all kinds, and characters of more than a byte.
    const body = Buffer.from(JSON.stringify({ n, text: 'ä€𝄞'.repeat(this.#below(20)) }))
    return { id: `msg_${n}_${this.#below(1e9)}`, body, secret: this.#secret() }
  }

  #known(): Message | undefined {
    return this.#sent[this.#below(this.#sent.length)]
  }

  #secret(): string {
    return this.secrets[this.#below(2)] as string
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }
}

function send({ id, body }: Message, secrets: readonly string[], offsetSeconds = 0): SentWebhook {
  const seconds = String(Math.floor(Date.now() / 1_000) + offsetSeconds)
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
    return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.`).update(body).digest('base64')}`
  })
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': seconds,
    'webhook-signature': signatures.join(' '),
  }
  return { headers, body }
}
