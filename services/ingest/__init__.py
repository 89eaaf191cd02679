"""ingest: the front door. Accounts, credentials, key mailboxes, submissions."""
