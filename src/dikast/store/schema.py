"""The tables as they are after the last migration.

Bodies are UTF-8 JSON kept as bytes: PostgreSQL's text types refuse NUL, and judged text may hold any character. Keys
and hashes are raw SHA-256 digests.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite numbers rows by itself only under INTEGER

migrations = sa.Table(
    "migrations",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("applied_at", sa.String(32), nullable=False),
)

# Every reply of every model, raw. Only usable ones are given back; the others are kept because nothing answered is
# thrown away.
answers = sa.Table(
    "answers",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("key", sa.LargeBinary(32), nullable=False, index=True),
    sa.Column("usable", sa.Boolean, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("check", sa.LargeBinary(8), nullable=False),
)

# Who is asking for what right now, so that two processes never ask the same thing twice.
claims = sa.Table(
    "claims",
    metadata,
    sa.Column("key", sa.LargeBinary(32), primary_key=True),
    sa.Column("owner", sa.String(16), nullable=False, index=True),
)

owners = sa.Table(
    "owners",
    metadata,
    sa.Column("owner", sa.String(16), primary_key=True),
    sa.Column("host", sa.String(255), nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("process_started", sa.Float, nullable=False),
    sa.Column("seen_at", sa.Float, nullable=False),
)

interactions = sa.Table(
    "interactions",
    metadata,
    sa.Column("hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("name", sa.String(200), nullable=False, unique=True),
    sa.Column("key", sa.LargeBinary(32), nullable=False, index=True),
    sa.Column("owner", sa.String(16)),
    sa.Column("finished", sa.Boolean, nullable=False),
    sa.Column("out", sa.String(4096)),
    sa.Column("info", sa.LargeBinary, nullable=False),
)

verdicts = sa.Table(
    "verdicts",
    metadata,
    sa.Column("run", _Id, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", _Id, primary_key=True),
    sa.Column("interaction_id", sa.LargeBinary, nullable=False),
    sa.Column("interaction", sa.LargeBinary(32), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index("verdicts_by_interaction", "run", "interaction_id"),
)

# What was found out about endpoints, by server, version and model digest.
probes = sa.Table(
    "probes",
    metadata,
    sa.Column("name", sa.String(512), primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
