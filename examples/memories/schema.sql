create table "WorldMMSegment" (
    id text primary key,
    user_id text not null,
    source_session_id text check (source_session_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    source_window_index integer check (source_window_index between 0 and 999),
    duration_seconds double precision not null default 30 check (duration_seconds > 0),
    processing_status text check (processing_status in ('pending', 'complete', 'failed')),
    s3_frames_key text,
    -- The key of an object names session and window, and no user: a pair has one owner.
    unique (source_session_id, source_window_index)
);
create index on "WorldMMSegment" (user_id, source_session_id);

create table "VideoJob" (
    segment_id text primary key references "WorldMMSegment" on delete cascade,
    video_key text not null unique,
    status text not null default 'pending' check (status in ('pending', 'complete', 'failed')),
    changed_at timestamptz not null default now()
);
