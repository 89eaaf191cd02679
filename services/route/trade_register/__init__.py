"""What the trade register says of companies."""
