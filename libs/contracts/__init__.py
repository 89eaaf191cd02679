"""What services say to each other: event models, envelope, topology. Pure: no I/O."""
