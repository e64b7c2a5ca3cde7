-- Callers are told of a broken item for as long as its request processor says, which may be shorter than the item is there. Until
-- now they were told of it as long as it is there: so it stays for those that are broken already.
update {schema}.tracked_item t
set expires_at = 'infinity'
from {schema}.broken_item b
where b.id = t.id and t.state = 'broken';
