"""For which party one acts: one at a time, chosen in the session."""

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from supplychain.models import Membership
from supplychain.web.access import MemberRequest, member


@require_POST
@member
def act_for(request: MemberRequest) -> HttpResponse:
    """Act for another of one's parties; 404 for all others."""
    chosen = request.POST.get("membership", "")
    if not (chosen.isascii() and chosen.isdigit() and len(chosen) < 10):
        raise Http404
    if not Membership.objects.filter(pk=int(chosen), user=request.user).exists():
        raise Http404
    request.session["membership"] = int(chosen)
    return redirect("tower")
