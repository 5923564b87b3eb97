# SPDX-License-Identifier: Apache-2.0
"""The traces against the schema of a line: schema_test.py SCHEMA TRACE... Ends with 77, "not run", without Python's jsonschema."""
import json
import sys

NOT_RUN = 77


def main(schema, *traces):
    try:
        import jsonschema
    except ImportError:
        print("Python's jsonschema is not installed")
        return NOT_RUN
    validator = jsonschema.Draft202012Validator(json.loads(open(schema, encoding="utf-8").read()))
    wrong = 0
    for trace in traces:
        with open(trace, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                for error in validator.iter_errors(json.loads(line)):
                    wrong += 1
                    print(f"{trace}:{number}: {error.message}")
    # A schema that takes everything would be none.
    for line in ({"op": "settle", "colour": 1}, {"op": "translate", "device_id": 1, "iova": 0, "data": "00"}, {"op": "advance", "cycles": -1}):
        if validator.is_valid(line):
            wrong += 1
            print(f"taken, and should not be: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
