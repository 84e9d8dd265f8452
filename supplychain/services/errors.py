"""What stops a start. The message is the one line that the user reads."""


class ServiceError(Exception):
    """Something that the services need is not as it must be; says what, and what to do."""
