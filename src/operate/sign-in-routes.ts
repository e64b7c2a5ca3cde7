import { CoatcheckError, isCoatcheckError } from '../base/errors.ts'
import { GatheredLookUp } from '../http/gathered-look-up.ts'
import type { Answer, HttpRequest } from '../http/message.ts'
import type { RequestTrail } from '../http/request-trail.ts'
import type { OpenDatabase } from '../store/database.ts'
import { hasAnyPassword } from '../store/operator-users.ts'
import type { WriteAudit } from './audit.ts'
import { signInByLink } from './links.ts'
import type { OidcIssuer } from './oidc-issuer.ts'
import { beginTrip, endTrip, tripSeconds, writeTrip, type Trip } from './oidc-trip.ts'
import type { Operator } from './operator.ts'
import { signInByPassword } from './password-sign-in.ts'
import { readReturnPath } from './return-path.ts'
import { defineRoute, type OperatorRoute } from './route.ts'
import { z } from './schema.ts'
import { readTripCookie, sessionCookie, tripCookie } from './session-cookie.ts'
import type { Sessions } from './sessions.ts'
import { Slots } from './slots.ts'

export interface SignInRoutesOptions {
  readonly database: OpenDatabase
  readonly sessions: Sessions
  readonly writeAudit: WriteAudit
  readonly issuers: readonly OidcIssuer[]
  readonly basePath: string
  /** Scheme, host and port as browsers have them; unset: as the request says. */
  readonly url: string | undefined
}

/** Whoever guesses, and has signed in nowhere, takes no more of the node's connections than this. */
const atOnce = 2
const mostWaiting = 100
/** Requests to issuers that strangers cause. */
const mostAtIssuers = 10

/** Signing in, by whatever there is. */
export function signInRoutes(options: SignInRoutesOptions): OperatorRoute[] {
  const { database, sessions, writeAudit, issuers } = options
  const slots = new Slots(atOnce, mostWaiting)
  const ways = new GatheredLookUp(
    async () => new Map([['password', await hasAnyPassword(database.driver, database.schema)]]),
  )
  return [
    defineRoute({
      method: 'GET',
      path: '/sign-in',
      role: 'anybody',
      summary: 'By what somebody can sign in here, beside a one-time link.',
      output: z.object({
        password: z.boolean().describe('Whether there are users with passwords'),
        issuers: z.array(z.object({ id: z.string(), name: z.string() })),
      }),
      handle: async () => ({
        password: (await ways.find('password')) ?? false,
        issuers: issuers.map(({ settings: { id, name } }) => ({ id, name })),
      }),
    }),
    defineRoute({
      method: 'POST',
      path: '/sign-in',
      role: 'anybody',
      summary: 'Signs in by name and password: 10 times a minute and account.',
      body: z.object({ name: z.string().min(1).max(200), password: z.string().min(1).max(1_000) }),
      handle: async ({ body, request, trail }) => {
        const given = { ...body, requestId: idOf(trail) }
        return slots.run(async () => {
          const secret = await signInByPassword(database, sessions, writeAudit, given)
          return answerSignedIn(request, sessions, secret)
        })
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/sign-in/link',
      role: 'anybody',
      summary: 'Signs in by the token of a one-time link.',
      body: z.object({ token: z.string().min(1).max(200) }),
      handle: async ({ body, request, trail }) => {
        const given = { token: body.token, requestId: idOf(trail) }
        return slots.run(async () => {
          const secret = await signInByLink(database, sessions, writeAudit, given)
          return answerSignedIn(request, sessions, secret)
        })
      },
    }),
    ...issuerRoutes(options, slots),
  ]
}

function issuerRoutes(
  { database, sessions, writeAudit, ...options }: SignInRoutesOptions,
  slots: Slots,
): OperatorRoute[] {
  const atIssuers = new Slots(mostAtIssuers, mostWaiting)
  const { basePath, url } = options
  const issuers = new Map(options.issuers.map((issuer) => [issuer.settings.id, issuer]))
  const console = (to = ''): Answer => ({
    status: 302,
    headers: { location: `${basePath}/console${to}` },
    body: null,
  })
  const issuerOf = (id = ''): OidcIssuer => {
    const issuer = issuers.get(id)
    if (issuer) return issuer
    throw new CoatcheckError('NOT_FOUND', 'there is no such issuer to sign in by')
  }
  const redirectUri = ({ origin }: HttpRequest, id: string): string =>
    `${url ?? origin}${basePath}/operate/sign-in/issuers/${id}/answer`

  return [
    defineRoute({
      method: 'GET',
      path: '/sign-in/issuers/:id',
      role: 'anybody',
      summary: 'Sends a browser to an OpenID Connect provider.',
      query: z.object({
        to: z
          .string()
          .optional()
          .describe(
            'Where in the console to come back to: what stands behind /console, as /items?state=broken',
          ),
      }),
      handle: async ({ params, query, request }) => {
        const issuer = issuerOf(params['id'])
        const { id } = issuer.settings
        const trip = beginTrip(id, sessions.digestIn(request), readReturnPath(query.to))
        const location = await issuer.addressFor(trip, redirectUri(request, id))
        const cookies = [tripCookie(request, writeTrip(trip), tripSeconds)]
        return { status: 302, headers: { location }, cookies, body: null }
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/sign-in/issuers/:id/answer',
      role: 'anybody',
      summary: 'Takes a browser back from an OpenID Connect provider, to the console.',
      // providers send more than we asked for
      query: z.looseObject({
        code: z.string().max(4_000).optional(),
        state: z.string().max(500).optional(),
        iss: z.string().max(2_000).optional(),
      }),
      handle: async ({ params, query, request, trail }) => {
        const issuer = issuerOf(params['id'])
        try {
          const { id } = issuer.settings
          const { trip, code } = tripOf(issuer, query, request)
          const operator = await atIssuers.run(() => issuer.operatorOf(code, trip, redirectUri(request, id)))
          return await slots.run(async () => {
            const secret = await begin(operator, id, idOf(trail))
            if (trip.session !== undefined) await sessions.endNamed(trip.session)
            const signedIn = await answerSignedIn(request, sessions, secret, console(readReturnPath(trip.to)))
            // it has been used, and its secrets are good for nothing any more
            return { ...signedIn, cookies: [...(signedIn.cookies ?? []), tripCookie(request, '', 0)] }
          })
        } catch (error) {
          // a person stands before the browser: the console says it better than a document
          if (isCoatcheckError(error) && error.status !== 500) return console(`#refused=${error.code}`)
          throw error
        }
      },
    }),
  ]

  function begin(operator: Operator, via: string, requestId: string): Promise<string> {
    return database.driver.transaction(async (tx) => {
      const { id, secret } = await sessions.begin({ operator, via }, tx)
      const entry = { act: 'sign-in', subject: 'session', subjectId: id, after: { via, role: operator.role } }
      await writeAudit(entry, { operator, via: 'session', requestId }, tx)
      return secret
    })
  }
}

/** What a browser brings back. @throws CoatcheckError `SIGN_IN_REFUSED` */
function tripOf(
  issuer: OidcIssuer,
  { code, state, iss }: { code?: string | undefined; state?: string | undefined; iss?: string | undefined },
  request: HttpRequest,
): { readonly trip: Trip; readonly code: string } {
  const { id, issuer: expected } = issuer.settings
  const trip = endTrip(readTripCookie(request), id, state ?? '')
  if (!trip || code === undefined)
    throw new CoatcheckError(
      'SIGN_IN_REFUSED',
      'this browser did not ask, asked too long ago, or was refused',
    )
  // who says its name in the answer has to be the one that was asked (RFC 9207)
  if (iss !== undefined && iss !== expected)
    throw new CoatcheckError('SIGN_IN_REFUSED', 'another issuer answered than was asked')
  return { trip, code }
}

function idOf({ requestId, correlationId }: RequestTrail): string {
  return requestId ?? correlationId
}

/**
 * Gives a browser its new session. The one that it came with ends: whoever put it there has nothing of the new one.
 * @param secret of the new one
 */
async function answerSignedIn(
  request: HttpRequest,
  sessions: Sessions,
  secret: string,
  answer: Answer = { status: 204, headers: {}, body: null },
): Promise<Answer> {
  const old = await sessions.find(request, false)
  if (old) await sessions.end(old.session.id, null)
  return { ...answer, cookies: [sessionCookie(request, secret)] }
}
