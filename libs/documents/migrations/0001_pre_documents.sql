-- Original bytes of whatever travels through the hub. Rows are written once: no role of a service may
-- change or delete one; deleting at the end of retention is the owner's job.
CREATE TABLE document (
    account     uuid NOT NULL,
    document_id uuid NOT NULL,
    media_type  text NOT NULL,
    sha256      bytea NOT NULL CHECK (octet_length(sha256) = 32),
    size        integer NOT NULL CHECK (size >= 0),
    body        bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account, document_id)
);

COMMENT ON COLUMN document.sha256 IS 'of the document as it came, before compression';
COMMENT ON COLUMN document.size IS 'bytes, before compression';
COMMENT ON COLUMN document.body IS 'one zstd frame';

-- Compressed by the client already.
ALTER TABLE document ALTER COLUMN body SET STORAGE EXTERNAL;

GRANT USAGE ON SCHEMA {schema} TO documents_client;
GRANT SELECT, INSERT ON document TO documents_client;

-- A role that is neither kind sees nothing.
ALTER TABLE document ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON document TO postbode_worker USING (true);
CREATE POLICY api ON document TO postbode_api USING (account = current_setting('postbode.account')::uuid);
