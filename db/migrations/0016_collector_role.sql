-- A key that may send events and read nothing.
ALTER TABLE api_keys DROP CONSTRAINT api_keys_role_check;
--> statement-breakpoint
ALTER TABLE api_keys ADD CONSTRAINT api_keys_role_check
  CHECK (role IN ('collector', 'viewer', 'analyst', 'operator', 'admin'));
