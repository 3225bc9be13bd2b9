"""The memories in PostgreSQL.  Each query names its user, so another user's row is not found."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager, suppress
from functools import cache
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakSet

from psycopg import Error as PostgreSQLError
from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    Engine,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    and_,
    case,
    create_engine,
    event,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import InterfaceError, OperationalError

from authz_lib.smithy import errors as smithy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

SESSION_ID = "^[A-Za-z0-9_-]{1,64}$"
# Asking takes 14 s at most, the event waits 60 s, and the encoder lives 240 s.
LOST_AFTER_SECONDS = 330
# More than the 5 s of a statement.  Twice that and a new connection stay far below 29 s.
SILENCE_SECONDS = 6
open_connections: WeakSet[Any] = WeakSet()

metadata = MetaData()
segments = Table(
    "segments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False, index=True),
    Column("source_session_id", Text, nullable=False),
    Column("source_window_index", Integer, nullable=False),
    Column("duration_seconds", Float, nullable=False),
    Column("processing_status", Text, nullable=False),
    # An object's key names session and window, and no user: that is safe only because the pair has
    # one owner.
    UniqueConstraint("source_session_id", "source_window_index"),
    CheckConstraint(f"source_session_id ~ '{SESSION_ID}'"),
    CheckConstraint("source_window_index between 0 and 999"),
    CheckConstraint("duration_seconds > 0"),
    CheckConstraint("processing_status in ('pending', 'complete', 'failed')"),
)
videos = Table(
    "videos",
    metadata,
    Column("segment_id", ForeignKey(segments.c.id), primary_key=True),
    Column(
        "status",
        Text,
        CheckConstraint("status in ('encoding', 'complete', 'failed')"),
        nullable=False,
    ),
    Column("frame_count", Integer, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    # When an encoder took this start; null until then.
    Column("picked_at", DateTime(timezone=True)),
)


class Segment(NamedTuple):
    """A stretch of a session: one row, and the objects below its key."""

    id: str
    user_id: str
    source_session_id: str
    source_window_index: int
    duration_seconds: float
    processing_status: str

    @property
    def key(self) -> str:
        """Where the objects of this segment are."""
        return f"sessions/{self.source_session_id}/window_{self.source_window_index:03d}"


class Video(NamedTuple):
    """The job that makes the video of a segment; `started_at` tells one start from the next."""

    status: str
    frame_count: int
    started_at: datetime


@cache
def engine() -> Engine:
    """One connection per Lambda; everything ends well before the gateway's 29 seconds do."""
    made = create_engine(
        os.environ["DATABASE_URL"],
        pool_size=1,
        max_overflow=0,
        pool_pre_ping=True,  # a frozen Lambda wakes up with a dead connection
        connect_args={"connect_timeout": 3, "options": "-c statement_timeout=5000"},
    )
    # First of the listeners: SQLAlchemy's own already ask the server.
    event.listen(
        made, "connect", lambda connection, _: open_connections.add(connection), insert=True
    )
    return made


@contextmanager
def transaction() -> Iterator[Connection]:
    """A transaction; a database that does not answer is a 503, never "not found"."""
    try:
        with silence_ends(), engine().begin() as connection:
            yield connection
    except (InterfaceError, OperationalError):
        raise smithy.service_unavailable(standard_code="DATABASE_UNAVAILABLE") from None


@contextmanager
def silence_ends() -> Iterator[None]:
    """Hang up on a server that sends nothing, which no setting of libpq does.

    Twice where it was the ping of an old connection that was not answered, and then the question on
    a new one.
    """
    answered = Event()

    def watch() -> None:
        while not answered.wait(SILENCE_SECONDS):
            for connection in list(open_connections):
                with (
                    suppress(OSError, PostgreSQLError),
                    socket.socket(fileno=os.dup(connection.fileno())) as line,
                ):
                    line.shutdown(socket.SHUT_RDWR)

    Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        answered.set()


def of_caller(user_id: str, **wanted: str | int) -> Segment | None:
    """The caller's segment with these values; the first window where several match."""
    owned = [
        segments.c.user_id == user_id,
        *(segments.c[name] == value for name, value in wanted.items()),
    ]
    question = select(segments).where(*owned).order_by(segments.c.source_window_index).limit(1)
    with transaction() as connection:
        row = connection.execute(question).first()
    return None if row is None else Segment(*row)


def take_job(segment_id: str, started_at: datetime) -> Segment | None:
    """Take a start of a job, and its segment.  For the encoder only, which no caller can reach.

    Lambda may deliver an event late or twice: of any number of deliveries, even at once, one takes
    the start.  None for the others, and where it has ended or was followed by another.
    """
    untaken = (*_started(segment_id, started_at, "encoding"), videos.c.picked_at.is_(None))
    question = (
        update(videos)
        .where(videos.c.segment_id == segments.c.id, *untaken)
        .values(picked_at=func.now())
        .returning(*segments.c)
    )
    with transaction() as connection:
        row = connection.execute(question).first()
    return None if row is None else Segment(*row)


def video_of(segment: Segment) -> Video | None:
    """The video job of a segment; one whose encoder was lost has failed."""
    status = case((_lost(), "failed"), else_=videos.c.status)
    question = select(status, videos.c.frame_count, videos.c.started_at).where(
        videos.c.segment_id == segment.id
    )
    with transaction() as connection:
        row = connection.execute(question).first()
    return None if row is None else Video(*row)


def claim_video(segment: Segment, frame_count: int) -> datetime | None:
    """Claim the start of the encoder: its time for one of several callers, None for the others."""
    values = {
        "status": "encoding",
        "frame_count": frame_count,
        "started_at": func.now(),
        "picked_at": None,
    }
    question = (
        insert(videos)
        .values(segment_id=segment.id, **values)
        .on_conflict_do_update(
            index_elements=["segment_id"],
            set_=values,
            where=or_(videos.c.status == "failed", _lost()),
        )
        .returning(videos.c.started_at)
    )
    with transaction() as connection:
        return connection.execute(question).scalar()


def finish_video(
    segment_id: str, started_at: datetime, *, was: str = "encoding", **became: str | int
) -> None:
    """What became of this start of a job: its `status`, and the `frame_count` of what was made.

    Nothing happens where the job is no longer what it was, or was started again: the late word of
    one encoder does not undo what another has done.
    """
    with transaction() as connection:
        connection.execute(
            update(videos).where(*_started(segment_id, started_at, was)).values(**became)
        )


def give_up_video(segment_id: str, started_at: datetime) -> None:
    """Note that the job failed before it began, unless an encoder has taken it."""
    with transaction() as connection:
        connection.execute(
            update(videos)
            .where(*_started(segment_id, started_at, "encoding"), videos.c.picked_at.is_(None))
            .values(status="failed")
        )


def _started(segment_id: str, started_at: datetime, status: str) -> tuple[ColumnElement[bool], ...]:
    return (
        videos.c.segment_id == segment_id,
        videos.c.started_at == started_at,
        videos.c.status == status,
    )


def _lost() -> ColumnElement[bool]:
    return and_(
        videos.c.status == "encoding",
        videos.c.started_at < func.now() - text(f"interval '{LOST_AFTER_SECONDS} s'"),
    )
