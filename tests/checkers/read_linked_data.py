"""Reads linked data as a search engine does, off a page in whose script element it stands, and prints what it says.

Fails where not everything is known to be there, and where the page holds more or less than one thing.
"""

import json
import sys

import extruct

document = open(sys.argv[1], encoding="utf-8").read()
page = f'<!doctype html><title>x</title><script type="application/ld+json">{document}</script><p>end</p>'
found = extruct.extract(page, base_url="https://example.org/", syntaxes=["json-ld"], errors="strict")["json-ld"]
assert len(found) == 1, f"{len(found)} things on the page"
print(json.dumps(found[0]))
