"""The error that a person can mend."""


class UserError(Exception):
    """A mistake of the person at the keyboard. The message is one line that names the value and the remedy."""
