# SPDX-License-Identifier: Apache-2.0
"""schema_test.py PROGRAM SCHEMAS SCENARIO...: the published schema is the program's, and takes the scenarios.
The second half needs Python's jsonschema; without it the test ends with 77, "not run"."""
import json
import subprocess
import sys
from pathlib import Path

NOT_RUN = 77


def main(program, schemas, *scenarios):
    printed = subprocess.run([program, "run", "--schema"], capture_output=True, text=True, timeout=60, check=True).stdout
    published = (Path(schemas) / "scenario.schema.json").read_text(encoding="utf-8")
    if printed != published:
        print("docs/schemas/scenario.schema.json is not what `aperture run --schema` prints")
        return 1
    try:
        import jsonschema
    except ImportError:
        print("Python's jsonschema is not installed")
        return NOT_RUN
    schema = json.loads(published)
    trace = json.loads((Path(schemas) / "trace.schema.json").read_text(encoding="utf-8"))
    # One document, so that no library needs to find the other one.
    schema["$defs"]["straps"] = trace["oneOf"][0]["properties"]["straps"]
    schema["$defs"]["straps"]["$defs"] = {}
    schema["properties"]["card"]["properties"]["straps"] = {"$ref": "#/$defs/straps"}
    validator = jsonschema.Draft202012Validator(schema)
    wrong = 0
    for scenario in scenarios:
        for error in validator.iter_errors(json.loads(Path(scenario).read_text(encoding="utf-8"))):
            wrong += 1
            print(f"{scenario}: /{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}")
    # A schema that takes everything would be none.
    for steps in ([{"step": "freeze", "ioas": "a", "colour": 1}], [{"step": "destroy"}], [{"step": "nop"}],
                  [{"step": "ranges", "ioas": "a", "capacity": -1}], [{"step": "freeze", "ioas": "a", "expect": {"iova": 1}}]):
        if validator.is_valid({"steps": steps}):
            wrong += 1
            print(f"taken, and should not be: {steps}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
