-- Led by the external id, so that nobody takes it for a way to all records of a kind: on a table not analysed yet the
-- old one was chosen to look single records up, and read the whole kind each time.
DROP INDEX identity_external;
CREATE INDEX identity_external ON identity (external_id, kind, client_id);
