import { killedElsewhere, killedNode } from './cases/01-killed-node.ts'
import { killedAll } from './cases/02-killed-all.ts'
import { pausedNode } from './cases/03-paused-node.ts'
import { blockedLoop } from './cases/04-blocked-loop.ts'
import { rollingRestart } from './cases/05-rolling-restart.ts'
import { terminatedBackends } from './cases/06-terminated-backends.ts'
import { killedBackend } from './cases/07-killed-backend.ts'
import { restartedServer } from './cases/08-restarted-server.ts'
import { pausedServer } from './cases/09-paused-server.ts'
import { deadNetwork } from './cases/10-dead-network.ts'
import { slowNetwork } from './cases/11-slow-network.ts'
import { lostAnswers } from './cases/12-lost-answers.ts'
import { poison } from './cases/13-poison.ts'
import { slowConsumer } from './cases/14-slow-consumer.ts'
import { failingItems } from './cases/15-failing-items.ts'
import { rebalance } from './cases/16-rebalance.ts'
import { wrongClocks } from './cases/20-wrong-clocks.ts'
import { herd } from './cases/21-herd.ts'
import { contenders } from './cases/22-contenders.ts'
import { noNotify } from './cases/23-no-notify.ts'
import { pooled } from './cases/24-pooled.ts'
import { pinnedSnapshot } from './cases/25-pinned-snapshot.ts'
import { fullDisk } from './cases/27-full-disk.ts'
import { overload } from './cases/28-overload.ts'
import { badReceivers } from './cases/30-bad-receivers.ts'
import { inboundWebhooks } from './cases/31-inbound-webhooks.ts'
import { wideCounters } from './cases/33-wide-counters.ts'
import { embedded } from './cases/34-embedded.ts'
import { bombs } from './cases/38-bombs.ts'
import { slowSockets } from './cases/39-slow-sockets.ts'
import { authorization } from './cases/40-authorization.ts'
import { loginAbuse } from './cases/41-login-abuse.ts'
import { hostileFields } from './cases/42-hostile-texts.ts'
import { secretCanaries } from './cases/43-secret-canaries.ts'
import type { ChaosCase } from './chaos-case.ts'

/** All that there are, by number. */
export const cases: readonly ChaosCase[] = [
  killedNode,
  killedAll,
  pausedNode,
  blockedLoop,
  rollingRestart,
  terminatedBackends,
  killedBackend,
  restartedServer,
  pausedServer,
  deadNetwork,
  slowNetwork,
  lostAnswers,
  poison,
  slowConsumer,
  failingItems,
  rebalance,
  wrongClocks,
  herd,
  contenders,
  noNotify,
  pooled,
  pinnedSnapshot,
  fullDisk,
  overload,
  badReceivers,
  inboundWebhooks,
  wideCounters,
  embedded,
  bombs,
  slowSockets,
  authorization,
  loginAbuse,
  hostileFields,
  secretCanaries,
  killedElsewhere,
]
