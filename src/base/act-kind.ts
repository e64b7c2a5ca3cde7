/** What a person can ask to be done with an item. */
export type ActKind =
  | 'cancel'
  | 'defer'
  | 'resume'
  | 'requeue'
  | 'edit'
  | 'remove'
  | 'clone'
  | 'skip'
  | 'release'
