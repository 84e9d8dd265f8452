"""What to order and how to drive: pure functions over quantiles, stock and distances."""
