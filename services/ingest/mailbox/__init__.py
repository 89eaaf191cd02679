"""The key mailbox."""
