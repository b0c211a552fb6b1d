"""The JSON part of a form: a Struct, or an error that names the field at fault."""

from collections.abc import Mapping

import msgspec

from orchestrator.api.problems import named_field
from orchestrator.errors import MalformedRequestError


def json_part[T](fields: Mapping[str, str], name: str, kind: type[T]) -> T:
    """Return what the part of this name says.

    Raises:
        MalformedRequestError: it is missing, or something else.
    """
    if name not in fields:
        why = f"the form needs a part of this name: {_example(kind)}"
        raise MalformedRequestError(field=name, why=why)
    try:
        return msgspec.json.decode(fields[name], type=kind)
    except msgspec.ValidationError as error:
        why, _, path = str(error).partition(" - at `$")
        named = named_field(why)
        field = f"{name}{path.removesuffix('`')}{'.' + named if named else ''}"
        raise MalformedRequestError(field=field, why=why) from error
    except msgspec.DecodeError as error:
        raise MalformedRequestError(field=name, why=str(error)) from error


def _example(kind: type) -> str:
    """Return the fields that must be there.

    >>> class Example(msgspec.Struct):
    ...     service: str
    ...     labels: str = ""
    >>> _example(Example)
    '{"service": …}'
    """
    needed = [
        each.encode_name for each in msgspec.structs.fields(kind) if each.required
    ]
    return f"{{{', '.join(f'"{name}": …' for name in needed)}}}"
