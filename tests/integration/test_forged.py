#!/usr/bin/python3
"""Rows that somebody wrote into the SQLite file issue nothing (PK-205)."""

import forgeries
from harness import Site, run


class OpenSite(Site):
    """The file has one owner, so whoever is one role may write all rows."""

    is_pgsql = False

    def forge(self, sql):
        with self.connection() as db:
            db.execute(sql)
        return True


run({}, *forgeries.all_of(may_write=True), kind=OpenSite)
