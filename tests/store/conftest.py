"""Real databases: a SQLite file, and a PostgreSQL server of our own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from dikast.store import Store


def _postgres_tools() -> Path:
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    if found:
        places.append(Path(found).resolve().parent)
    for place in places:
        if (place / "initdb").exists():
            return place
    pytest.fail("PostgreSQL is needed for these tests; `make test` installs it (Debian: apt-get install postgresql)")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server on a socket in a folder of its own."""
    tools = _postgres_tools()
    folder = Path(tempfile.mkdtemp(prefix="dikast-postgres-"))
    user: list[str] = []
    name = pwd.getpwuid(os.getuid()).pw_name
    if os.getuid() == 0:  # the server refuses to run as root
        name = "postgres"
        shutil.chown(folder, name, name)
        user = ["runuser", "-u", name, "--"]
    data = folder / "data"

    def do(*command: str) -> None:
        subprocess.run([*user, *command], check=True, capture_output=True, cwd=folder, stdin=subprocess.DEVNULL)

    do(str(tools / "initdb"), "-D", str(data), "-U", "dikast", "--auth=trust", "--no-sync", "-E", "UTF8")
    options = f"-k {folder} -c listen_addresses= -c fsync=off"
    do(str(tools / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql://dikast@/postgres?host={folder}"
    finally:
        do(str(tools / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store's place, in each kind of database."""
    if request.param == "sqlite":
        return str(tmp_path / "folder" / "store.db")
    url: str = request.getfixturevalue("postgres_url")
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()
    return url


@pytest.fixture
def store(location: str) -> Iterator[Store]:
    """An open, empty store."""
    with Store.open(location) as opened:
        yield opened
