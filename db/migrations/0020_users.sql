-- Whom keys belong to. A key of before gets an owner: those of the environment the first admin, others a service of
-- their name and role, so that a key and what it was rotated from have the same. The reference may stay empty: a process
-- of the release before still makes keys without an owner, and they go on working by their own role.

CREATE TABLE api_users (
  user_id text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('person', 'service')),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  email text CHECK (length(email) BETWEEN 3 AND 254),
  role text NOT NULL CHECK (role IN ('collector', 'viewer', 'analyst', 'operator', 'admin')),
  created_ts timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  disabled_ts timestamptz,
  PRIMARY KEY (user_id)
);
--> statement-breakpoint
CREATE UNIQUE INDEX api_users_email ON api_users (lower(email));
--> statement-breakpoint
CREATE INDEX api_users_created ON api_users (created_ts, user_id);
--> statement-breakpoint
ALTER TABLE api_keys ADD COLUMN user_id text REFERENCES api_users (user_id);
--> statement-breakpoint
INSERT INTO api_users (user_id, kind, name, role, created_ts, created_by)
SELECT 'user_0000000000000000', 'person', 'first admin', 'admin', min(k.created_ts), 'system'
  FROM api_keys k WHERE k.created_by = 'system' HAVING count(*) > 0;
--> statement-breakpoint
UPDATE api_keys SET user_id = 'user_0000000000000000' WHERE created_by = 'system';
--> statement-breakpoint
INSERT INTO api_users (user_id, kind, name, role, created_ts, created_by)
SELECT 'user_' || left(md5(k.role || ' ' || k.name), 16), 'service', k.name, k.role, min(k.created_ts), 'system'
  FROM api_keys k WHERE k.user_id IS NULL GROUP BY k.name, k.role;
--> statement-breakpoint
UPDATE api_keys SET user_id = 'user_' || left(md5(role || ' ' || name), 16) WHERE user_id IS NULL;
--> statement-breakpoint
CREATE INDEX api_keys_user ON api_keys (user_id);
