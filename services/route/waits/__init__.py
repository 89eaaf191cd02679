"""Why an invoice waits, how it goes on, and what is called back."""
