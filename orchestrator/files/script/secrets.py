"""Names of variables that hold secrets, if the environment has them."""

import re

_SECRET = re.compile(
    r"AWS_.+|(.*_)?SECRETS?(_.*)?|(.*_)?TOKEN|(.*_)?PASSWORD|(.*_)?PASSWD|(.*_)?API_?KEY"
    r"|(.*_)?ACCESS_KEY(_ID)?|(.*_)?PRIVATE_KEY|SSH_AUTH_SOCK"
)


def is_secret(name: str) -> bool:
    """Say whether a variable's name promises a secret.

    >>> is_secret("AWS_SECRET_ACCESS_KEY"), is_secret("GITHUB_TOKEN"), is_secret("KEY")
    (True, True, False)
    """
    return _SECRET.fullmatch(name) is not None
