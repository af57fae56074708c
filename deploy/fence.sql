-- The fence: a process that was thought dead, and whose run another has taken over, saves no further checkpoint of it.
-- A process connects under the name by which it claims runs (application_name; the claim adds its worker's number).
create or replace function orchestrator_fence() returns trigger language plpgsql as $$
declare
  owner text;
  ours text := left(current_setting('application_name') || '-', 63);  -- the database keeps no longer name
begin
  select claimed_by into owner from runs where run_id = new.metadata ->> 'run_id' for share;
  if found and left(coalesce(owner, ''), length(ours)) <> ours then
    raise exception 'run % is no longer this process''s', new.metadata ->> 'run_id' using errcode = 'OR001';
  end if;
  return new;
end $$;

create or replace trigger orchestrator_fence before insert on checkpoints
  for each row when (new.metadata ->> 'source' in ('input', 'loop'))  -- a person's update has no run
  execute function orchestrator_fence();
