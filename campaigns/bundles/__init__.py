"""Bundles and proof files, most of them mutated, on which Python and the browser's JavaScript must say the same.

Mutations reach every depth: bytes of the file, its structure, leaves and statements under a root that the log did sign,
acts that an honest log refuses, signatures that WebCrypto alone accepts, notes, policies, keys that a reader brings.

    nice python -m campaigns.bundles 10000

runs them in Chromium, in batches, and ends with 1 where a verdict differs. A short form runs in the test suite.
"""

from campaigns.bundles.case import JUDGE, MODULE, Case, differences, verdict
from campaigns.bundles.generating import generate

__all__ = ["JUDGE", "MODULE", "Case", "differences", "generate", "verdict"]
