"""What track has in hand or should have by now, beside its queues: what ``postbode drain`` waits for."""

from __future__ import annotations

LEFT = """
SELECT 'notices' AS what, count(*) FILTER (WHERE now) AS now, count(*) FILTER (WHERE NOT now) AS later
  FROM (SELECT n.told_in IS NOT NULL
               AND (n.due_at <= now() OR EXISTS (SELECT FROM notice_attempt a WHERE a.notice_id = n.notice_id
                                                   AND a.attempt = n.attempts AND a.ended_at IS NULL)) AS now
          FROM notice n WHERE n.state = 'due') AS notices
UNION ALL
SELECT 'links', count(*) FILTER (WHERE due_at <= now()), count(*) FILTER (WHERE due_at > now())
  FROM link_mail WHERE state = 'due'
"""
"""By what, how many mails are to be finished now and how many are for later: tried again, or waiting for company."""
