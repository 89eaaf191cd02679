-- With which settings all records were weighed last, by administration and, as *, for what administrations share: when they
-- are others, everything is weighed once more, or a change of a setting would show at each record's next change only.
ALTER TABLE solution ADD COLUMN looked jsonb NOT NULL DEFAULT '{}';
