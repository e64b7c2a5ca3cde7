import { createHash } from 'node:crypto'
import type { Definition } from '../define/definition.ts'
import { withCallbacks } from '../engine/callback-item.ts'
import type { Setting } from '../operate/setting.ts'
import { tellApplications } from '../operate/told-application.ts'
import type { NodeDescription } from '../store/node-descriptions.ts'
import type { CheckedOptions } from './options.ts'

/**
 * Says what a node was made with.
 * @param url where it listens at the moment
 */
export function describeNode(
  { registry, settings }: CheckedOptions,
  definitions: ReadonlyMap<string, Definition>,
  url: () => string | undefined,
): () => NodeDescription {
  let applications: string | undefined
  let digest = ''
  return () => {
    if (applications === undefined) {
      applications = JSON.stringify(tellApplications(registry, withCallbacks(definitions)))
      digest = createHash('sha256').update(applications).digest('base64url')
    }
    const place: Setting = {
      name: 'url',
      group: 'HTTP',
      value: url() ?? 'listens nowhere',
      unless: '',
      isSet: false,
      isOwn: true,
    }
    return { digest, applications, settings: JSON.stringify([...settings, place]) }
  }
}
