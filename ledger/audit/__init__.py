"""The whole-log check: everything the log's tables hold is computed again from the stored bytes alone.

Nothing that the database says beside the leaves is believed: hashes, tiles, root, checkpoint, keys, decisions about
keys, links and body commitments follow from the leaves and bodies, and what differs is named with its index.
"""

from ledger.audit.checking import check_log, check_projections, register_auditor
from ledger.audit.found import Auditor, Fault, Found, Part

__all__ = ["Auditor", "Fault", "Found", "Part", "check_log", "check_projections", "register_auditor"]
