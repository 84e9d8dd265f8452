"""The log's tables. Rows are written by `ledger.operations` alone; triggers refuse every change and deletion.

What a column holds that follows from the leaf (its hash, type, key, time) is there to be found quickly; the audit
computes it again from the leaf and names the first row that differs.
"""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now


class LogHead(models.Model):
    """The one row that an append locks: how large the log is and what its root is."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    origin = models.CharField(max_length=255)
    tree_size = models.BigIntegerField(default=0)
    root_hash = models.BinaryField()
    frontier = models.BinaryField(help_text="The compact range of the tree: 32 bytes a perfect subtree, largest first.")
    record_time_ms = models.BigIntegerField(default=0)
    checkpoint = models.TextField(help_text="The newest checkpoint, a signed note.")
    log_key_id = models.CharField(max_length=43)
    next_log_key_id = models.CharField(
        max_length=43, null=True, help_text="While the log key is changed: the new one, which signs beside the old."
    )

    class Meta:
        db_table = "ledger_head"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="ledger_head_is_one_row")]


class Entry(models.Model):
    """One appended leaf.

    Two leaves are never alike, nor are two statements: a leaf holds its statement, and a statement its commitment, so
    that the commitment need be unique alone, and the hash of a statement where it commits to no body.
    """

    index = models.BigIntegerField(primary_key=True)
    leaf = models.BinaryField()
    leaf_hash = models.BinaryField()
    statement_hash = models.BinaryField()
    commitment = models.BinaryField(unique=True, null=True)
    type = models.CharField(max_length=20)
    key_id = models.CharField(max_length=43)
    record_time = models.DateTimeField()

    class Meta:
        db_table = "ledger_entry"
        ordering = ["index"]
        indexes = [models.Index(fields=["type", "index"], condition=~models.Q(type="event"), name="ledger_entry_acts")]
        constraints = [
            models.UniqueConstraint(
                fields=["statement_hash"],
                condition=models.Q(commitment__isnull=True),
                name="ledger_entry_without_body_once",
            )
        ]


class Tile(models.Model):
    """256 neighbouring hashes of one level (C2SP tlog-tiles); only full tiles are kept, the rest follows."""

    pk = models.CompositePrimaryKey("level", "index")
    level = models.SmallIntegerField()
    index = models.BigIntegerField()
    hashes = models.BinaryField()
    root = models.BinaryField(help_text="The hash of its perfect subtree: what the next level holds at this index.")

    class Meta:
        db_table = "ledger_tile"


class Checkpoint(models.Model):
    """A checkpoint that is kept for ever: one that was cited, cosigned or published by the minute."""

    tree_size = models.BigIntegerField(primary_key=True)
    root_hash = models.BinaryField()
    note = models.TextField()

    class Meta:
        db_table = "ledger_checkpoint"


class Cosignature(models.Model):
    """A witness's word that, at `at`, it knew the tree of that size and that the log had only grown."""

    pk = models.CompositePrimaryKey("tree_size", "witness")
    tree_size = models.BigIntegerField()
    witness = models.CharField(max_length=255, help_text="The witness's name.")
    verifier_key = models.TextField(help_text="Its vkey when it cosigned.")
    line = models.TextField(help_text="The signature line, as it belongs under the checkpoint.")
    at = models.DateTimeField(help_text="The time that the cosignature names.")

    class Meta:
        db_table = "ledger_cosignature"
        indexes = [models.Index(fields=["witness", "-tree_size"], name="ledger_cosignature_newest")]


class WitnessAnswer(models.Model):
    """What a witness answered last when it was asked for a cosignature; `why` is empty where it gave one."""

    witness = models.CharField(max_length=255, primary_key=True)
    at = models.DateTimeField()
    tree_size = models.BigIntegerField()
    why = models.TextField(blank=True, default="")
    is_refusal = models.BooleanField(default=False, help_text="It has seen something that it must not cosign.")
    refused_at = models.DateTimeField(null=True, help_text="When it last refused; kept when it cosigns again.")

    class Meta:
        db_table = "ledger_witnessanswer"


class Key(models.Model):
    """A registered public key. A revocation is a row of its own: nothing here ever changes."""

    key_id = models.CharField(max_length=43, primary_key=True)
    public_key = models.BinaryField(unique=True)
    party = models.UUIDField(db_index=True)
    role = models.CharField(max_length=10)
    registered_index = models.BigIntegerField(unique=True)
    expires_ms = models.BigIntegerField(
        null=True, help_text="The POSIX time in milliseconds from which on the log key may revoke it."
    )

    class Meta:
        db_table = "ledger_key"


class KeyRevocation(models.Model):
    """From `revoked_index` on nobody may sign with this key; signatures after `last_valid_index` are disputed."""

    revoked_index = models.BigIntegerField(primary_key=True)
    key_id = models.CharField(max_length=43, unique=True)
    last_valid_index = models.BigIntegerField()

    class Meta:
        db_table = "ledger_keyrevocation"


class Attestation(models.Model):
    """A disputed entry that its party stands by: signed again, in words, with a key that is valid."""

    attested_index = models.BigIntegerField(primary_key=True)
    by_index = models.BigIntegerField()

    class Meta:
        db_table = "ledger_attestation"


class Body(models.Model):
    """What a statement commits to, kept beside the log so that it can be shown to some and erased by law."""

    index = models.BigIntegerField(primary_key=True)
    commitment = models.BinaryField(help_text="That of the entry with this index, which is unique in the log.")
    salt = models.BinaryField()
    body = models.BinaryField()
    tenant = models.UUIDField()
    chains = ArrayField(models.BinaryField(), help_text="The secrets of the chains it is linked into, in link order.")
    scopes = ArrayField(models.UUIDField(), help_text="Who may read it besides its tenant: readers of these scopes.")

    class Meta:
        db_table = "ledger_body"


class Tombstone(models.Model):
    """What is left of an erased body: whose it was and which chains it belongs to, so that these can be followed."""

    commitment = models.BinaryField(primary_key=True)
    index = models.BigIntegerField(unique=True)
    erased_index = models.BigIntegerField(help_text="The `body.erased` that names it.")
    tenant = models.UUIDField()
    chains = ArrayField(models.BinaryField(), help_text="The secrets of the chains it is linked into, in link order.")
    scopes = ArrayField(models.UUIDField())
    readers = models.JSONField(default=list, help_text="Who could read its scopes: pairs of scope and party.")

    class Meta:
        db_table = "ledger_tombstone"


class Disclosure(models.Model):
    """A part of a body that the body itself only names by a digest, so that it can be shown or left out."""

    index = models.BigIntegerField(help_text="The entry whose body names its digest.")
    position = models.IntegerField()
    pk = models.CompositePrimaryKey("index", "position")
    text = models.TextField(help_text="As in RFC 9901: base64url of a salt, a name and a value.")
    tenant = models.UUIDField()
    scopes = ArrayField(models.UUIDField())

    class Meta:
        db_table = "ledger_disclosure"


class ScopeReader(models.Model):
    """A party that may read everything of one scope (of one shipment, say)."""

    pk = models.CompositePrimaryKey("party", "scope")
    party = models.UUIDField()
    scope = models.UUIDField(db_index=True)

    class Meta:
        db_table = "ledger_scopereader"


class SealedKey(models.Model):
    """A secret key held here, for the log or a party that cannot sign yet; encrypted under the secrets folder's key."""

    key_id = models.CharField(max_length=43, primary_key=True)
    party = models.UUIDField(db_index=True)
    role = models.CharField(max_length=10)
    sealed = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "ledger_sealedkey"


class VerifiedTo(models.Model):
    """How far the stored bytes were verified here, and the root found: a mark for the next run, not a proof."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    tree_size = models.BigIntegerField(unique=True)
    root_hash = models.BinaryField()

    class Meta:
        db_table = "ledger_verifiedto"


class AuditRun(models.Model):
    """One check of the log: what was checked, up to where, and what was wrong. Written by `ledger.audit.runs` alone."""

    class Kind(models.TextChoices):
        FULL = "full", "all entries, and what other rooms derive from them"
        LOG = "log", "all entries, without what other rooms derive from them"
        INCREMENTAL = "incremental", "the entries since the last run"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    kind = models.CharField(max_length=11, choices=Kind.choices)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    from_index = models.BigIntegerField(default=0, help_text="Entries below were checked by an earlier run.")
    checked_to = models.BigIntegerField(default=0, help_text="How far it is.")
    tree_size = models.BigIntegerField(default=0)
    root_hash = models.BinaryField(default=bytes)
    parts = models.JSONField(default=dict, help_text="By part, how much was checked and how many faults lie in it.")
    holds = models.BooleanField(null=True, help_text="Null until it is finished.")
    first_bad_index = models.BigIntegerField(null=True)
    fault_count = models.PositiveIntegerField(default=0)
    faults = models.JSONField(default=list, help_text="The first of them.")
    acknowledged_by = models.CharField(max_length=200, blank=True, default="")
    acknowledged_at = models.DateTimeField(null=True)
    comment = models.TextField(blank=True, default="")

    class Meta:
        db_table = "ledger_auditrun"
        indexes = [models.Index(fields=["-started_at"], name="ledger_auditrun_newest")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(holds__isnull=True) | models.Q(finished_at__isnull=False),
                name="ledger_auditrun_verdict_when_finished",
            ),
            models.CheckConstraint(
                condition=models.Q(acknowledged_at__isnull=True)
                | (~models.Q(acknowledged_by="") & ~models.Q(comment="")),
                name="ledger_auditrun_acknowledged_by_a_name",
            ),
        ]


class AuditPosition(models.Model):
    """Where a check stands or stood: what it knows of the entries so far, authenticated by a secret kept elsewhere."""

    class Name(models.TextChoices):
        VERIFIED = "verified", "everything below held; the next incremental run goes on from here"
        UNFINISHED = "unfinished", "a run that was interrupted here"

    name = models.CharField(max_length=10, choices=Name.choices, primary_key=True)
    run = models.ForeignKey(AuditRun, on_delete=models.CASCADE)
    tree_size = models.BigIntegerField()
    state = models.BinaryField()
    mac = models.BinaryField(help_text="HMAC-SHA-256 of the state.")
    saved_at = models.DateTimeField()

    class Meta:
        db_table = "ledger_auditposition"
