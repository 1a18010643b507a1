"""What a call came to, on either side."""


class Outcome:
    """A value, or an error."""

    def __init__(self, value=None, error=None, message=None, said=None, code=None, classes=()):
        self.value = value
        #: The official client's exception class, or our status.
        self.error = error
        #: What the client says.
        self.message = message
        #: What the site said, where the client keeps it apart from its own words.
        self.said = said
        #: The site's error code, where the client tells it.
        self.code = code
        #: The official client's exception class and those that it is derived from.
        self.classes = classes
        #: What the folder of the case holds afterwards, by name.
        self.files = {}

    @property
    def failed(self):
        return self.error is not None
