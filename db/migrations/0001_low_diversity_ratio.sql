-- A rule to try: it decides nothing until somebody puts it in force (guardian rules set LOW_DIVERSITY_RATIO).
INSERT INTO rules (rule_id, version, kind, state, parameters) VALUES
  ('LOW_DIVERSITY_RATIO', 1, 'LOW_DIVERSITY_RATIO', 'draft',
   '{"windowMs": 300000, "slideMs": 60000, "minEvents": 200, "maxDistinctRatio": 0.05}')
ON CONFLICT (rule_id, version) DO NOTHING;
