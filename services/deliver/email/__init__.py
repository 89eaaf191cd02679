"""Invoices by e-mail, and the mails that come back."""
