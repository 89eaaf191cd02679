"""What deliver has in hand or should have by now, beside its queues: what ``postbode drain`` waits for."""

from __future__ import annotations

LEFT = """
SELECT 'attempts' AS what, count(*) AS now, 0 AS later FROM delivery WHERE state = 'attempting' AND channel <> 'pull'
UNION ALL
SELECT 'sales', count(*) FILTER (WHERE state = 'attempting' OR due_at <= now() AND NOT held),
       count(*) FILTER (WHERE state = 'queued' AND (due_at > now() OR held))
  FROM (SELECT s.state, s.due_at, EXISTS (SELECT FROM pause p WHERE coalesce(p.channel, 'exact_online') = 'exact_online'
                                             AND coalesce(p.account_id, s.account_id) = s.account_id) AS held
          FROM exact_sale s WHERE s.state IN ('attempting', 'queued')) AS own
UNION ALL
SELECT 'deliveries', count(*) FILTER (WHERE due_at <= now() AND NOT held), count(*) FILTER (WHERE due_at > now() OR held)
  FROM (SELECT d.due_at, d.stopped OR EXISTS (SELECT FROM pause p WHERE coalesce(p.channel, d.channel) = d.channel
                                               AND coalesce(p.account_id, d.account_id) = d.account_id) AS held
          FROM delivery d WHERE d.state = 'queued' AND d.channel <> 'pull') AS queued
"""
"""By what, how many are to be finished now and how many are for later: tried again, or held back. What receivers fetch
themselves is in their hands."""
