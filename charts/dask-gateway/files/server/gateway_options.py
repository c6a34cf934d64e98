"""Define the options that users choose for their clusters, and reject choices that are not allowed.

Users read the messages in their terminals, so each one names the option, the value and the limit.
"""

import re

from dask_gateway_server.options import Field, Float, Integer, Options, String

UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([KMGT]?)(?:i?B?)", re.IGNORECASE)


def memory_bytes(text):
    """Return bytes for '4 G', '512M', '512Mi' or a number; K, M, G and T are powers of 1024."""
    if isinstance(text, int) and not isinstance(text, bool) and text > 0:
        return text
    match = AMOUNT.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None or not float(match[1]):
        raise ValueError(f"{text!r} is not an amount of memory: write a number and K, M, G or T, such as '4 G'")
    return int(float(match[1]) * UNITS[match[2].lower()])


class Image(String):
    """A container image of an allow-list; `*` in it stands for any text without `/`."""

    def __init__(self, field, allow, **kwargs):
        self.allow = allow
        self.pattern = re.compile("|".join(re.escape(name).replace(r"\*", "[^/]*") for name in allow))
        super().__init__(field, **kwargs)

    def validate(self, x):
        super().validate(x)
        if not self.pattern.fullmatch(x):
            raise ValueError(f"{self.field} {x!r} is not allowed here; allowed: {', '.join(self.allow)}")
        return x


class Memory(Field):
    """An amount of memory between two limits."""

    def __init__(self, field, min, max, **kwargs):  # noqa: A002 - the names of the other fields
        self.min, self.max = min, max
        super().__init__(field, **kwargs)

    def validate(self, x):
        amount = memory_bytes(x)
        if not memory_bytes(self.min) <= amount <= memory_bytes(self.max):
            raise ValueError(f"{self.field} must be between {self.min} and {self.max}, got {x}")
        return x

    def transform(self, x):
        return memory_bytes(x)

    def json_type_spec(self):
        return {"type": "string"}


def make(options, image, idle_timeout, memory_limit):
    """Return the options that the chart's `gateway.clusterOptions` describes.

    A default is always allowed: a range without it would end the server at its start.

    Args:
        options: `gateway.clusterOptions`, defaults filled in.
        image: the image of the values: the default, and always allowed.
        idle_timeout: the default, in seconds.
        memory_limit: the smallest memory limit of a worker; None: the memory that the worker requests.
    """
    on = {key: value for key, value in options.items() if value["enabled"]}
    fields = []
    if "image" in on:
        fields.append(Image("image", allow=[image, *on["image"]["allow"]], default=image))
    for key, name in (("workerCores", "worker_cores"), ("workerCoresLimit", "worker_cores_limit")):
        if key in on:
            field = on[key]
            least, most = min(field["min"], field["default"]), max(field["max"], field["default"])
            fields.append(Float(name, default=field["default"], min=least, max=most))
    if "workerMemory" in on:
        field = on["workerMemory"]
        least = min(field["min"], field["default"], key=memory_bytes)
        most = max(field["max"], field["default"], key=memory_bytes)
        fields.append(Memory("worker_memory", default=field["default"], min=least, max=most))
    if "idleTimeout" in on:
        field = on["idleTimeout"]
        least = min(field["min"], idle_timeout)  # idle_timeout is 0 when clusters never end by themselves
        fields.append(Integer("idle_timeout", default=idle_timeout, min=least, max=field["max"]))
    return Options(*fields, handler=lambda chosen: consistent(chosen, memory_limit))


def consistent(options, memory_limit=None):
    """Raise limits that are below the requests, because Kubernetes rejects such pods without telling the user."""
    chosen = {name: options[name] for name in options}
    if "worker_cores" in chosen and "worker_cores_limit" in chosen:
        chosen["worker_cores_limit"] = max(chosen["worker_cores"], chosen["worker_cores_limit"])
    if "worker_memory" in chosen:
        chosen["worker_memory_limit"] = max(chosen["worker_memory"], memory_bytes(memory_limit or 1))
    return chosen
