"""The error for a mistake of the user."""


class UserError(Exception):
    """A mistake of the user. The message is one line that names the value and a remedy."""
