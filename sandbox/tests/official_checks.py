"""What the checks of the official client share."""


def equal(found, expected):
    if found != expected:
        raise AssertionError(f"{found!r} is not {expected!r}")


def refused(kind, text, call, *arguments, **options):
    """The fault that a call raises, which is of a kind and has a text."""
    try:
        result = call(*arguments, **options)
    except kind as fault:
        if text not in str(fault):
            raise AssertionError(f"{text!r} is not in {str(fault)!r}") from fault
        return fault
    raise AssertionError(f"was not refused, but answered {result!r}")
