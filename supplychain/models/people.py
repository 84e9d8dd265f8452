"""Who signs in, and for which party they act."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower, Now

from supplychain.models.parties import Party


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make a user who signs in with `email`; without a password nobody can sign in as them."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make a user of the operator (Django's `createsuperuser` calls this)."""
        return self.create_user(email, password, is_superuser=True, is_staff=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. They act for one party at a time: the one of `active_membership`."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(db_default=Now())

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="supplychain_user_email_without_case")]

    def __str__(self) -> str:
        return self.name or self.email


class Role(models.TextChoices):
    """What a person may do for their party (product.md, section 4)."""

    VIEWER = "viewer", "Viewer"
    OPERATOR = "operator", "Operator"
    PLANNER = "planner", "Planner"
    MANAGER = "manager", "Manager"
    AUDITOR = "auditor", "Auditor"


class Membership(models.Model):
    """A user's role at a party."""

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    party = models.ForeignKey(Party, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "party"], name="supplychain_membership_once")]

    def __str__(self) -> str:
        return f"{self.user}, {self.role} at {self.party}"

    @property
    def may_operate(self) -> bool:
        """Whether they may move goods: dispatch, accept, correct."""
        return self.role in (Role.OPERATOR, Role.MANAGER)

    @property
    def may_manage(self) -> bool:
        """Whether they may approve keys and connect partners."""
        return self.role == Role.MANAGER
