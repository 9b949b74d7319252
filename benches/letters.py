#!/usr/bin/env python3
"""Makes `src/redact/letters.txt`: how much likelier each letter is in words behind two others than by chance.

    benches/letters.py FOLDER... > src/redact/letters.txt

Words of English and of programs are counted in the source and the documents below the folders, by the number of files
that have them; words of other languages in the catalogues of translations (`*.mo`) there. The table that is kept was made
of the sources of this program's dependencies, Python's standard library, `/usr/share` and `/usr/lib` of a Debian.

A row is of two letters before, a column of the letter behind: `.` is the border of a word, and of rows and columns the
first. What stands there is the binary logarithm of the ratio plus seven, between 0 and 10, in hexadecimal digits.
"""

import collections
import gettext
import math
import os
import re
import sys
import unicodedata

LETTERS = ".abcdefghijklmnopqrstuvwxyz"
SOURCES = (".rs", ".py", ".md", ".txt", ".toml", ".html", ".c", ".h", ".js", ".pm", ".json", ".yml", ".rst", "copyright")
# The largest file that is read: larger ones are tables.
LARGEST = 2_000_000
# In how many files a word has to be, so that it is no letters of a key or a digest: of programs, and of a language.
LEAST, LEAST_OF_LANGUAGE = 8, 3
# What a word of another language counts, beside the logarithm of the number of files for others.
WEIGHT = 0.5
PLAIN = str.maketrans({"ß": "ss", "ł": "l", "ø": "o", "æ": "ae", "đ": "d", "ı": "i"})


def words_of_source(text):
    pieces = (run for run in re.findall(r"[A-Za-z0-9_+/=-]+", text) if len(run) <= 60)
    words = (word for run in pieces for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", run))
    return {word.lower() for word in words if 3 <= len(word) <= 20}


def words_of_catalogue(path):
    """The words of translations, without accents."""
    with open(path, "rb") as file:
        catalogue = gettext.GNUTranslations(file)
    words = set()
    for text in catalogue._catalog.values():
        for word in re.findall(r"[^\W\d_]{3,20}", text if isinstance(text, str) else ""):
            parts = unicodedata.normalize("NFD", word.lower())
            words.add("".join(letter for letter in parts if not unicodedata.combining(letter)).translate(PLAIN))
    return {word for word in words if word.isascii() and word.isalpha()}


def counted(folders):
    """The words of the sources, and of each language, with the number of files that have them."""
    words, languages = collections.Counter(), collections.defaultdict(collections.Counter)
    for path in sorted(f"{place}/{name}" for folder in folders for place, _, names in os.walk(folder) for name in names):
        if os.path.islink(path) or not os.path.isfile(path):
            continue
        language = re.search(r"/([a-z]{2,3})(?:[_@.][^/]*)?/LC_MESSAGES/.*\.mo$", path)
        if language:
            try:
                languages[language[1]].update(words_of_catalogue(path))
            except (OSError, ValueError, IndexError) as fault:
                print(f"{path}: {fault}", file=sys.stderr)
        elif path.endswith(SOURCES) and os.path.getsize(path) <= LARGEST:
            with open(path, encoding="utf-8", errors="ignore") as file:
                words.update(words_of_source(file.read()))
    return words, languages


def main():
    words, languages = counted(sys.argv[1:])
    weights = {word: math.log2(1 + count) for word, count in words.items() if count >= LEAST}
    for language in languages.values():
        for word in (word for word, count in language.items() if count >= LEAST_OF_LANGUAGE):
            weights.setdefault(word, WEIGHT)
    counts, totals = collections.Counter(), collections.Counter()
    for word in sorted(weights):
        bordered = f"..{word}."
        for at in range(len(word) + 1):
            counts[bordered[at : at + 3]] += weights[word]
            totals[bordered[at : at + 2]] += weights[word]
    for one in LETTERS:
        for other in LETTERS:
            share = lambda letter: (counts[one + other + letter] + 0.3) / (totals[one + other] + 0.3 * 27)
            digit = lambda letter: 7 + max(-7, min(3, round(math.log2(share(letter) * 27))))
            print("".join(f"{digit(letter):x}" for letter in LETTERS))


if __name__ == "__main__":
    main()
