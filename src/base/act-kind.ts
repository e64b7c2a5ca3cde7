/** What a person can ask to be done with an item. */
export const actKinds = [
  'cancel',
  'defer',
  'resume',
  'requeue',
  'edit',
  'remove',
  'clone',
  'skip',
  'release',
] as const

export type ActKind = (typeof actKinds)[number]
