-- A stop is kept by place too: with the company alone it was lost when a place became another company's.
INSERT INTO stop (account_id, party_id, number, lifted)
SELECT s.account_id, p.party_id, s.number, s.lifted FROM stop s JOIN party p ON p.branch_of = s.party_id
ON CONFLICT DO NOTHING;
COMMENT ON COLUMN stop.party_id IS 'the company, or a place of business that was stopped with it';
COMMENT ON COLUMN stop.number IS 'counted by sender: stopped together, the same number';
