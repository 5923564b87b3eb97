# SPDX-License-Identifier: Apache-2.0
"""Struct types may be used as scalars only. Yosys 0.23 builds something else, without a word, from arrays of structs and from
functions that return one, so both are refused here, wherever the type was declared."""
import re

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
STRUCT = re.compile(r"\bstruct\s+packed\b(?:\s+(?:un)?signed\b)?\s*\{")
SCOPE = r"(?:\w+\s*::\s*)?"
DECLARATOR = re.compile(r"\s*(\w+)\s*([,=\[])")
TYPES = {"input", "output", "inout", "logic", "wire", "reg", "bit", "int", "byte", "integer"}


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def without_comments(text):
    """Same length and lines, so that places stay true."""
    return COMMENT.sub(blank, text)


def closing(text, position):
    """Index behind the brace that closes the one before `position`."""
    depth = 1
    while position < len(text) and depth:
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        position += 1
    return position


def struct_bodies(text):
    """(start, index behind the closing brace) of each packed struct, nested ones included."""
    return [(match.start(), closing(text, match.end())) for match in STRUCT.finditer(text)]


def struct_types(texts):
    """Names of all types that are a packed struct, by another name or not."""
    names = set()
    for text in texts:
        for start, end in struct_bodies(text):
            if re.search(r"\btypedef\s+$", text[:start][-20:]):
                match = re.match(r"\s*(\w+)\s*;", text[end:])
                if match:
                    names.add(match.group(1))
    grown = True
    while grown:
        grown = False
        for text in texts:
            for match in re.finditer(rf"\btypedef\s+{SCOPE}(\w+)\s+(\w+)\s*;", text):
                if match.group(1) in names and match.group(2) not in names:
                    names.add(match.group(2))
                    grown = True
    return names


def declares_array(text, position):
    """Whether the declaration whose type ends at `position` declares an array: `[3:0] x`, `x [0:3]`, `a, x [0:3]`."""
    if text[position:].lstrip().startswith("["):
        return True
    first = True
    while match := DECLARATOR.match(text, position):
        name, following = match.groups()
        if first and following == "[":
            return True  # whatever its name, what follows the type is declared here
        if name in TYPES or name.endswith(("_t", "_e")):
            return False  # a port list, and the next port begins here
        if following == "[":
            return True
        first = False
        position = match.end()
        if following == "=":
            position = end_of_value(text, position)
            if text[position:position + 1] != ",":
                return False
            position += 1
    return False


def end_of_value(text, position):
    """Index of the comma, semicolon or closing bracket that ends the initial value beginning at `position`."""
    depth = 0
    while position < len(text):
        character = text[position]
        if depth == 0 and character in ",;)":
            return position
        depth += (character in "([{") - (character in ")]}")
        position += 1
    return position


def misuses(text, types):
    """(position, what) of each forbidden use in a text without comments."""
    found = [(end, "array of structs") for _, end in struct_bodies(text) if declares_array(text, end)]
    if types:
        type_name = rf"(?<![\w:.$]){SCOPE}(?:{'|'.join(sorted(types))})\b"
        for match in re.finditer(type_name, text):
            if declares_array(text, match.end()):
                found.append((match.start(), "array of structs"))
        for match in re.finditer(rf"\bfunction\s+(?:automatic\s+|static\s+)?{type_name}", text):
            found.append((match.start(), "function that returns a struct"))
    return found


def problems(sources):
    """`sources`: {name: text}."""
    texts = {name: without_comments(text) for name, text in sources.items()}
    types = struct_types(texts.values())
    found = []
    for name, text in texts.items():
        for position, what in sorted(set(misuses(text, types))):
            line = text.count("\n", 0, position) + 1
            found.append(f"{name}:{line}: {what}: {' '.join(text[position:position + 60].split())}")
    return found
