import { queuesOf } from '../define/definition.ts'
import { checkOptions } from '../node/options.ts'
import { loadConfiguration, type NodeFlags } from './configuration.ts'

/** `coatcheck check <module>`: tells all problems of a configuration at once; asks no database. */
export async function check(module: string, flags: NodeFlags): Promise<void> {
  const { registry } = checkOptions(await loadConfiguration(module, flags))
  const definitions = [...registry.definitions.values()]
  const services = definitions.filter(({ service }) => service).length
  console.log(
    `${module} is in order: ${count(definitions.length - services, 'queue processor')} and ${count(services, 'service')}.`,
  )
  for (const definition of definitions) {
    const { name, kind, application } = definition
    console.log(
      `  ${application}  ${kind === 'service' ? 'service' : 'queue processor'}  ${name}  on ${queuesOf(definition).join(', ')}`,
    )
  }
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
