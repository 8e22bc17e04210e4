"""Maps of confidence, kept by the judge's version and the model: for any other, a map says nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa

from dikast.agreement.calibrated import ConfidenceMap
from dikast.records import JudgeRef
from dikast.store.database import mapped_errors
from dikast.store.schema import calibrations

_to_json = msgspec.json.Encoder()


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """A map and where it comes from: the run and the kept dataset, on how many labels, when, and why it holds.

    model: as `runs.calibration_key` names it. map: None where one was kept before and no longer holds: none is applied.
    """

    judge: JudgeRef
    model: str
    map: ConfidenceMap | None
    run: str
    dataset: str
    n: int
    why: str
    at: str = ""


_from_json = msgspec.json.Decoder(Calibration)


def keep_calibration(engine: sa.Engine, calibration: Calibration) -> None:
    """Add a map; the newest of a judge's version and model counts, and those before it stay."""
    at = calibration.at or datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    with mapped_errors(engine.url.render_as_string(hide_password=True)), engine.begin() as connection:
        connection.execute(
            calibrations.insert().values(
                judge_version=calibration.judge.version.encode(),
                model=calibration.model.encode(),
                body=_to_json.encode(msgspec.structs.replace(calibration, at=at)),
            )
        )


def find_calibration(engine: sa.Engine, judge_version: str, model: str) -> Calibration | None:
    """The newest map of this version on this model, or None."""
    query = (
        sa.select(calibrations.c.body)
        .where(calibrations.c.judge_version == judge_version.encode(), calibrations.c.model == model.encode())
        .order_by(calibrations.c.id.desc())
        .limit(1)
    )
    where = engine.url.render_as_string(hide_password=True)
    with mapped_errors(where), engine.execution_options(reading=True).connect() as connection:
        body = connection.execute(query).scalar()
    return None if body is None else _from_json.decode(bytes(body))


def list_calibrations(engine: sa.Engine) -> list[Calibration]:
    """Every map that was kept, newest first."""
    where = engine.url.render_as_string(hide_password=True)
    with mapped_errors(where), engine.execution_options(reading=True).connect() as connection:
        bodies = connection.execute(sa.select(calibrations.c.body).order_by(calibrations.c.id.desc())).scalars().all()
    return [_from_json.decode(bytes(body)) for body in bodies]
