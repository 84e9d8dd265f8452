"""People and programs of a party: who signs in, with which role, and which API clients it has."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, transaction

from ledger.admission import Refused
from supplychain.models import ApiClient, Membership, Role, User


class PersonRefused(Refused):
    """A person cannot be added or changed as asked; the message says why."""

    code = "person"


@dataclass(frozen=True, slots=True)
class NewClient:
    """An API client just made. The secret is shown once; only its hash is kept."""

    client: ApiClient
    secret: str


@transaction.atomic
def add_person(*, party: UUID, email: str, name: str, role: str, password: str) -> Membership:
    """Give a person a role at `party`; who has no account yet gets one with `password`.

    Raises PersonRefused when they belong to it already, or when somebody else makes their account at this moment.
    """
    user = User.objects.filter(email__iexact=email).first() or _new_account(email, password, name=name)
    found, is_new = Membership.objects.get_or_create(user=user, party_id=party, defaults={"role": role})
    if not is_new:
        raise PersonRefused(f"{email} has a role here already.")
    return found


def _new_account(email: str, password: str, *, name: str) -> User:
    try:
        with transaction.atomic():
            return User.objects.create_user(email, password, name=name)
    except IntegrityError:  # with another password, which whoever was faster hands over
        raise PersonRefused(f"Somebody is giving {email} an account at this moment. Look again.") from None


@transaction.atomic
def change_role(membership: int, *, party: UUID, role: str) -> None:
    """Give a member another role. Raises PersonRefused; the last manager stays one."""
    found = _of(membership, party)
    if found.role == Role.MANAGER and role != Role.MANAGER:
        _check_not_last(found)
    found.role = role
    found.save(update_fields=["role"])


@transaction.atomic
def remove_person(membership: int, *, party: UUID) -> None:
    """Take a member's role away; what they signed stays. Raises PersonRefused for the last manager."""
    found = _of(membership, party)
    if found.role == Role.MANAGER:
        _check_not_last(found)
    found.delete()


def add_client(*, party: UUID, name: str, scopes: str) -> NewClient:
    """Make an API client that acts for `party` within `scopes` (OAuth 2 client credentials)."""
    client = ApiClient(
        party_id=party,
        name=name,
        granted_scopes=scopes,
        client_type=ApiClient.CLIENT_CONFIDENTIAL,
        authorization_grant_type=ApiClient.GRANT_CLIENT_CREDENTIALS,
    )
    secret = client.client_secret
    client.save()
    return NewClient(client, secret)


def people(party: UUID) -> list[Membership]:
    """Who signs in for `party`, by e-mail address."""
    return list(Membership.objects.filter(party=party).select_related("user").order_by("user__email"))


def person(membership: int, *, party: UUID) -> Membership:
    """One of them. Raises PersonRefused when there is none."""
    found = Membership.objects.filter(pk=membership, party=party).select_related("user").first()
    if found is None:
        raise _absent("There is no such person here.")
    return found


def clients(party: UUID) -> list[ApiClient]:
    """The API clients of `party`, by name."""
    return list(ApiClient.objects.filter(party=party).order_by("name", "pk"))


def remove_client_called(client_id: str, *, party: UUID) -> None:
    """End the API client with this client id, and its tokens. Raises PersonRefused when it is none of the party's."""
    found = None if "\0" in client_id else ApiClient.objects.filter(client_id=client_id, party=party).first()
    if found is None:
        raise _absent("There is no such API client.")
    remove_client(found.pk, party=party)


def remove_client(client: int, *, party: UUID) -> None:
    """End an API client and its tokens. Raises PersonRefused when it is none of the party's."""
    deleted, _ = ApiClient.objects.filter(pk=client, party_id=party).delete()
    if not deleted:
        raise _absent("There is no such API client.")


def _of(membership: int, party: UUID) -> Membership:
    """One of a party's people. All rows are locked, in one order: two managers cannot take the role from each other."""
    locked = Membership.objects.select_for_update().filter(party_id=party).order_by("pk")
    found = next((each for each in locked if each.pk == membership), None)
    if found is None:
        raise _absent("There is no such person here.")
    return found


def _absent(message: str) -> PersonRefused:
    refused = PersonRefused(message)
    refused.status = 404
    return refused


def _check_not_last(found: Membership) -> None:
    others = Membership.objects.filter(party=found.party_id, role=Role.MANAGER).exclude(pk=found.pk)
    if not others.exists():
        raise PersonRefused("Somebody has to approve keys: the last manager stays one. Make another manager first.")
