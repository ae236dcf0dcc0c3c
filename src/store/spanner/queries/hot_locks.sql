-- Where transactions waited for locks longest, by the last complete minute.
SELECT CAST(s.ROW_RANGE_START_KEY AS STRING) AS RowRange, s.LOCK_WAIT_SECONDS AS Seconds,
    ARRAY_TO_STRING(ARRAY(SELECT DISTINCT r.lock_mode || ' ' || r.column || ' ' || r.transaction_tag
        FROM UNNEST(s.SAMPLE_LOCK_REQUESTS) r), ', ') AS Requests
FROM SPANNER_SYS.LOCK_STATS_TOP_MINUTE s
WHERE s.INTERVAL_END = (SELECT MAX(i.INTERVAL_END) FROM SPANNER_SYS.LOCK_STATS_TOP_MINUTE i)
ORDER BY s.LOCK_WAIT_SECONDS DESC
LIMIT @limit
