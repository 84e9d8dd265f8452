"""Files of what happened before: read, checked row by row, and captured as attested history."""
