"""The demo world: a seeded simulation of a trade in fresh produce, loaded through the doors that everyone uses."""
