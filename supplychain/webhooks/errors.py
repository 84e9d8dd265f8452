"""What is refused of a webhook, in sentences that its owner may read."""


class DestinationRefused(Exception):
    """Nothing is sent to such an address."""


class NameUnknown(DestinationRefused):
    """The name has no address now; it may have one later."""


class ScheduleRefused(Exception):
    """`field` of a schedule says no time."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class TokenRefused(Exception):
    """The signature token could be guessed. The message never holds it."""


class SignatureInvalid(Exception):
    """A signature header that does not hold for this body, destination and time."""
