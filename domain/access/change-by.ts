/** Who makes a change, as the audit log names them. */
export interface ChangeBy {
  /** The id of the API key, or `cli` or `system`. */
  readonly actor: string
  /** What people call it: the name of the key, the user of the shell. */
  readonly actorName: string
  /** Leads from the audit record to the log lines of the request. */
  readonly requestId: string
  /** Of a request that may be repeated: that it made its change is stored with the change. */
  readonly idempotencyKey?: string | undefined
}
