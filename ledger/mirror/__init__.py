"""Keep and check a copy of somebody's log, and watch it: files only, no database of ours."""
