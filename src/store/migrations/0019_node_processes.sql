-- Which process a node is, as JSON, so that another one of the same machine can see that it is gone before its lease has run out.
alter table {schema}.node add column process text;
