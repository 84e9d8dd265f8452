"""How values are written on pages: times in the event's own offset, short identifiers, quantities, words for acts."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.forms import BoundField
from django.utils.html import format_html
from django.utils.safestring import SafeString

from supplychain.web import words

register = template.Library()


@register.filter
def own_time(moment: datetime | None, offset: str = "+00:00") -> str | SafeString:
    """`Tue 22 Nov, 14:20 UTC+1`, in the offset that the event itself gave."""
    if moment is None:
        return ""
    local = words.in_offset(moment, offset)
    return format_html(
        '<time datetime="{}">{} <span class="zone">{}</span></time>',
        local.isoformat(),
        words.day_and_time(local),
        words.zone(offset),
    )


@register.simple_tag(takes_context=True)
def when(context: dict[str, Any], moment: datetime | None, offset: str = "+00:00") -> str | SafeString:
    """`today 14:20 UTC+1`, in the offset that the event itself gave; the whole date for whoever asks for it."""
    if moment is None:
        return ""
    local = words.in_offset(moment, offset)
    return format_html(
        '<time datetime="{}" title="{} {}">{} <span class="zone">{}</span></time>',
        local.isoformat(),
        words.day_and_time(local),
        words.zone(offset),
        words.near_time(local, context["shell"].now),
        words.zone(offset),
    )


@register.filter
def utc_time(moment: datetime | None) -> str | SafeString:
    """A time that the log or this server set."""
    return own_time(moment, "+00:00")


@register.filter
def own_day(moment: datetime | None) -> str:
    """`22 Nov 2026`."""
    return "" if moment is None else f"{moment:%-d %b %Y}"


@register.filter
def ago(moment: datetime | None, now: datetime) -> str:
    """`2 min ago`."""
    return "" if moment is None else words.ago(moment, now)


@register.filter
def quantity(value: Decimal | float | None, uom: str = "") -> str:
    """`1,240` or `12.5 kg`: no trailing zeros, unit in words."""
    return "" if value is None else words.quantity(value, uom)


@register.filter
def ident(uri: str) -> str:
    """The part of an identifier that people read out: `376123450000042184` for an SSCC."""
    return words.short_identifier(uri)


@register.filter
def tail(text: str, length: int = 8) -> str:
    """The first characters of a hash or key id, with an ellipsis."""
    return text if len(text) <= length else f"{text[:length]}…"


@register.filter
def described(field: BoundField) -> SafeString:
    """A form's control, bound to its hint and its errors for those who cannot see them."""
    attributes: dict[str, Any] = {}
    notes = [f"{field.id_for_label}_hint"] if field.help_text else []
    if field.errors:
        notes.append(f"{field.id_for_label}_error")
        attributes["aria-invalid"] = "true"
    if notes:
        attributes["aria-describedby"] = " ".join(notes)
    return field.as_widget(attrs=attributes)


@register.filter
def counting(field: BoundField) -> SafeString:
    """The control of a counted quantity, which a script compares with what was handed over."""
    attributes: dict[str, Any] = {"data-counted": "", "class": "num"}
    if field.errors:
        attributes |= {"aria-invalid": "true", "aria-describedby": f"{field.id_for_label}_error"}
    return field.as_widget(attrs=attributes)


@register.filter
def unlocalize_number(value: float | None) -> str:
    """A number as an input of that type takes it: `1240`, `12.5`."""
    return "" if value is None else f"{value:.6f}".rstrip("0").rstrip(".")
