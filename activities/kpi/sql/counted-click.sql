-- The clicks of a day that its figures count: all but those that are in quarantine or were dropped. Reads day_click, unfit,
-- known_record. Portable.
SELECT c.event_ms, c.session_id, c.user_id, c.event_type, c.item_id, c.is_flagged
  FROM day_click c
 WHERE NOT EXISTS (
         SELECT 1 FROM known_record k
          WHERE k.kind = 'click' AND k.is_released = 0 AND k.kafka_partition = c.kafka_partition
            AND k.kafka_offset = c.kafka_offset AND k.event_ms = c.event_ms AND k.session_id = c.session_id)
   AND NOT EXISTS (
         SELECT 1 FROM unfit u
          WHERE u.kind = 'click' AND u.kafka_partition = c.kafka_partition AND u.kafka_offset = c.kafka_offset
            AND u.event_ms = c.event_ms AND u.session_id = c.session_id)
