"""deliver: brings invoices to their receivers, once, and says truthfully what happened."""
