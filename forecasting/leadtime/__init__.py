"""How long journeys take and what will be late: pure functions over what was known at each start."""
