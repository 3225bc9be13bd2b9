"""The memories in PostgreSQL.  The query names the user: another user's row is not found."""

import os
from functools import partial

import psycopg
from psycopg.rows import namedtuple_row

URL = os.environ["DATABASE_URL"]
LIMITS = {"connect_timeout": 3, "tcp_user_timeout": 6000, "options": "-c statement_timeout=5000"}
database = partial(psycopg.connect, URL, row_factory=namedtuple_row, **LIMITS)
FIND = """
    select id, duration_seconds, coalesce(processing_status, 'pending') as processing_status,
           'sessions/' || source_session_id || '/window_'  -- null where one of the two is
               || lpad(source_window_index::text, 3, '0') || '/audio.wav' as audio_key,
           regexp_replace(s3_frames_key, '/[^/]*$', '') as frames_dir
    from "WorldMMSegment"
    where user_id = %(user)s and (source_session_id = %(memory)s or id = %(memory)s)
      and (s3_frames_key is not null or not %(visual)s)
    order by source_session_id is distinct from %(memory)s, source_window_index limit 1
"""


def find(user_id: str, memory_id: str, *, visual: bool = False) -> tuple | None:
    """The user's row of this session, else of this id, or None; with frames if `visual`."""
    words = {"user": user_id, "memory": memory_id, "visual": visual}
    with database() as connection:
        return connection.execute(FIND, words).fetchone()
