"""PURE: where a webhook may go, when it goes, how it is signed, and when it is tried again. No Django, no network."""
