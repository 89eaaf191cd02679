-- What else a seller of an account is known by, so that one that leaves its best number out is still itself (R51).
CREATE TABLE known_as (
    key    uuid NOT NULL,
    seller text NOT NULL COLLATE "C",
    PRIMARY KEY (key, seller)
);
COMMENT ON COLUMN known_as.key IS 'hash of account and of a lesser number or the name (sellers.py)';
COMMENT ON COLUMN known_as.seller IS 'the most trusted number that was said together with it';

ALTER TABLE known_as ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON known_as TO {schema}_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON known_as TO {schema}_worker;
