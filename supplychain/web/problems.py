"""Refusals as the scripts of our pages read them: `{"errors": [{"field", "label", "message"}]}`."""

from __future__ import annotations

from django.forms import BaseForm
from django.http import JsonResponse

from ledger.admission import Refused


def refusal(message: str, *, status: int) -> JsonResponse:
    """One refusal that belongs to no field."""
    return JsonResponse({"errors": [{"message": message}]}, status=status)


def refusals(refused: Refused) -> JsonResponse:
    """What a rule refused, in its own words; faults of a body one by one."""
    faults = refused.detail.get("faults") or [{"message": str(refused)}]
    errors = [{"message": str(fault["message"])} for fault in faults]
    return JsonResponse({"errors": errors, "code": refused.code}, status=refused.status)


def form_errors(form: BaseForm) -> JsonResponse:
    """What is wrong with a form, field by field."""
    return JsonResponse({"errors": list_errors(form)}, status=422)


def list_errors(form: BaseForm) -> list[dict[str, str]]:
    """The errors of a form with the names that its page gives to the fields."""
    found = []
    for name, messages in form.errors.items():
        label = "" if name == "__all__" else str(form.fields[name].label or name.replace("_", " ").capitalize())
        field = "" if name == "__all__" else form.add_prefix(name)
        found += [{"field": field, "label": label, "message": str(message)} for message in messages]
    return found
