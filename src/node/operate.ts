import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import { packageVersion } from '../base/version.ts'
import type { Engine } from '../engine/engine.ts'
import type { CheckUrl } from '../http/callback-request.ts'
import type { PathDoor } from '../http/path-door.ts'
import type { Report } from '../http/problem.ts'
import { createSignIn, type AuthSettings, type SignIn } from '../http/sign-in.ts'
import { apiKeyRoutes } from '../operate/api-key-routes.ts'
import { applicationRoutes } from '../operate/application-routes.ts'
import { auditRoutes } from '../operate/audit-routes.ts'
import { auditOf, type AuditAuthor } from '../operate/audit.ts'
import { createConsoleDoor } from '../operate/console-assets.ts'
import { createOperatorDoor } from '../operate/door.ts'
import { itemRoutes } from '../operate/item-routes.ts'
import { createLink } from '../operate/links.ts'
import { OidcIssuer } from '../operate/oidc-issuer.ts'
import { openApiRoute } from '../operate/openapi-route.ts'
import { createOperatorSignIn, isOperatorRole } from '../operate/operator-sign-in.ts'
import { operatorRoles, type OperatorRole } from '../operate/operator.ts'
import type { OperatorRoute } from '../operate/route.ts'
import { sessionRoutes } from '../operate/session-routes.ts'
import { Sessions } from '../operate/sessions.ts'
import { settingsRoutes } from '../operate/settings-routes.ts'
import { signInRoutes } from '../operate/sign-in-routes.ts'
import { userRoutes } from '../operate/user-routes.ts'
import { Users } from '../operate/users.ts'
import { workRoutes } from '../operate/work-routes.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { NodeDescription } from '../store/node-descriptions.ts'
import type { OperateSettings } from './operate-options.ts'

export interface OperatedNode {
  readonly database: OpenDatabase
  readonly engine: Engine
  readonly checkCallback: CheckUrl | undefined
  readonly name: string
  readonly types: readonly string[]
  /** What it was made with. */
  readonly describe: () => NodeDescription
  /** `NODE_ENV`. */
  readonly environment: string | undefined
  readonly durability: 'durable' | 'development'
  readonly basePath: string
  readonly auth: AuthSettings | undefined
  readonly settings: OperateSettings
  readonly report: Report
}

/** The operator's side of a node. */
export interface Operating {
  /** The API and the console. */
  readonly doors: readonly PathDoor[]
  /** Who calls, by an API key or a token. */
  readonly callers: SignIn
  /** Makes a one-time link; without scheme and host. @throws CoatcheckError `OPTION_INVALID` */
  consolePath(role: OperatorRole): Promise<string>
}

/** Operators may send API keys to a node that has no `auth`, too. */
const keysAlone: AuthSettings = Object.freeze({ apiKeys: true, issuers: [], anonymousServices: [] })
const program: AuditAuthor = Object.freeze({ operator: { id: 'node', name: 'the node itself' }, via: 'code' })

/** The first words of the paths, each once. */
function partsOf(routes: readonly OperatorRoute[]): string[] {
  return [...new Set(routes.map(({ path }) => path.split('/')[1] ?? ''))].sort()
}

/** Puts the operator's API of a node together. */
export function operate({
  database,
  engine,
  checkCallback,
  auth,
  settings,
  report,
  ...node
}: OperatedNode): Operating {
  const basePath = node.basePath.replace(/\/+$/, '')
  const callers = createSignIn(auth ?? keysAlone, database, report)
  const sessions = new Sessions(database)
  const writeAudit = auditOf(database)
  const { name, types, describe, environment, durability } = node
  const self = { bootId: engine.bootId, name, version: packageVersion, types, describe }
  const described = { database, figures: engine.figures, self }
  const shown = { name, version: packageVersion, environment, durability }
  const issuers = settings.issuers.map((issuer) => new OidcIssuer(issuer, report))
  const routes: OperatorRoute[] = [
    ...signInRoutes({ database, sessions, writeAudit, issuers, basePath, url: settings.url }),
    ...sessionRoutes({ database, sessions, node: shown, parts: () => partsOf(routes) }),
    ...userRoutes(database, new Users(database, writeAudit), sessions),
    ...apiKeyRoutes(database),
    ...auditRoutes(database),
    ...itemRoutes({ road: engine, database }),
    ...workRoutes({ engine, basePath, checkCallback, report }),
    ...applicationRoutes(described),
    ...settingsRoutes(described),
  ]
  const isLocalOnly = auth === undefined
  const door = createOperatorDoor({
    basePath,
    routes: [...routes, openApiRoute(routes, { version: packageVersion, basePath })],
    signIn: createOperatorSignIn(sessions, callers),
    writeAudit,
    isLocalOnly,
    report,
  })
  return {
    doors: [door, createConsoleDoor({ basePath, isLocalOnly })],
    callers,
    async consolePath(role) {
      if (!isOperatorRole(role))
        throw new CoatcheckError(
          'OPTION_INVALID',
          `role is ${showValue(role)}; the roles are ${operatorRoles.join(', ')}`,
        )
      const { token } = await createLink(database, writeAudit, role, program)
      return `${basePath}/console#link=${token}`
    },
  }
}
