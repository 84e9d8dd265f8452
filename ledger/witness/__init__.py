"""Witnessing, both sides, in the words of C2SP tlog-witness: files only on the witness's side, no database of ours."""
