-- A submission and its invoices are written in one transaction, for an account that has just been let in. Asking for
-- both again locks the account's row for every invoice, by all writers at once.
ALTER TABLE invoice    DROP CONSTRAINT invoice_submission_id_fkey;
ALTER TABLE submission DROP CONSTRAINT submission_account_id_fkey;
