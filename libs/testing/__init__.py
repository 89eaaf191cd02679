"""What tests, the demo and the benches stand on."""
