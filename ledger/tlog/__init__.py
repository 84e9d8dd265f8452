"""The ledger's pure heart: formats, hashing, signatures and proofs; standard library and PyNaCl only."""
