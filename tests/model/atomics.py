# SPDX-License-Identifier: MIT
"""The sequence of atomic operations in C source and in litmus files.

An operation is (what, order, place), such as ("store", "release", "head"). Calls are followed with
their arguments put in place of the parameters; branches and loops count once, in the order of the text.
"""

import re

OPERATION = re.compile(r"atomic_(thread_fence|load|store|fetch_add)(?:_explicit)?\Z")
WHAT = {"thread_fence": "fence", "load": "load", "store": "store", "fetch_add": "add"}
FUNCTION = re.compile(r"^[a-zA-Z][^;{}#]*?\b(\w+)\(([^;{}()]*)\)\n\{\n(.*?)\n\}", re.M | re.S)
CALL = re.compile(r"\b([a-zA-Z_]\w*)\(")
# By the name of what is loaded or stored; whatever else of a segment changes lies in a slot.
PLACES = {"head": r"->head\b|HEAD_OFFSET|\Ahead\Z", "wake": r"->wake\b|segment_wake\b", "epoch": r"broker_epoch",
          "lock": r"\Alk\Z", "current": r"\btb->current\b", "handle": r"\btb->"}


def _without_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def functions(text):
    """{name: (parameters, body)} of a C file."""
    found = {}
    for name, parameters, body in FUNCTION.findall(_without_comments(text)):
        names = [re.search(r"(\w+)\s*(?:\[[^]]*\])?\Z", parameter.strip()) for parameter in parameters.split(",")]
        found[name] = ([match[1] for match in names if match], body)
    return found


def _arguments(text, start):
    """The texts between the commas of a call whose bracket opens before start, and where it ends."""
    depth, parts, begin = 1, [], start
    for at in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0 or (depth == 1 and text[at] == ","):
            parts.append(text[begin:at].strip())
            begin = at + 1
        if depth == 0:
            return parts, at
    raise ValueError(f"a call without an end: {text[start:start + 60]}")


def place(argument):
    return next((place for place, pattern in PLACES.items() if re.search(pattern, argument)), "slot")


def _operation(what, arguments):
    order = re.sub(r"^memory_order_", "", arguments[-1])
    return (WHAT[what], order, "" if what == "thread_fence" else place(arguments[0]))


def operations(text, known):
    """All of them in a piece of C, those of the known functions that it calls included."""
    found, at = [], 0
    while True:
        call = CALL.search(text, at)
        if call is None:
            return found
        arguments, end = _arguments(text, call.end())
        for argument in arguments:
            found += operations(argument, known)
        operation = OPERATION.match(call[1])
        if operation:
            found.append(_operation(operation[1], arguments))
        elif call[1] in known:
            found += operations(_with_arguments(*known[call[1]], arguments), known)
        at = end


def _with_arguments(parameters, body, arguments):
    for parameter, argument in zip(parameters, arguments):
        body = re.sub(rf"(?<!->)(?<!\.)\b{parameter}\b", lambda _, text=argument: f"{text}", body)
    return body


def squeezed(found):
    """Equal neighbours are one: how many words a slot has, and in which order they come, is no matter."""
    return [operation for i, operation in enumerate(found) if i == 0 or operation != found[i - 1]]


def of_function(known, name):
    return squeezed(operations(known[name][1], known))


def of_litmus(text):
    """{"P0": operations, ...} of a litmus file in C."""
    bodies = re.findall(r"^(P\d) \([^)]*\) \{\n(.*?)^\}", text, re.M | re.S)
    return {name: squeezed(operations(body, {})) for name, body in bodies}


def publishes(found):
    """The operations of a writer, cut after each store of head."""
    parts = [[]]
    for operation in found:
        parts[-1].append(operation)
        if operation[0] == "store" and operation[2] == "head":
            parts.append([])
    return [part for part in parts if part]
