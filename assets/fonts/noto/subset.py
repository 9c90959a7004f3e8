"""Makes the fonts of this folder from those of Debian's package fonts-noto-core (and prints the size of each):

    apt-get install fonts-noto-core && pip install fonttools && python subset.py /usr/share/fonts/truetype/noto

Hinting and Latin letters are taken out: printers need no hinting, and DejaVu Sans Condensed has the letters.
"""

import os
import sys

from fontTools import subset
from fontTools.ttLib import TTFont

SCRIPTS = (
    "Adlam Arabic Armenian Bengali CanadianAboriginal Cherokee Devanagari Ethiopic Georgian Gujarati Gurmukhi Hebrew "
    "Kannada Khmer Lao Malayalam MeeteiMayek Myanmar OlChiki Oriya Sinhala Tamil Telugu Thaana Thai"
).split()
# Space, apostrophe, hyphen, full stop; grapheme joiner, joiners, apostrophe, dotted circle.
COMMON = {0x20, 0x27, 0x2D, 0x2E, 0xA0, 0x34F, 0x200C, 0x200D, 0x2019, 0x25CC}


def is_kept(code_point):
    is_latin_or_symbol = code_point < 0x530 or 0x1E00 <= code_point < 0x2C00
    return code_point in COMMON or not is_latin_or_symbol


for script in SCRIPTS:
    font = TTFont(os.path.join(sys.argv[1], f"NotoSans{script}-Bold.ttf"))
    options = subset.Options(hinting=False, layout_features=["*"], name_IDs=[0, 1, 2, 3, 4, 5, 6, 13, 14])
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=filter(is_kept, font.getBestCmap()))
    subsetter.subset(font)
    target = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"NotoSans{script}-Bold.ttf")
    font.save(target)
    print(os.path.getsize(target), os.path.basename(target))
