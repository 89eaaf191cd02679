"""From what is handed over to a receipt."""
