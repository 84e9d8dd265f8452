"""Writes documents as EPCIS 2.0 XML (EPCIS 2.0, section 9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from supplychain.epcis.contexts import STANDARD_PREFIXES
from supplychain.epcis.vocabulary import Vocabulary
from supplychain.epcis.xml import names

WEB, URN, NEVER = "Always_Web_URI", "Always_URN", "Never_Translates"
_CBVMDA = "urn:epcglobal:cbv:mda"


def write_document(document: Mapping[str, Any], *, cbv: str = WEB) -> str:
    """Write an EPCISQueryDocument or EPCISDocument that JSON holds; `cbv` says how words of CBV are written."""
    body = document["epcisBody"]
    if document["type"] == "EPCISDocument":
        return write_capture_document(document, cbv=cbv)
    results = body["queryResults"]
    subscription = results.get("subscriptionID")
    inner = [
        "<EPCISBody><epcisq:QueryResults>",
        f"<queryName>{_text(results['queryName'])}</queryName>",
        f"<subscriptionID>{_text(subscription)}</subscriptionID>" if subscription is not None else "",
        "<resultsBody><EventList>",
        *_events(results["resultsBody"]["eventList"], _prefixes(document), cbv),
        "</EventList></resultsBody></epcisq:QueryResults></EPCISBody>",
    ]
    return _whole(document, "epcisq:EPCISQueryDocument", f' xmlns:epcisq="{names.QUERY_2}"', inner)


def write_capture_document(document: Mapping[str, Any], *, cbv: str = WEB) -> str:
    """Write an EPCISDocument that JSON holds."""
    events = _events(document["epcisBody"]["eventList"], _prefixes(document), cbv)
    inner = ["<EPCISBody><EventList>", *events, "</EventList></EPCISBody>"]
    return _whole(document, "epcis:EPCISDocument", "", inner)


def _whole(document: Mapping[str, Any], name: str, more: str, inner: Iterable[str]) -> str:
    version, created = "2.0", document["creationDate"]
    start = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} xmlns:epcis="{names.EPCIS_2}"{more}'
        f" schemaVersion={quoteattr(version)} creationDate={quoteattr(created)}>"
    )
    return "".join((start, *inner, f"</{name}>\n"))


def _prefixes(document: Mapping[str, Any]) -> dict[str, str]:
    return {**STANDARD_PREFIXES, "cbvmda": _CBVMDA, **_declared(document.get("@context"))}


def _declared(context: Any) -> dict[str, str]:
    items = context if isinstance(context, list) else [context]
    found: dict[str, str] = {}
    for item in items:
        for name, meaning in item.items() if isinstance(item, dict) else ():
            uri = meaning.get("@id") if isinstance(meaning, dict) else meaning
            if isinstance(uri, str):
                found[name] = uri
    return found


def _events(events: Iterable[Mapping[str, Any]], prefixes: Mapping[str, str], cbv: str) -> Iterator[str]:
    for event in events:
        own = _declared(event.get("@context")) if "@context" in event else {}
        yield _Writer({**prefixes, **own}, cbv).event(event)


class _Writer:
    """Writes one event; the namespaces that its extensions use are declared on it."""

    def __init__(self, prefixes: Mapping[str, str], cbv: str) -> None:
        self.prefixes = prefixes
        self.cbv = cbv
        self.used: dict[str, str] = {}

    def event(self, event: Mapping[str, Any]) -> str:
        kind = event["type"]
        order = names.ORDER[kind]
        required = names.REQUIRED_LISTS.get(kind)
        parts = [
            self.member(name, event.get(name, []))
            for name in order
            if name in event or (name == required and not event.get(name))
        ]
        left = [name for name in event if name not in order and name not in ("type", "@context")]
        parts += [self.extension(name, event[name]) for name in left]
        declared = "".join(f" xmlns:{prefix}={quoteattr(uri)}" for prefix, uri in self.used.items())
        return f"<{kind}{declared}>{''.join(parts)}</{kind}>"

    def member(self, name: str, value: Any) -> str:
        if name in names.EPC_LISTS:
            return _element(name, "".join(_element("epc", _text(epc)) for epc in value))
        if name in names.QUANTITY_LISTS:
            return _element(
                name, "".join(self.object("quantityElement", item, ("epcClass", "quantity", "uom")) for item in value)
            )
        if name in names.PAIR_LISTS:
            inner, types = names.PAIR_LISTS[name]
            return _element(name, "".join(self.pair(inner, item, types) for item in value))
        if name in names.PLACES:
            return self.object(name, value, ("id",))
        if name in names.WORDS:
            return _element(name, _text(self.word(names.WORDS[name], value)))
        if name == "sensorElementList":
            return _element(name, "".join(self.sensor_element(item) for item in value))
        if name == "persistentDisposition":
            return _element(name, "".join(self.dispositions(each, value.get(each, ())) for each in ("unset", "set")))
        if name == "errorDeclaration":
            return self.error_declaration(value)
        if name == "ilmd":
            return self.object(name, value, ())
        items = value if isinstance(value, list) else [value]
        return "".join(_element(name, _text(item)) for item in items)

    def object(self, name: str, value: Mapping[str, Any], order: tuple[str, ...]) -> str:
        parts = [_element(each, _text(value[each])) for each in order if each in value]
        parts += [self.extension(each, item) for each, item in value.items() if each not in order]
        return _element(name, "".join(parts))

    def pair(self, name: str, value: Mapping[str, Any], types: Vocabulary) -> str:
        kind = f" type={quoteattr(self.word(types, value['type']))}" if "type" in value else ""
        return f"<{name}{kind}>{_text(value[name])}</{name}>"

    def dispositions(self, name: str, words: Iterable[str]) -> str:
        return "".join(_element(name, _text(self.word(names.SET_DISPOSITIONS, word))) for word in words)

    def error_declaration(self, value: Mapping[str, Any]) -> str:
        parts = [_element("declarationTime", _text(value["declarationTime"]))]
        if "reason" in value:
            parts.append(_element("reason", _text(self.word(names.REASONS, value["reason"]))))
        if "correctiveEventIDs" in value:
            ids = "".join(_element("correctiveEventID", _text(each)) for each in value["correctiveEventIDs"])
            parts.append(_element("correctiveEventIDs", ids))
        known = ("declarationTime", "reason", "correctiveEventIDs")
        parts += [self.extension(name, item) for name, item in value.items() if name not in known]
        return _element("errorDeclaration", "".join(parts))

    def sensor_element(self, value: Mapping[str, Any]) -> str:
        parts = [self.attributes("sensorMetadata", value["sensorMetadata"])] if "sensorMetadata" in value else []
        parts += [self.attributes("sensorReport", report) for report in value.get("sensorReport", ())]
        known = ("sensorMetadata", "sensorReport")
        parts += [self.extension(name, item) for name, item in value.items() if name not in known]
        return _element("sensorElement", "".join(parts))

    def attributes(self, name: str, value: Mapping[str, Any]) -> str:
        """Metadata and reports: values in attributes; extensions that are objects or lists inside the element."""
        plain, inner = [], []
        for key, item in value.items():
            if isinstance(item, dict | list):
                inner.append(self.extension(key, item))
            elif key in names.REPORT_WORDS and name == "sensorReport":
                plain.append(f" {key}={quoteattr(self.report_word(key, item))}")
            else:
                plain.append(f" {self.qualified(key)}={quoteattr(_plain(item))}")
        return f"<{name}{''.join(plain)}>{''.join(inner)}</{name}>" if inner else f"<{name}{''.join(plain)}/>"

    def report_word(self, name: str, value: str) -> str:
        """Types of measurement have no URN: they are written as CURIEs, `gs1:Temperature`."""
        vocabulary = names.REPORT_WORDS[name]
        word = vocabulary.resolve(value) or value
        if ":" in word:
            return self.expanded(word)
        return f"cbv:Comp-{word}" if name == "component" else f"gs1:{word}"

    def word(self, vocabulary: Vocabulary, value: str) -> str:
        word = vocabulary.resolve(value) or value
        if ":" in word:
            return self.expanded(word)
        if self.cbv == NEVER and ":" in value:
            return value
        urns = [prefix for prefix in vocabulary.prefixes if prefix.startswith("urn:")]
        return urns[0] + word if self.cbv == URN and urns else vocabulary.uri(word)

    def expanded(self, word: str) -> str:
        """A word of somebody else as a whole URI: XML values know no prefixes."""
        prefix, _, local = word.partition(":")
        uri = self.prefixes.get(prefix)
        return uri + local if uri is not None and not local.startswith("//") else word

    # --- extensions --------------------------------------------------------------------------------------------------

    def extension(self, name: str, value: Any) -> str:
        if isinstance(value, list):
            return "".join(self.extension(name, item) for item in value)
        tag = self.qualified(name)
        if not isinstance(value, dict):
            return _element(tag, _text(value))
        attributes = "".join(
            f" {self.qualified(key[1:])}={quoteattr(_plain(item))}" for key, item in value.items() if key[0] == "@"
        )
        inner = [self.extension(key, item) for key, item in value.items() if key[0] not in "@#"]
        if "#text" in value:
            inner.append(_text(value["#text"]))
        return f"<{tag}{attributes}>{''.join(inner)}</{tag}>"

    def qualified(self, name: str) -> str:
        """The name as XML allows it; its prefix is declared on the event."""
        prefix, colon, local = name.partition(":")
        uri = self.prefixes.get(prefix) if colon else None
        if uri is not None and not local.startswith("//"):
            self.used[prefix] = uri
            return f"{prefix}:{_ncname(local)}"
        return self._of_uri(name) if colon else _ncname(name)

    def _of_uri(self, name: str) -> str:
        """A name that is a whole URI: what is behind its last `/`, `#` or `:` is local."""
        at = max(name.rfind(mark) for mark in "/#:") + 1
        uri, local = name[:at], name[at:] or "member"
        prefix = next((each for each, known in self.used.items() if known == uri), f"ns{len(self.used) + 1}")
        self.used[prefix] = uri
        return f"{prefix}:{_ncname(local)}"


def _element(name: str, inner: str) -> str:
    return f"<{name}>{inner}</{name}>" if inner else f"<{name}/>"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _text(value: Any) -> str:
    return escape(_clean(_plain(value)))


def _clean(text: str) -> str:
    """XML 1.0 knows no control characters besides tab and line ends."""
    if text.isprintable():
        return text
    return "".join(each for each in text if each in "\t\n\r" or each >= " ").replace("\ufffe", "").replace("\uffff", "")


def _ncname(name: str) -> str:
    """A local name: characters that XML does not allow there become `_`."""
    made = "".join(each if each.isalnum() or each in "-._" else "_" for each in name)
    return made if made[:1].isalpha() or made[:1] == "_" else f"_{made}"
