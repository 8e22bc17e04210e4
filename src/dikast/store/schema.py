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

# Interactions kept under a name, to be labelled. `hash` is NULL while one is still being written.
datasets = sa.Table(
    "datasets",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("name", sa.String(200), nullable=False, unique=True),
    sa.Column("hash", sa.LargeBinary(32)),
    sa.Column("n", _Id, nullable=False),
    sa.Column("sources", sa.LargeBinary, nullable=False),
    sa.Column("kept_at", sa.String(32), nullable=False),
    sa.Column("shares", sa.LargeBinary),  # of the split, as JSON; NULL until one is made
    sa.Column("design", sa.LargeBinary),  # how it was sampled, as JSON; NULL where it wasn't
)

# content: SHA-256 of what a judge may see. unit: what shares input and context (see interactions/units.py).
dataset_items = sa.Table(
    "dataset_items",
    metadata,
    sa.Column("dataset", _Id, sa.ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", _Id, primary_key=True),
    sa.Column("interaction_id", sa.LargeBinary, nullable=False),
    sa.Column("interaction", sa.LargeBinary(32), nullable=False),
    sa.Column("content", sa.LargeBinary(32), nullable=False),
    sa.Column("unit", sa.LargeBinary(32), nullable=False),
    sa.Index("dataset_items_by_id", "dataset", "interaction_id", unique=True),
    sa.Index("dataset_items_by_unit", "dataset", "unit"),
)

# Every revision of every label. Rows are never changed, but for a draft, which the next draft replaces.
# annotator and criterion are empty where the label names none. undoes: the row that this one takes back.
labels = sa.Table(
    "labels",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("dataset", _Id, sa.ForeignKey("datasets.id", ondelete="CASCADE"), nullable=False),
    sa.Column("interaction_id", sa.LargeBinary, nullable=False),
    sa.Column("annotator", sa.LargeBinary, nullable=False),
    sa.Column("criterion", sa.LargeBinary, nullable=False),
    sa.Column("revision", _Id, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("verdict", sa.String(8)),
    sa.Column("content", sa.LargeBinary(32), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("drawn", sa.LargeBinary),
    sa.Column("blind", sa.Boolean),
    sa.Column("undoes", _Id),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("check", sa.LargeBinary(8), nullable=False),
    sa.Index("labels_by_revision", "dataset", "interaction_id", "annotator", "criterion", "revision", unique=True),
    sa.Index("labels_by_annotator", "dataset", "annotator", "id"),
    sa.Index("labels_by_undone", "undoes"),
)

# Where each label stands: its newest row, and the newest that is no draft.
label_heads = sa.Table(
    "label_heads",
    metadata,
    sa.Column("dataset", _Id, sa.ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("interaction_id", sa.LargeBinary, primary_key=True),
    sa.Column("annotator", sa.LargeBinary, primary_key=True),
    sa.Column("criterion", sa.LargeBinary, primary_key=True),
    sa.Column("newest", _Id, nullable=False),
    sa.Column("standing", _Id),
)

# Which part of a dataset a unit of it belongs to: "pool", "dev", "test" or "aside".
splits = sa.Table(
    "splits",
    metadata,
    sa.Column("dataset", _Id, sa.ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("unit", sa.LargeBinary(32), primary_key=True),
    sa.Column("part", sa.String(16), nullable=False),
)

# Each time a judge was measured on the sealed test.
test_openings = sa.Table(
    "test_openings",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("dataset", _Id, sa.ForeignKey("datasets.id", ondelete="CASCADE"), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("judge_name", sa.LargeBinary, nullable=False),
    sa.Column("judge_version", sa.LargeBinary, nullable=False),
    sa.Column("n", _Id, nullable=False),
    sa.Column("why", sa.LargeBinary, nullable=False),
    sa.Index("test_openings_by_dataset", "dataset"),
)

# Maps from how sure a judge says it is to how often it is right; the newest of a judge's version and model counts.
calibrations = sa.Table(
    "calibrations",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("judge_version", sa.LargeBinary, nullable=False),
    sa.Column("model", sa.LargeBinary, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index("calibrations_by_judge", "judge_version", "model"),
)

# Texts as vectors: 32-bit floats, little end first. embedder: SHA-256 of its fingerprint; content: of the text.
embeddings = sa.Table(
    "embeddings",
    metadata,
    sa.Column("embedder", sa.LargeBinary(32), primary_key=True),
    sa.Column("content", sa.LargeBinary(32), primary_key=True),
    sa.Column("vector", sa.LargeBinary, nullable=False),
)

# How far each live source was imported, by SHA-256 of its address, its filters and the dataset that it feeds.
sources = sa.Table(
    "sources",
    metadata,
    sa.Column("key", sa.LargeBinary(32), primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

# Every score that a platform took. target: SHA-256 of the platform's address; digest: of what was sent.
pushes = sa.Table(
    "pushes",
    metadata,
    sa.Column("target", sa.LargeBinary(32), primary_key=True),
    sa.Column("score", sa.String(64), primary_key=True),
    sa.Column("digest", sa.LargeBinary(32), nullable=False),
    sa.Column("run", sa.LargeBinary, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)

# What is watched, and by which judge.
watches = sa.Table(
    "watches",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("name", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

# Every item that a watch has seen, by SHA-256 of its id. position: its place in the run; none where it was not drawn.
watch_items = sa.Table(
    "watch_items",
    metadata,
    sa.Column("watch", _Id, sa.ForeignKey("watches.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("item", sa.LargeBinary(32), primary_key=True),
    sa.Column("content", sa.LargeBinary(32), nullable=False),
    sa.Column("round", _Id, nullable=False),
    sa.Column("position", _Id),
    sa.Column("interaction", sa.LargeBinary(32)),
    sa.Index("watch_items_by_position", "watch", "position", unique=True),
)

watch_rounds = sa.Table(
    "watch_rounds",
    metadata,
    sa.Column("watch", _Id, sa.ForeignKey("watches.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", _Id, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

# Each time that labelled interactions were judged again. series: the watch or the runs that they stand beside.
anchor_rounds = sa.Table(
    "anchor_rounds",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("series", sa.LargeBinary, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

# Every change that was told, once.
drift_alerts = sa.Table(
    "drift_alerts",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("series", sa.LargeBinary, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
