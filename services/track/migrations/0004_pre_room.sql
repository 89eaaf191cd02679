-- A status begins small and grows threefold on its way. With room for that in its page an update stays in the page
-- and touches no index (nine in ten; a bit more than half before), and once all have grown the page is full.
ALTER TABLE status SET (fillfactor = 30);
