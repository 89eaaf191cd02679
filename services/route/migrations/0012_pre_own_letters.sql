-- Whoever entered a party sees how the letter that confirms it is doing; nothing of its code or its address.
CREATE POLICY own_read ON letter FOR SELECT TO {schema}_api
    USING (party_id IN (SELECT p.party_id FROM party p));
GRANT SELECT (letter_id, party_id, made_at, expires_at, tries, ended) ON letter TO {schema}_api;
