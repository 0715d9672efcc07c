# Measures; run by people, not by "make check".

EXTRA_DIST += tests/bench/README.md tests/bench/announce.py tests/bench/run
