"""Reads calendars with two readers that are not ours, fails where either finds fault, and prints the events as JSON.

The files are named as arguments; the events of each are a list of the printed list.
"""

import json
import sys
import warnings

import icalendar
import vobject


def text(event, name):
    return str(event[name]) if name in event else None


def event(found):
    instant = lambda name: found[name].dt.isoformat()
    return {
        "uid": text(found, "UID"),
        "starts_at": instant("DTSTART"),
        "ends_at": instant("DTEND"),
        "stamp": instant("DTSTAMP"),
        "modified": instant("LAST-MODIFIED"),
        "title": text(found, "SUMMARY"),
        "place": text(found, "LOCATION"),
        "description": text(found, "DESCRIPTION"),
        "url": text(found, "URL"),
        "parent": text(found, "RELATED-TO"),
        "status": text(found, "STATUS"),
        "sequence": found["SEQUENCE"],
        "categories": [str(one) for one in found["CATEGORIES"].cats] if "CATEGORIES" in found else [],
    }


def read(data):
    calendar = icalendar.Calendar.from_ical(data)
    for component in calendar.walk():
        assert not component.errors, component.errors
    events = [event(found) for found in calendar.walk("VEVENT")]
    other = vobject.readOne(data.decode())
    assert other.validate(raiseException=True)
    titles = [found.summary.value for found in other.contents.get("vevent", [])]
    assert titles == [found["title"] for found in events], "the readers differ"
    return events


warnings.simplefilter("error", SyntaxWarning)
print(json.dumps([read(open(path, "rb").read()) for path in sys.argv[1:]]))
