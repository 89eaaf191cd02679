"""Who receives an invoice, and whether it came before."""
