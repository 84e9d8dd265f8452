"""The public read path of the log: `/log/...` in the formats of C2SP tlog-tiles, for any verifier anywhere.

What is signed and hashed is open to all. Entries and their proofs are for parties, mirrors and auditors, unless
WAYLOG_PUBLIC_ENTRIES opens them: from many entries one learns which key signs how often and when, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.views.decorators.csrf import csrf_exempt

from ledger import queries, quorum
from ledger.tlog import tile
from ledger.tlog.errors import Malformed
from ledger.tlog.note import VerifierKey
from ledger.tlog.text import encode_base64

TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
FOREVER = "max-age=31536000, immutable"
MAX_INDEX = 2**63 - 1

View = Callable[..., HttpResponse]
_readers: list[Callable[[HttpRequest], bool]] = []


def register_reader(may_read: Callable[[HttpRequest], bool]) -> None:
    """Tell how a request shows that it comes from a party: entries are served when one of these says so."""
    if may_read not in _readers:
        _readers.append(may_read)


def _open_to_browsers(view: View) -> View:
    """GET and HEAD, from any web page (CORS), and answers in plain text where there is nothing."""

    @csrf_exempt
    @wraps(view)
    def answer(request: HttpRequest, *args: object, **more: object) -> HttpResponse:
        if request.method == "OPTIONS":
            found = HttpResponse(status=204, headers={"Allow": "GET, HEAD, OPTIONS"})
            found["Access-Control-Allow-Methods"] = "GET, HEAD"
            found["Access-Control-Allow-Headers"] = "Authorization"
            found["Access-Control-Max-Age"] = "86400"
        elif request.method not in ("GET", "HEAD"):
            found = _plain("only GET and HEAD\n", 405)
            found["Allow"] = "GET, HEAD, OPTIONS"
        else:
            try:
                found = view(request, *args, **more)
            except (Malformed, queries.EntryMissing):
                found = _plain("not found\n", 404)
            except queries.LogMissing:
                found = _plain("there is no log here yet\n", 503)
            except quorum.PolicyUnreadable as fault:
                found = _plain(f"{fault}\n", 503)
        found["Access-Control-Allow-Origin"] = "*"
        return found

    return answer


def _plain(text: str, status: int = 200) -> HttpResponse:
    return HttpResponse(text, status=status, content_type=TEXT)


@_open_to_browsers
def checkpoint(request: HttpRequest) -> HttpResponse:
    """The newest checkpoint, a signed note with the cosignatures it has; where a quorum is set, the newest with it."""
    return _checkpoint(request, quorum.is_met_by if quorum.is_set() else None)


@_open_to_browsers
def cosigned(request: HttpRequest) -> HttpResponse:
    """The newest checkpoint that witnesses have cosigned: the quorum of them, at least one."""
    return _checkpoint(request, lambda cosigners: bool(cosigners) and quorum.is_met_by(cosigners))


def _checkpoint(request: HttpRequest, is_enough: Callable[[set[VerifierKey]], bool] | None) -> HttpResponse:
    shown = queries.published_checkpoint(is_enough)
    if shown is None:
        raise queries.EntryMissing("no checkpoint has been cosigned yet")
    note, tag = shown
    plain = _plain(note)
    found = get_conditional_response(request, etag=tag, response=plain) or plain
    found["ETag"], found["Cache-Control"] = tag, "public, no-cache"
    return found


@_open_to_browsers
def tile_at(request: HttpRequest, rest: str) -> HttpResponse:
    """A tile of hashes, or for parties a bundle of entries; full or partial."""
    wanted = tile.parse_tile_path(f"tile/{rest}")
    if wanted.level is None:
        return _for_parties(request, lambda: _bundle(wanted))
    return _lasting(HttpResponse(_hashes(wanted.level, wanted.index, wanted.width), content_type=BYTES), public=True)


@_open_to_browsers
def proof(request: HttpRequest, index: int) -> HttpResponse:
    """A proof file for one entry, under the newest checkpoint; for parties."""
    return _for_parties(request, lambda: _proof(index))


@_open_to_browsers
def consistency(request: HttpRequest, old: int, new: int) -> HttpResponse:
    """The hashes that prove the tree of `old` entries a prefix of that of `new`, one in base64 a line."""
    found = queries.consistency_proof(old, new)
    answer = _plain("".join(encode_base64(each) + "\n" for each in found.path))
    return _lasting(answer, public=True)


def _for_parties(request: HttpRequest, answer: Callable[[], HttpResponse]) -> HttpResponse:
    if settings.WAYLOG_PUBLIC_ENTRIES:
        return answer()
    if any(may_read(request) for may_read in _readers):
        found = answer()
        patch_vary_headers(found, ["Authorization", "Cookie"])
        return found
    found = _plain("entries are for the parties of this log: sign in, or send a token\n", 401)
    found["WWW-Authenticate"] = 'Bearer realm="waylog"'
    found["Cache-Control"] = "no-store"
    return found


def _hashes(level: int, index: int, width: int) -> bytes:
    size = queries.tree_size()
    if tile.width_of(level, index, size) < width:
        raise queries.EntryMissing("the tree has not grown to this tile")
    return b"".join(queries.tile_hashes(level, index, size)[:width])


def _bundle(wanted: tile.Tile) -> HttpResponse:
    first = wanted.index * tile.WIDTH
    leaves = queries.leaves(first, wanted.width)
    if len(leaves) < wanted.width:
        raise queries.EntryMissing("the log has not grown to this bundle")
    return _lasting(HttpResponse(tile.format_bundle(leaves), content_type=BYTES))


def _proof(index: int) -> HttpResponse:
    found = _plain(queries.tlog_proof(index))
    found["Cache-Control"] = "private, no-cache"
    return found


def _lasting(answer: HttpResponse, *, public: bool = False) -> HttpResponse:
    """What is under an address of the tree never changes."""
    is_public = public or settings.WAYLOG_PUBLIC_ENTRIES
    answer["Cache-Control"] = f"{'public' if is_public else 'private'}, {FOREVER}"
    return answer
