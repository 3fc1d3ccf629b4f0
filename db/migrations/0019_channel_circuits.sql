-- How the circuit to the receiver of a channel stands.
ALTER TABLE alert_channels ADD COLUMN circuit text NOT NULL DEFAULT 'closed' CHECK (circuit IN ('closed', 'open', 'half_open'));
