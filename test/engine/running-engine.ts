import type { TestContext } from 'node:test'
import { Events } from '../../src/base/events.ts'
import type { AnyDefinition } from '../../src/define/application.ts'
import { defineApplication } from '../../src/define/define.ts'
import type { Definition } from '../../src/define/definition.ts'
import { resolveApplications } from '../../src/define/registry.ts'
import { Engine } from '../../src/engine/engine.ts'
import { openDatabase, type OpenDatabase } from '../../src/store/database.ts'
import type { Driver } from '../../src/store/driver.ts'
import type { Stream } from '../../src/stream/stream.ts'
import { untilDrained } from '../../src/testing/drain.ts'
import type { Place } from '../flows/setup.ts'

export interface RunningEngine {
  readonly engine: Engine
  readonly database: OpenDatabase
  readonly definition: Definition
  readonly drain: () => Promise<void>
  /** Finishes what runs; again is fine. */
  stop(): Promise<void>
}

/** What stands in the place of the engine's own, to weaken a rule or to make a call fail. */
export interface EngineReplacements {
  readonly stream?: (database: OpenDatabase) => Stream
  readonly driver?: (driver: Driver) => Driver
}

/** An engine without the node around it. It runs the one definition, and stops with the test. */
export async function startEngine(
  t: TestContext,
  place: Place,
  declared: AnyDefinition,
  { stream, driver }: EngineReplacements = {},
): Promise<RunningEngine> {
  const { registry } = resolveApplications([defineApplication({ name: 'engine', definitions: [declared] })])
  const [definition] = registry.definitions.values()
  const opened = await openDatabase(place)
  const database = driver ? { ...opened, driver: driver(opened.driver) } : opened
  const events = new Events()
  const engine = new Engine({
    database,
    definitions: registry.definitions,
    events,
    name: 'engine',
    version: '0',
    types: ['background'],
    url: undefined,
    preparedStatements: true,
    maxUnsettled: 500,
    stopTimeoutMs: 10_000,
    ...(stream ? { stream: stream(database) } : {}),
  })
  const stop = async () => {
    await engine.stop()
    await database.driver.close()
  }
  t.after(stop)
  await engine.open()
  await engine.start()
  return {
    engine,
    database,
    definition: definition!,
    drain: () => untilDrained(engine, events, 20_000),
    stop,
  }
}
