"""Subscriptions of named queries: who gets which events sent, how far they are, and the sending itself."""
