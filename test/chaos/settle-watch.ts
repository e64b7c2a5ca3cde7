import type { ChaosRun } from './chaos-run.ts'

/**
 * The database as a witness of the fence: a trigger writes down by which session the progress of a partition was written, and
 * who owned it. Its name for a session is that of the node's process.
 */
export async function watchSettles(run: ChaosRun): Promise<void> {
  await run.load.query('create table public.chaos_settle (app text, owner uuid, primary key (app, owner))')
  await run.load.query(`
    create function public.chaos_note() returns trigger language plpgsql as $$
    begin
      if not exists (select from public.chaos_settle s where s.app = current_setting('application_name') and s.owner is not distinct from new.owner) then
        insert into public.chaos_settle values (current_setting('application_name'), coalesce(new.owner, '00000000-0000-0000-0000-000000000000'))
        on conflict do nothing;
      end if;
      return null;
    end $$`)
  await run.load.query(`
    create trigger chaos_note after update of done on coatcheck.partition
    for each row execute function public.chaos_note()`)
}

/** Settles that were written by a process which did not own the partition: as many pairs of writer and owner. */
export async function countForeignSettles(run: ChaosRun): Promise<number> {
  const { rows } = await run.load.query('select app, owner::text as owner from public.chaos_settle')
  const names = new Map(run.everyNode.flatMap((node) => node.ids))
  return (rows as { app: string; owner: string }[]).filter(({ app, owner }) => names.get(owner) !== app)
    .length
}

/** The database as a witness of ownership: each change of it is written down, with its token. */
export async function watchOwners(run: ChaosRun): Promise<void> {
  await run.load.query(
    `create table public.chaos_owner (
      at bigserial primary key, time timestamptz not null default clock_timestamp(), partition int, epoch bigint, owner uuid
    )`,
  )
  await run.load.query(`
    create function public.chaos_note_owner() returns trigger language plpgsql as $$
    begin
      if new.owner is not null and (new.owner is distinct from old.owner or new.epoch <> old.epoch) then
        insert into public.chaos_owner (partition, epoch, owner) values (new.partition, new.epoch, new.owner);
      end if;
      return null;
    end $$`)
  await run.load.query(
    'insert into public.chaos_owner (partition, epoch, owner) select partition, epoch, owner from coatcheck.partition where owner is not null',
  )
  // Its row is locked while it changes: the order of the notes is that of the changes.
  await run.load.query(`
    create trigger chaos_note_owner after update of owner, epoch on coatcheck.partition
    for each row execute function public.chaos_note_owner()`)
}

/** @returns how many takeovers there were, and how many of them had a token that was not higher than all before */
export async function countTakeovers(run: ChaosRun): Promise<{ takeovers: number; fallen: number }> {
  const { rows } = await run.load.query(
    `select count(*)::int as takeovers, count(*) filter (where epoch <= before)::int as fallen
     from (select epoch, max(epoch) over (partition by partition order by at rows between unbounded preceding and 1 preceding) as before
           from public.chaos_owner) as takeover`,
  )
  return rows[0] as { takeovers: number; fallen: number }
}

/**
 * From the kill of an owner until the next one had its partition, at most, in ms. Needs {@link watchOwners}: a node that was killed
 * right after it had taken a partition could not tell of it.
 */
export async function longestOwnerlessMs(run: ChaosRun): Promise<number> {
  const { rows } = await run.load.query(
    `select owner::text as owner, extract(epoch from next)::float8 * 1000 as next
     from (select owner, lead(time) over (partition by partition order by at) as next from public.chaos_owner) as turn
     where next is not null`,
  )
  const killedAt = new Map(
    run.everyNode.flatMap((node) => node.ids.map(([id]) => [id, node.killedAt] as const)),
  )
  return (rows as { owner: string; next: number }[]).reduce((longest, { owner, next }) => {
    const killed = killedAt.get(owner)
    // Where it had given the partition away before it was killed, the next one began earlier.
    return killed === undefined ? longest : Math.max(longest, next - performance.timeOrigin - killed)
  }, 0)
}
